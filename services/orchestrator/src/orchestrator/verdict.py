"""What becomes of an answer once it is judged: said, cut, doubted, or left to people. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from contracts.v1.tenants import TenantSettings
from orchestrator.confidence import CONFIDENCE_MINIMUM, Confidence
from orchestrator.grounding import Grounding, with_marks, without_unsupported
from orchestrator.replies import Replies
from orchestrator.tools import Decisions

Miss = Literal["nothing_found", "ungrounded", "low_confidence", "refused"]

_DISCLAIMED_MARK: Final = "\\* "


@dataclass(frozen=True, slots=True)
class Settled:
    """The words to say, one word for why, and what is noted of it."""

    text: str
    decision: str
    missed: Miss | None
    """Why the question counts as not answered; None where it was."""
    evidence: dict[str, Any]


def settle(
    settings: TenantSettings,
    replies: Replies,
    grounding: Grounding,
    confidence: Confidence,
    decisions: Decisions,
    misses_before: int,
) -> Settled:
    """Apply what the tenant chose; a handover is written into the decisions."""
    strict = settings.grounding == "strict" and settings.rag_enabled
    text = _strictly(grounding) if strict else grounding.text
    emptied = text is None
    missed = _missed(settings, grounding, confidence, emptied=emptied)
    noted: dict[str, Any] = {"unsaid": grounding.text} if emptied else {}
    said = replies.not_found if text is None else text
    if decisions.handoff is not None:
        kept = text or replies.handoff
        return Settled(kept, "handoff_model", missed, noted)
    reason = _handover(settings, confidence, missed, misses_before)
    if reason is not None:
        decisions.handoff, decisions.handoff_by = reason, "low_confidence"
        decisions.ends = False
        return Settled(replies.handoff, "low_confidence", missed, {"unsaid": grounding.text})
    if emptied:
        return Settled(said, "ungrounded", missed, noted)
    if settings.low_confidence == "disclaim" and missed == "low_confidence":
        return Settled(_disclaimed(grounding, said, replies), "disclaimed", missed, noted)
    return Settled(said, "answer_and_end" if decisions.ends else "answer", missed, noted)


def minimum_of(settings: TenantSettings) -> float:
    """The tenant's threshold, else the platform's."""
    chosen = settings.confidence_minimum
    return CONFIDENCE_MINIMUM if chosen is None else chosen


def _strictly(grounding: Grounding) -> str | None:
    """Only what is supported, or undecided but cited; None where no claim is left of some."""
    kept = grounding.refusing_uncited()
    text = without_unsupported(kept)
    if kept.claims and not any(not one.unsupported for one in kept.claims):
        return None
    return text


def _missed(
    settings: TenantSettings, grounding: Grounding, confidence: Confidence, *, emptied: bool
) -> Miss | None:
    if grounding.admits:
        return "nothing_found"
    if emptied:
        return "ungrounded"
    if confidence.value is None or not settings.rag_enabled:
        return None
    if grounding.share == 0.0 and grounding.claims:
        return "ungrounded" if confidence.value >= minimum_of(settings) else "low_confidence"
    return "low_confidence" if confidence.value < minimum_of(settings) else None


def _handover(
    settings: TenantSettings, confidence: Confidence, missed: Miss | None, misses_before: int
) -> str | None:
    """Why a person should answer instead, in one sentence; None if none should."""
    if missed is None:
        return None
    most = settings.handoff_after_misses
    if most is not None and misses_before + 1 >= most:
        return f"{misses_before + 1} answers in a row found nothing ({missed})."
    unsure = confidence.value is not None and confidence.value < minimum_of(settings)
    if settings.low_confidence == "hand_over" and unsure:
        return f"The bot is not sure of its answer ({confidence.value:.2f}, {missed})."
    return None


def _disclaimed(grounding: Grounding, said: str, replies: Replies) -> str:
    """Mark what nothing supports, and say at the end that it is not sure."""
    marked = with_marks(grounding) if said == grounding.text else said
    sign = _DISCLAIMED_MARK if marked != said else ""
    return f"{marked.rstrip()}\n\n{sign}{replies.disclaimer}"
