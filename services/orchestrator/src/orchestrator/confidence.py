"""How likely an answer is right, computed from what can be seen, and what follows from it. Pure.

    confidence = grounded share × (0.45 + 0.55 × retrieval) × what went wrong,
    and never more than the model itself is sure of.

*Retrieval* is how well the best given passage fits the question: the share of the question's rare
words that it holds, or how far its similarity lies above the floor that was measured for the
model, whichever says more; a clear lead over the next document adds a little. README shows how
often answers of each confidence were right on the collections in the repository.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.v1.knowledge import FoundPassage
from orchestrator.grounding import Grounding
from orchestrator.self_report import Sure

CONFIDENCE_MINIMUM: Final = 0.6
"""The platform's threshold where a tenant chose none; below it fewer than half were right."""

_BASE: Final = 0.45
_SPREAD: Final = 0.45
"""From the floor on, so much more similarity is as good as it gets."""
_LEAD_WORTH: Final = 0.1
_SURE_AT_MOST: Final[dict[Sure, float]] = {"high": 1.0, "medium": 0.7, "low": 0.3}
_ADMITTED: Final = 0.05
_CUT_SHORT: Final = 0.8
_TOOL_FAILED: Final = 0.85
_KEYWORDS_ONLY: Final = 0.95
_FLOOR: Final = re.compile(r" (-?\d\.\d+) \(")
_FLOOR_UNKNOWN: Final = 0.2


@dataclass(frozen=True, slots=True)
class Signs:
    """What a turn shows about its answer."""

    grounding: Grounding
    passages: Sequence[FoundPassage]
    searches: Sequence[Mapping[str, Any]]
    sure: Sure | None = None
    finish_reason: str = "stop"
    tools_failed: int = 0
    documents: bool = True
    """Whether answers may use documents at all."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """A number from 0 to 1, or None where there was nothing to judge, and how it came about."""

    value: float | None
    parts: Mapping[str, Any]


def confidence_of(signs: Signs) -> Confidence:
    """Compute it; small talk and questions back are not judged."""
    grounded = signs.grounding.share
    if signs.grounding.admits:
        return Confidence(_ADMITTED, {"admitted": True})
    if grounded is None:
        return Confidence(None, {"claims": 0})
    at_most = 1.0 if signs.sure is None else _SURE_AT_MOST[signs.sure]
    if not signs.documents and not signs.passages:
        value = None if at_most == 1.0 else at_most
        return Confidence(value, {"documents": False, "sure": signs.sure})
    retrieval = retrieval_of(signs.passages, signs.searches)
    losses = _losses(signs)
    value = grounded * (_BASE + (1 - _BASE) * retrieval) * losses
    return Confidence(
        round(min(value, at_most), 3),
        {
            "grounded": round(grounded, 3),
            "retrieval": round(retrieval, 3),
            "losses": round(losses, 3),
            "sure": signs.sure,
        },
    )


def retrieval_of(passages: Sequence[FoundPassage], searches: Sequence[Mapping[str, Any]]) -> float:
    """Return how well the best of the given passages fits what was asked, 0 to 1."""
    if not passages:
        return 0.0
    coverage = _coverages(searches)
    floor = _floor(searches)
    fits = [
        max(
            coverage.get(str(passage.passage_id), 0.0),
            min(1.0, max(0.0, (passage.vector_score - floor) / _SPREAD)),
        )
        for passage in passages
    ]
    best = max(passages, key=lambda passage: passage.score)
    others = [one.score for one in passages if one.document_id != best.document_id]
    lead = min(1.0, max(0.0, best.score - max(others))) if others else 0.0
    return min(1.0, max(fits) + _LEAD_WORTH * lead)


def _losses(signs: Signs) -> float:
    losses = _TOOL_FAILED ** min(signs.tools_failed, 3)
    if signs.finish_reason == "length":
        losses *= _CUT_SHORT
    if any(search.get("degraded") for search in signs.searches):
        losses *= _KEYWORDS_ONLY
    return losses


def _coverages(searches: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Share of the question's idf by passage, as the searches explain it; the best of each."""
    found: dict[str, float] = {}
    for search in searches:
        for candidate in (search.get("explained") or {}).get("candidates", ()):
            share = candidate.get("coverage") or 0.0
            key = str(candidate["passage_id"])
            found[key] = max(found.get(key, 0.0), share)
    return found


def _floor(searches: Sequence[Mapping[str, Any]]) -> float:
    """The floor of similarity that the searches name."""
    for search in searches:
        told = _FLOOR.search((search.get("explained") or {}).get("threshold", ""))
        if told is not None:
            return float(told.group(1))
    return _FLOOR_UNKNOWN
