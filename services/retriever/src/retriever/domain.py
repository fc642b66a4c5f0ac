"""What the two legs of a search find. Pure."""

from typing import Literal, NamedTuple

CANDIDATES = 100
"""Passages each leg proposes."""

Reason = Literal["no_documents", "none_ready", "below_threshold"]


class KeywordHit(NamedTuple):
    """A passage that shares words with the question; coverage is its share of their idf."""

    key: int
    score: float
    coverage: float


class VectorHit(NamedTuple):
    """A passage whose vector is near the question's."""

    key: int
    similarity: float
