"""Late interaction: how near each word of a question comes to some word of a passage. Pure.

A passage's score is the weighted mean, over the question's tokens, of the largest cosine between
the token and any token of the passage ("MaxSim"), as far as that is above what any two tokens of
this model have: without the floor ranking by it measured no better than no ranking at all (README).
Token vectors are kept as one byte a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_SCALE = 127.0
_OFFSET_BYTES = 120
COSINE_FLOOR = 0.6
"""Tokens of unrelated texts reach this; only what is above it says something."""

PIECE_WEIGHT = 0.5
"""Added to every piece of a word, so that a question of stop words alone still has weights."""


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The last hidden states of one text's tokens, unit length, as int8."""

    values: NDArray[np.int8]
    offsets: tuple[tuple[int, int], ...]
    """First and one past the last character of each token; none for passages."""

    @property
    def size_bytes(self) -> int:
        """What keeping them costs."""
        return int(self.values.nbytes) + _OFFSET_BYTES * len(self.offsets)

    def unit(self) -> NDArray[np.float32]:
        """As float32 values of unit length."""
        import numpy as np

        return self.values.astype(np.float32) / np.float32(_SCALE)


def packed(hidden: NDArray[np.float32], offsets: Sequence[tuple[int, int]]) -> TokenVectors:
    """Token vectors of one text; special tokens stand for no characters."""
    import numpy as np

    norms = np.maximum(np.linalg.norm(hidden, axis=1, keepdims=True), 1e-12)
    values = np.rint(hidden / norms * _SCALE).astype(np.int8)
    return TokenVectors(values, tuple(offsets))


def token_weights(
    question: str, tokens: TokenVectors, word_weights: Sequence[float] | None
) -> NDArray[np.float32]:
    """One weight a token, in all 1: its word's and a little; special tokens have none.

    `word_weights` belong to the question's words (`\\w+`) in order; without them tokens are equal.
    """
    import numpy as np

    words = [match.span() for match in _WORD.finditer(question)]
    weights = np.zeros(len(tokens.offsets), np.float32)
    for place, (start, end) in enumerate(tokens.offsets):
        if end > start:
            weights[place] = _weight(_word_of(words, (start, end)), word_weights)
    total = float(weights.sum())
    return weights / np.float32(total) if total > 0 else weights


def _weight(word: int, word_weights: Sequence[float] | None) -> float:
    if word_weights is None:
        return 1.0
    known = word_weights[word] if 0 <= word < len(word_weights) else 0.0
    return max(0.0, known) + PIECE_WEIGHT


def _word_of(words: Sequence[tuple[int, int]], span: tuple[int, int]) -> int:
    """The word that a token is a piece of, -1 for none."""
    for place, (start, end) in enumerate(words):
        if start <= span[0] < end:
            return place
    return -1


def late_scores(
    question: TokenVectors, weights: NDArray[np.float32], passages: Sequence[TokenVectors]
) -> list[float]:
    """Weighted MaxSim of each passage, from 0 to 1.

    Not `@`: its threads would wait for each other longer than they compute.
    """
    import numpy as np

    asked = question.unit()
    if not len(asked):
        return [0.0] * len(passages)
    scores: list[float] = []
    for passage in passages:
        if not len(passage.values):
            scores.append(0.0)
            continue
        nearest = np.einsum("qd,pd->qp", asked, passage.unit()).max(axis=1)
        above = np.maximum(nearest - COSINE_FLOOR, 0.0) / (1 - COSINE_FLOOR)
        scores.append(float((above * weights).sum()))
    return scores
