"""What would the bot say? A turn without a customer: nothing of it is kept or sent."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from bus import Bus, Refused
from contracts.v1.tenants import TenantSettings
from contracts.v1.trying import ReplyTried, TriedAnswer, TriedMessage, TryReply
from orchestrator.domain import Leased, StoredMessage, Trial, turn_identity
from orchestrator.drafting import Draft
from orchestrator.failures import TurnFailure
from orchestrator.handoff import HandoffWords
from orchestrator.metrics import Durations
from orchestrator.replies import keywords_of_languages
from orchestrator.tenant_rules import RuleBook
from orchestrator.tools import Decisions
from orchestrator.trial_settings import InvalidOverrides, TriedSettings, tried_settings
from orchestrator.turn_evidence import fitting
from outbox import Outbox

TALKS_AT_ONCE: Final = 8
EVIDENCE_BYTES_MAX: Final = 120_000
"""The answer itself travels in the same message."""

Answering = Callable[[Leased, TenantSettings, Durations], Awaitable[Draft]]


class Rehearsal:
    """Answers a turn that nobody waits for at a channel."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer

    async def perform(self, leased: Leased, settings: TenantSettings) -> tuple[TriedAnswer, Draft]:
        """Answer as the real turn would; raises `TurnFailure`."""
        started = monotonic()
        keyword = _keyword_in(leased, settings)
        if keyword is None:
            draft = await self._answer(leased, settings, Durations())
        else:
            draft = _handed_over(settings, keyword)
        return tried_answer(draft, round((monotonic() - started) * 1000)), draft


class Trying:
    """Answers `try-reply`."""

    def __init__(self, outbox: Outbox, rules: RuleBook, rehearsal: Rehearsal) -> None:
        self._outbox = outbox
        self._rules = rules
        self._rehearsal = rehearsal

    def listen(self, bus: Bus) -> None:
        """Register the request; a talk takes as long as a turn."""
        bus.answer(TryReply, self.reply, prefetch=TALKS_AT_ONCE)

    async def reply(self, request: TryReply) -> ReplyTried:
        """Answer the customer's last words in a talk without a customer."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            try:
                rules = await self._rules.current(tx, request.tenant_id)
            except LookupError as error:
                raise Refused("not_found", "There is no such tenant.") from error
            own_revision = await self._rules.own_revision(tx, request.tenant_id)
        tried = settled(rules.settings, request.overrides, request.language)
        leased = _talk(request, rules.revision, own_revision, tried)
        try:
            answer, draft = await self._rehearsal.perform(leased, tried.settings)
        except TurnFailure as failure:
            raise Refused(_code(failure), failure.detail) from failure
        evidence, left_out = fitting(draft.evidence, EVIDENCE_BYTES_MAX)
        return ReplyTried(answer=answer, evidence=evidence, left_out=left_out)


def settled(own: TenantSettings, overrides: str | None, language: str | None) -> TriedSettings:
    """Lay what the asker wants over the tenant's settings; refused with `invalid_settings`."""
    try:
        tried = tried_settings(own, overrides)
    except InvalidOverrides as error:
        raise Refused("invalid_settings", str(error)) from error
    if language is None:
        return tried
    settings = tried.settings.model_copy(update={"language": language})
    return TriedSettings(settings, tried.model, tried.tuning)


def tried_answer(draft: Draft, milliseconds: int) -> TriedAnswer:
    """Show a draft as an answer that was tried."""
    return TriedAnswer(
        text=draft.text,
        citations=draft.citations,
        decision=str(draft.evidence.get("decision") or "answer"),
        confidence=confidence_of(draft.evidence),
        model=draft.model,
        input_tokens=draft.input_tokens,
        output_tokens=draft.output_tokens,
        cost_usd=draft.cost_usd,
        milliseconds=milliseconds,
        tool_calls=names_of_tools(draft.evidence),
    )


def failed_answer(evidence: dict[str, Any]) -> TriedAnswer | None:
    """Show what was paid for no answer; None where no model was asked."""
    calls = evidence.get("model_calls") or []
    if not calls:
        return None
    costs = [call.get("cost_usd") for call in calls]
    return TriedAnswer(
        text="",
        citations=[],
        decision="failed",
        confidence=None,
        model=calls[-1].get("model"),
        input_tokens=sum(call.get("input_tokens") or 0 for call in calls),
        output_tokens=sum(call.get("output_tokens") or 0 for call in calls),
        cost_usd=None if None in costs else sum(costs),
        milliseconds=round(sum((evidence.get("milliseconds") or {}).values())),
        tool_calls=names_of_tools(evidence),
    )


def confidence_of(evidence: dict[str, Any]) -> float | None:
    """Read how sure a turn was, where that was judged."""
    told = evidence.get("confidence")
    if isinstance(told, dict):
        told = told.get("value")
    return min(max(float(told), 0.0), 1.0) if isinstance(told, int | float) else None


def names_of_tools(evidence: dict[str, Any]) -> list[str]:
    """Read which tools a turn called, in order."""
    calls = evidence.get("tool_calls") or []
    return [str(call.get("name"))[:512] for call in calls if isinstance(call, dict)][:40]


def _keyword_in(leased: Leased, settings: TenantSettings) -> str | None:
    """Find the word that brings a person before any model is asked, as with a real message."""
    keywords = [*settings.handoff_keywords, *keywords_of_languages(settings)]
    words = HandoffWords(keywords, settings.language)
    found = (words.found_in(message.text) for message in leased.unanswered)
    return next((keyword for keyword in found if keyword is not None), None)


def _handed_over(settings: TenantSettings, keyword: str) -> Draft:
    reason = f"The customer wrote {keyword!r}."
    return Draft(
        text=settings.handoff_reply,
        citations=[],
        model=None,
        input_tokens=0,
        output_tokens=0,
        cost_usd=0.0,
        tool_rounds=0,
        evidence={"decision": "handoff_keyword", "keyword": keyword},
        decisions=Decisions(handoff=reason, handoff_by="keyword"),
    )


def _talk(request: TryReply, revision: int, own_revision: int, tried: TriedSettings) -> Leased:
    """Make a turn of a talk: the customer's last messages are what is to be answered."""
    messages = [_stored(seq, said) for seq, said in enumerate(request.messages, start=1)]
    last = messages[-1]
    if last.role != "customer":
        raise Refused("invalid_messages", "The last message must be the customer's.")
    first_seq = last.seq
    while first_seq > 1 and messages[first_seq - 2].role == "customer":
        first_seq -= 1
    conversation_id = request.message_id
    return Leased(
        tenant_id=request.tenant_id,
        conversation_id=conversation_id,
        channel_id=conversation_id,
        channel_type="webchat",
        contact_external_id="trial",
        ownership_number=1,
        lease_epoch=1,
        attempt=1,
        first_seq=first_seq,
        last_seq=last.seq,
        tenant_revision=revision,
        leased_at=datetime.now(UTC),
        leased_monotonic=monotonic(),
        turn_id=turn_identity(conversation_id, first_seq),
        messages=messages,
        own_revision=own_revision,
        trial=Trial("trial", request.tools, tried.model, tried.tuning),
    )


def _stored(seq: int, said: TriedMessage) -> StoredMessage:
    return StoredMessage(seq, said.role, said.text, None)


def _code(failure: TurnFailure) -> str:
    """`not_found` and timeouts mean something else to whoever asks for a conversation."""
    return "model_failed" if failure.code in ("not_found", "timeout") else failure.code
