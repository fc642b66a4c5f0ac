"""Measures of ranked lists, by the conventions of trec_eval. Pure.

Gains are the judged grades themselves, discounts are log2(place + 1); a judged document that is not
in the collection still counts as one that should have been found.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

NDCG, RECALL_5, RECALL_100, MRR = "ndcg@10", "recall@5", "recall@100", "mrr@10"
NAMES = (NDCG, RECALL_5, RECALL_100, MRR)

_RESAMPLES = 2_000
_SEED = 20_110


def ndcg(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Normalised discounted cumulated gain of the first `depth`; 1 for an ideal order."""
    gained = _discounted([grades.get(one, 0.0) for one in found[:depth]])
    ideal = _discounted(sorted(grades.values(), reverse=True)[:depth])
    return gained / ideal if ideal > 0 else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(max(gain, 0.0) / math.log2(place + 2) for place, gain in enumerate(gains))


def recall(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Share of the relevant documents that are among the first `depth`."""
    relevant = {one for one, grade in grades.items() if grade > 0}
    return len(relevant.intersection(found[:depth])) / len(relevant) if relevant else 0.0


def reciprocal_rank(found: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """1 / the place of the first relevant document; 0 when none is among the first `depth`."""
    for place, one in enumerate(found[:depth], start=1):
        if grades.get(one, 0.0) > 0:
            return 1.0 / place
    return 0.0


def measure(found: Sequence[str], grades: Mapping[str, float]) -> dict[str, float]:
    """Every measure of one question's ranked list."""
    return {
        NDCG: ndcg(found, grades, 10),
        RECALL_5: recall(found, grades, 5),
        RECALL_100: recall(found, grades, 100),
        MRR: reciprocal_rank(found, grades, 10),
    }


def mean(measured: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean over questions, each counting the same; 0 without questions."""
    count = len(measured)
    return {name: math.fsum(one[name] for one in measured) / max(count, 1) for name in NAMES}


def interval(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean gain of `one` over `other`, question by question.

    A paired bootstrap with a fixed seed: the same figures give the same interval.
    """
    gains = [mine - theirs for mine, theirs in zip(one, other, strict=True)]
    if not gains:
        return 0.0, 0.0
    drawn = random.Random(_SEED)  # noqa: S311 - a sample, not a secret
    means = sorted(
        math.fsum(drawn.choices(gains, k=len(gains))) / len(gains) for _ in range(_RESAMPLES)
    )
    return means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1]
