"""How two ranked lists become one, and which passages are worth giving. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

EXACT_PASSAGES_MAX = 4_000
"""Up to so many passages a tenant's vectors are all compared; above, the HNSW index is used."""

HNSW_DIMENSIONS = (384, 768, 1024, 1536, 3072)
"""Lengths of vectors that have an HNSW index; others are always compared exactly."""

CANDIDATES = 100
"""Passages each leg proposes."""

COSINE_FLOORS: Mapping[str, float] = {"builtin/minilm": 0.2}
"""Similarity below which a passage speaks of something else, measured for each model.

A model that is not in the table has no floor: an unmeasured number would only hide passages.
"""

COVERAGE_FLOOR = 0.4
"""Share of the question's idf that words alone must bring for a passage under the floor."""

_DUPLICATE_SIMILARITY = 0.9
_SHINGLE_WORDS = 3
_WORD = re.compile(r"\w+")

Reason = Literal["no_documents", "none_ready", "below_threshold"]


@dataclass(frozen=True)
class Weights:
    """Shares of the two legs in the fused score; equal ones measured best."""

    keyword: float = 0.5
    vector: float = 0.5


class KeywordHit(NamedTuple):
    """A passage that shares words with the question."""

    key: int
    score: float
    coverage: float


_NO_WORD = KeywordHit(0, 0.0, 0.0)


class VectorHit(NamedTuple):
    """A passage whose vector is near the question's."""

    key: int
    similarity: float


class Candidate(NamedTuple):
    """A passage that either leg proposed; a leg that did not has the score 0."""

    key: int
    keyword_score: float
    vector_score: float
    coverage: float
    score: float


def searches_exactly(passages: int, dimensions: int) -> bool:
    """Whether a tenant of this size is searched by comparing every vector."""
    return passages <= EXACT_PASSAGES_MAX or dimensions not in HNSW_DIMENSIONS


def fuse(
    words: Sequence[KeywordHit], vectors: Sequence[VectorHit], weights: Weights
) -> list[Candidate]:
    """Min-max over each leg's candidates, weighted sum from 0 to 1, best first."""
    share = _share(weights.keyword, weights.vector, bool(vectors))
    by_word = {hit.key: hit for hit in words}
    by_vector = {hit.key: hit.similarity for hit in vectors}
    places = dict(zip(by_word, _min_max([hit.score for hit in words]), strict=True))
    nearness = dict(zip(by_vector, _min_max(list(by_vector.values())), strict=True))
    candidates = []
    for key in dict.fromkeys((*by_word, *by_vector)):
        word = by_word.get(key, _NO_WORD)
        score = share * places.get(key, 0.0) + (1 - share) * nearness.get(key, 0.0)
        candidates.append(Candidate(key, word.score, by_vector.get(key, 0.0), word.coverage, score))
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.key))


def _share(keyword: float, vector: float, has_vectors: bool) -> float:
    if not has_vectors:
        return 1.0
    whole = keyword + vector
    return keyword / whole if whole > 0 else 0.5


def _min_max(scores: Sequence[float]) -> list[float]:
    """0 for the lowest, 1 for the highest; all 1 when they do not differ."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if high <= low:
        return [1.0] * len(scores)
    return [(score - low) / (high - low) for score in scores]


def relevant(candidates: Sequence[Candidate], model: str | None) -> list[Candidate]:
    """Drops what is neither near in meaning nor shares enough of the question's rare words."""
    floor = COSINE_FLOORS.get(model) if model else None
    if floor is None:
        return list(candidates)
    return [
        candidate
        for candidate in candidates
        if candidate.vector_score >= floor or candidate.coverage >= COVERAGE_FLOOR
    ]


def without_near_duplicates(texts: Sequence[str], limit: int) -> list[int]:
    """Places of the first `limit` texts that do not repeat one before them."""
    kept: list[int] = []
    seen: list[frozenset[tuple[str, ...]]] = []
    for place, text in enumerate(texts):
        if len(kept) == limit:
            break
        shingles = _shingles(text)
        if any(_alike(shingles, other) for other in seen):
            continue
        kept.append(place)
        seen.append(shingles)
    return kept


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    last = max(1, len(words) - _SHINGLE_WORDS + 1)
    return frozenset(tuple(words[place : place + _SHINGLE_WORDS]) for place in range(last))


def _alike(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> bool:
    shared = len(one & other)
    return shared >= _DUPLICATE_SIMILARITY * (len(one) + len(other) - shared)


def why_none(any_version: bool, passages: int) -> Reason:
    """Why a search of the tenant's documents gives nothing."""
    if not any_version:
        return "no_documents"
    return "none_ready" if passages == 0 else "below_threshold"
