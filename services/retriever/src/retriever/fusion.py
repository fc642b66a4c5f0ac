"""How ranked lists become one. Pure.

The legs propose candidates; each candidate then has both its exact scores, whichever leg proposed
it ("filled in"), and only then are they compared: a passage is not taken for worthless because it
stood 101st in one of the lists.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal, NamedTuple

from retriever.domain import KeywordHit, VectorHit

RRF_CONSTANT = 20
"""Added to every rank: the best of 10, 20 and 60 (README)."""

Fusion = Literal["weighted", "rrf"]


@dataclass(frozen=True)
class Weights:
    """Shares of the two legs in the fused score; equal ones measured best."""

    keyword: float = 0.5
    vector: float = 0.5

    def keyword_share(self) -> float:
        """Of 1; equal shares when both are 0."""
        whole = self.keyword + self.vector
        return self.keyword / whole if whole > 0 else 0.5


@dataclass(frozen=True)
class VectorList:
    """What the vectors of one model found, best first."""

    model: str
    hits: Sequence[VectorHit]


class Candidate(NamedTuple):
    """A passage that either leg proposed; ranks are None where a leg did not.

    A score that is None is not known: the question has no vector of the passage's model.
    """

    key: int
    keyword_rank: int | None
    keyword_score: float
    coverage: float
    vector_rank: int | None
    vector_score: float | None
    model: str | None
    score: float


def propose(
    words: Sequence[KeywordHit], lists: Sequence[VectorList], count: int
) -> list[Candidate]:
    """The first `count` of each list, once each; what else is known of them by words is kept."""
    near = {
        hit.key: (rank, one.model, hit.similarity)
        for one in lists
        for rank, hit in enumerate(one.hits[:count], start=1)
    }
    by_word = {hit.key: (rank, hit) for rank, hit in enumerate(words[:count], start=1)}
    for rank, hit in enumerate(words[count:], start=count + 1):
        if hit.key in near:
            by_word[hit.key] = (rank, hit)
    keys = dict.fromkeys((*by_word, *near))
    return [_proposed(key, by_word.get(key), near.get(key), count) for key in keys]


def _proposed(
    key: int,
    word: tuple[int, KeywordHit] | None,
    near: tuple[int, str, float] | None,
    count: int,
) -> Candidate:
    rank, hit = word or (None, KeywordHit(key, 0.0, 0.0))
    keyword_rank = rank if rank is not None and rank <= count else None
    vector_rank, model, vector_score = near or (None, None, None)
    return Candidate(
        key, keyword_rank, hit.score, hit.coverage, vector_rank, vector_score, model, 0.0
    )


def filled(
    candidates: Iterable[Candidate], similarities: Mapping[int, tuple[str, float]]
) -> list[Candidate]:
    """With the similarities, by key, of those that only words proposed."""
    return [
        one._replace(model=similarities[one.key][0], vector_score=similarities[one.key][1])
        if one.vector_score is None and one.key in similarities
        else one
        for one in candidates
    ]


def fused(
    candidates: Sequence[Candidate], weights: Weights, method: Fusion = "weighted"
) -> list[Candidate]:
    """With their scores from 0 to 1, best first."""
    has_vectors = any(one.vector_score is not None for one in candidates)
    share = weights.keyword_share() if has_vectors else 1.0
    points = _by_rank if method == "rrf" else _by_score
    from_words = points({one.key: one.keyword_score for one in candidates})
    from_vectors = points(_strengths(candidates))
    scored = [
        Candidate(
            *one[:-1],
            share * from_words.get(one.key, 0.0) + (1 - share) * from_vectors.get(one.key, 0.0),
        )
        for one in candidates
    ]
    return sorted(scored, key=lambda one: (-one.score, one.key))


def _strengths(candidates: Sequence[Candidate]) -> dict[int, float]:
    """How near each is, comparable between models.

    Cosines of two models mean different things; how far each stands from the middle of its own
    model's candidates, in standard deviations, does not.
    """
    models: dict[str | None, list[tuple[int, float]]] = {}
    for one in candidates:
        if one.vector_score is not None:
            models.setdefault(one.model, []).append((one.key, one.vector_score))
    if len(models) == 1:
        return dict(next(iter(models.values())))
    strengths: dict[int, float] = {}
    for found in models.values():
        middle = fmean(similarity for _, similarity in found)
        deviation = pstdev(similarity for _, similarity in found)
        for key, similarity in found:
            strengths[key] = (similarity - middle) / deviation if deviation > 0 else 0.0
    return strengths


def _by_score(scores: Mapping[int, float]) -> Mapping[int, float]:
    """0 for the lowest, 1 for the highest; when they do not differ, 1, or 0 if all are 0."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high <= low:
        return dict.fromkeys(scores, 1.0 if high else 0.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def _by_rank(scores: Mapping[int, float]) -> Mapping[int, float]:
    """Reciprocal ranks, 1 for the first."""
    order = sorted((key for key in scores if scores[key]), key=lambda key: (-scores[key], key))
    return {key: (RRF_CONSTANT + 1) / (RRF_CONSTANT + rank) for rank, key in enumerate(order, 1)}
