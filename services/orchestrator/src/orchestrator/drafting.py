"""What a turn is about to say: words, sources, and the evidence for them."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from contracts.v1.models import ReplyGenerated
from contracts.v1.shapes import Citation
from contracts.v1.tenants import TenantSettings
from orchestrator.citations import CitedText, check_citations
from orchestrator.curated import CuratedHit
from orchestrator.domain import Leased
from orchestrator.failures import TurnFailure
from orchestrator.judging import Judgement
from orchestrator.metrics import ADDRESSES_REMOVED, CITATIONS_REMOVED, PROMPTS_GUARDED
from orchestrator.output_safety import MayLead, Safe, made_safe
from orchestrator.prompt import RULES, Prompt
from orchestrator.prompt_guard import gives_away
from orchestrator.replies import Replies, replies_for
from orchestrator.self_report import Sure, read_report
from orchestrator.storable import clipped, storable_text
from orchestrator.tools import Decisions, HandoffReason
from orchestrator.turn_work import Work
from orchestrator.verdict import minimum_of, settle
from orchestrator.wordless import received_sentence

REPLY_BYTES_MAX: Final = 90_000
"""Longer answers are cut, so that every message about them stays under the bus's limit."""

_CHECKS_MAX: Final = 4

REPLY_CHARACTERS_MAX: Final = 65_536
"""Longest text that a message may carry (`MessageText`); one more and the turn cannot be saved."""


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
    confidence: float | None = None
    decision: str | None = None
    missed: str | None = None
    """Why the question counts as not answered; None where it was, or where nothing was judged."""
    curated_answer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said last, ready to be judged."""

    text: str
    removed: list[int]
    sure: Sure | None
    replies: Replies
    addresses_removed: tuple[str, ...] = ()


def said_by(work: Work, final: ReplyGenerated) -> Said:
    """Check what the model said last: its statement, and the sources that it names."""
    replies = replies_for(work.settings, work.asked)
    reported = read_report(final.text, work.mark)
    said = reported.text
    if not said.strip() and final.finish_reason != "content_filter":
        said = _said_beside(work, replies)
    if work.decisions.handoff is not None and not said.strip():
        said = replies.handoff
    if final.finish_reason == "content_filter" and not said.strip():
        raise TurnFailure("content_filter", "The model refused to answer.", retry=False)
    if gives_away(said, work.canary, RULES):
        PROMPTS_GUARDED.inc()
        raise TurnFailure("prompt_given_away", "The model told its instructions.", retry=False)
    safe, checked = _checked(work, clipped(storable_text(said), REPLY_BYTES_MAX))
    if not checked.text:
        raise TurnFailure("empty_answer", "The model said nothing.")
    CITATIONS_REMOVED.inc(len(checked.removed))
    ADDRESSES_REMOVED.inc(len(safe.removed))
    return Said(checked.text, checked.removed, reported.sure, replies, safe.removed)


def _checked(work: Work, said: str) -> tuple[Safe, CitedText]:
    """Take out addresses and sources until neither leaves the other behind: `evil[9].example`."""
    may, given = may_lead(work), work.book.by_number
    addresses: list[str] = []
    sources: list[int] = []
    for _ in range(_CHECKS_MAX):
        safe = made_safe(said, may)
        checked = check_citations(safe.text, given)
        addresses += safe.removed
        sources += checked.removed
        said = checked.text
        if not checked.removed:
            break
    else:
        # Sources within sources were written to outlast this.
        safe = made_safe(re.sub(r"[\[\]]", " ", said), may)
        checked = check_citations(safe.text, given)
    return Safe(safe.text, tuple(dict.fromkeys(addresses))), replace(checked, removed=sources)


def may_lead(work: Work) -> MayLead:
    """Where an answer may lead: the tenant's hosts, and its own web pages that were found."""
    pages = [one.source_url for one in work.book.by_number.values() if one.source_url]
    texts = [one.text for one in work.book.by_number.values()]
    known = "\n".join((*texts, *work.tool_texts, work.settings.system_prompt, work.customers_words))
    return MayLead.to([*(work.settings.link_hosts or ()), *pages], known)


def draft_of(
    work: Work, final: ReplyGenerated, prompt: Prompt, said: Said, judgement: Judgement
) -> Draft:
    """Put the draft together from what was said and how it was judged."""
    settled = settle(
        work.settings,
        said.replies,
        judgement.grounding,
        judgement.confidence,
        work.decisions,
        work.memory.misses,
    )
    checked = check_citations(settled.text, work.book.by_number)
    evidence = work.evidence()
    evidence.update(
        prompt_sections=prompt.sections,
        question_cut=prompt.question_cut,
        prompt_tokens_estimated=prompt.tokens,
        history_messages=prompt.history_used,
        summary_through=work.memory.summary_through,
        citations_removed=said.removed,
        addresses_removed=list(said.addresses_removed),
        finish_reason=final.finish_reason,
        decision=settled.decision,
        grounding=judgement.grounding.evidence(),
        confidence={
            "value": judgement.confidence.value,
            "minimum": minimum_of(work.settings),
            **judgement.confidence.parts,
        },
        missed=settled.missed,
        **settled.evidence,
    )
    return Draft(
        text=_fitting(checked.text),
        citations=checked.citations,
        model=final.model,
        tool_rounds=work.rounds,
        evidence=evidence,
        decisions=work.decisions,
        confidence=judgement.confidence.value,
        decision=settled.decision,
        missed=settled.missed,
        **spent(work),
    )


def spent(work: Work) -> dict[str, Any]:
    """Return what the turn's model calls took, as a draft's fields."""
    calls = work.all_replies
    costs = [reply.cost_usd for reply in calls]
    return {
        "input_tokens": sum(reply.input_tokens for reply in calls),
        "output_tokens": sum(reply.output_tokens for reply in calls),
        "cost_usd": None if None in costs else sum(cost for cost in costs if cost is not None),
    }


def _said_beside(work: Work, replies: Replies) -> str:
    """Words for a model that said them beside its decision, and nothing after it."""
    if not work.decisions.ends or work.decisions.handoff is not None:
        return ""
    beside = (read_report(reply.text, work.mark).text for reply in reversed(work.replies))
    return next((text for text in beside if text.strip()), replies.end)


def curated(work: Work, hit: CuratedHit) -> Draft:
    """Say the words that a person wrote for this question."""
    return Draft(
        text=hit.question.text,
        citations=hit.citations,
        model=None,
        tool_rounds=0,
        evidence={
            **work.evidence(),
            "decision": "curated",
            "curated": hit.evidence(),
            "confidence": {"value": 1.0, "curated": True},
        },
        confidence=1.0,
        decision="curated",
        curated_answer_id=hit.question.curated_answer_id,
        **spent(work),
    )


def handed_over(work: Work, by: HandoffReason, reason: str) -> Draft:
    """A person answers instead: the tenant's words for it, and why."""
    return Draft(
        text=replies_for(work.settings, work.asked).handoff,
        citations=[],
        model=None,
        tool_rounds=work.rounds,
        evidence={**work.evidence(), "decision": f"handoff_{by}"},
        decisions=Decisions(handoff=reason, handoff_by=by),
        decision=f"handoff_{by}",
        **spent(work),
    )


def polite(leased: Leased, settings: TenantSettings, evidence: dict[str, Any]) -> Draft:
    """No model could answer: the one polite text, or a person where the tenant wants one."""
    words = "\n".join(message.text for message in leased.unanswered)
    replies = replies_for(settings, words)
    decisions = Decisions()
    decision = "failed_politely"
    if settings.on_failure == "hand_over":
        said = f"{evidence.get('failure', 'failure')}: {evidence.get('detail', '')}"
        decisions = Decisions(handoff=said, handoff_by="error")
        decision = "handoff_error"
    return Draft(
        text=replies.failure if decisions.handoff is None else replies.handoff,
        citations=[],
        model=None,
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        tool_rounds=0,
        evidence={**evidence, "decision": decision},
        decisions=decisions,
        decision=decision,
        missed="refused" if evidence.get("failure") == "content_filter" else None,
    )


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
        decision="asked_for_words",
    )


def _fitting(text: str) -> str:
    """Return as much as a message may carry; checking has made `[1,2]` longer: `[1][2]`."""
    if len(text) <= REPLY_CHARACTERS_MAX:
        return text
    return text[: REPLY_CHARACTERS_MAX - 1] + "…"
