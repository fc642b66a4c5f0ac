"""Late interaction: how near each word of a question comes to some word of a passage. Pure.

A passage's score is the weighted mean, over the question's tokens, of the largest cosine between
the token and any token of the passage ("MaxSim"). Token vectors are kept as one byte a number.
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
UNKNOWN_WORD_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The last hidden states of one text's tokens, unit length, as int8; without special tokens."""

    values: NDArray[np.int8]
    offsets: tuple[tuple[int, int], ...]
    """First and one past the last character of each token."""

    @property
    def size_bytes(self) -> int:
        """What keeping them costs."""
        return int(self.values.nbytes) + _OFFSET_BYTES * len(self.offsets)

    def unit(self) -> NDArray[np.float32]:
        """As float32 values of unit length."""
        import numpy as np

        return self.values.astype(np.float32) / np.float32(_SCALE)


def packed(hidden: NDArray[np.float32], offsets: Sequence[tuple[int, int]]) -> TokenVectors:
    """Token vectors of one text; special tokens, which stand for no characters, are left out."""
    import numpy as np

    real = [place for place, (start, end) in enumerate(offsets) if end > start]
    rows = hidden[real]
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    values = np.rint(rows / norms * _SCALE).astype(np.int8)
    return TokenVectors(values, tuple(offsets[place] for place in real))


def token_weights(
    question: str, tokens: TokenVectors, word_weights: Sequence[float] | None
) -> NDArray[np.float32]:
    """One weight a token: its word's, shared by the word's pieces; punctuation has none.

    `word_weights` belong to the question's words (`\\w+`) in order; without them words are equal.
    """
    import numpy as np

    words = [match.span() for match in _WORD.finditer(question)]
    weights = np.zeros(len(tokens.offsets), np.float32)
    owners = [_word_of(words, span) for span in tokens.offsets]
    pieces: dict[int, int] = {}
    for word in owners:
        pieces[word] = pieces.get(word, 0) + 1
    for place, word in enumerate(owners):
        if word >= 0:
            weights[place] = _weight(word, word_weights) / pieces[word]
    if not weights.any():
        weights[:] = 1.0
    total: float = float(weights.sum())
    return weights / np.float32(total) if total else weights


def _weight(word: int, word_weights: Sequence[float] | None) -> float:
    if word_weights is None:
        return 1.0
    return max(0.0, word_weights[word]) if word < len(word_weights) else UNKNOWN_WORD_WEIGHT


def _word_of(words: Sequence[tuple[int, int]], span: tuple[int, int]) -> int:
    """The word that a token is a piece of, -1 for none."""
    for place, (start, end) in enumerate(words):
        if span[0] < end and start < span[1]:
            return place
    return -1


def late_scores(
    question: TokenVectors, weights: NDArray[np.float32], passages: Sequence[TokenVectors]
) -> list[float]:
    """Weighted MaxSim of each passage, from -1 to 1."""
    asked = question.unit()
    if not len(asked):
        return [0.0] * len(passages)
    scores: list[float] = []
    for passage in passages:
        if not len(passage.values):
            scores.append(0.0)
            continue
        nearest = (asked @ passage.unit().T).max(axis=1)
        scores.append(float(nearest @ weights))
    return scores
