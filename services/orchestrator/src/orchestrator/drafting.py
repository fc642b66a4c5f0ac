"""What a turn is about to say: words, sources, and the evidence for them."""

from dataclasses import dataclass, field
from typing import Any, Final

from contracts.v1.models import ReplyGenerated
from contracts.v1.shapes import Citation
from orchestrator.citations import check_citations
from orchestrator.failures import TurnFailure
from orchestrator.metrics import CITATIONS_REMOVED
from orchestrator.prompt import Prompt
from orchestrator.storable import clipped, storable_text
from orchestrator.tools import Decisions
from orchestrator.turn_work import Work
from orchestrator.wordless import received_sentence

REPLY_BYTES_MAX: Final = 90_000
"""Longer answers are cut, so that every message about them stays under the bus's limit."""

REPLY_CHARACTERS_MAX: Final = 65_536
"""Longest text that a message may carry (`MessageText`); one more and the turn cannot be saved."""

DEFAULT_HANDOFF_REPLY: Final = "A person of our team will take over from here."
DEFAULT_END_REPLY: Final = "Thank you! Write again whenever you like."


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that was written and is not said yet."""

    text: str
    citations: list[Citation]
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    tool_rounds: int
    evidence: dict[str, Any]
    decisions: Decisions = field(default_factory=Decisions)


def draft_of(work: Work, final: ReplyGenerated, prompt: Prompt) -> Draft:
    """Check what the model said last and put the draft together."""
    decisions = work.decisions
    said = final.text
    if not said.strip() and final.finish_reason != "content_filter":
        said = _said_beside(work)
    if decisions.handoff is not None and not said.strip():
        said = work.settings.handoff_reply.strip() or DEFAULT_HANDOFF_REPLY
    if final.finish_reason == "content_filter" and not said.strip():
        raise TurnFailure("content_filter", "The model refused to answer.", retry=False)
    text = clipped(storable_text(said), REPLY_BYTES_MAX)
    checked = check_citations(text, work.book.by_number)
    if not checked.text:
        raise TurnFailure("empty_answer", "The model said nothing.")
    CITATIONS_REMOVED.inc(len(checked.removed))
    calls = work.all_replies
    costs = [reply.cost_usd for reply in calls]
    evidence = work.evidence()
    evidence.update(
        question_cut=prompt.question_cut,
        prompt_tokens_estimated=prompt.tokens,
        history_messages=prompt.history_used,
        citations_removed=checked.removed,
        finish_reason=final.finish_reason,
        decision=decision_of(decisions),
    )
    return Draft(
        text=_fitting(checked.text),
        citations=checked.citations,
        model=final.model,
        input_tokens=sum(reply.input_tokens for reply in calls),
        output_tokens=sum(reply.output_tokens for reply in calls),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        tool_rounds=work.rounds,
        evidence=evidence,
        decisions=decisions,
    )


def _said_beside(work: Work) -> str:
    """Words for a model that said them beside its decision, and nothing after it."""
    if not work.decisions.ends or work.decisions.handoff is not None:
        return ""
    beside = (reply.text for reply in reversed(work.replies) if reply.text.strip())
    return next(beside, DEFAULT_END_REPLY)


def decision_of(decisions: Decisions) -> str:
    """One word for the evidence."""
    if decisions.handoff is not None:
        return "handoff_model"
    return "answer_and_end" if decisions.ends else "answer"


def received(work: Work) -> Draft:
    """Thank for what came without words, and ask for some; no model is needed for it."""
    return Draft(
        text=received_sentence(work.settings.language),
        citations=[],
        model=None,
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        tool_rounds=0,
        evidence={**work.evidence(), "decision": "asked_for_words"},
    )


def _fitting(text: str) -> str:
    """Return as much as a message may carry; checking has made `[1,2]` longer: `[1][2]`."""
    if len(text) <= REPLY_CHARACTERS_MAX:
        return text
    return text[: REPLY_CHARACTERS_MAX - 1] + "…"
