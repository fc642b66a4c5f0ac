"""Writes the answer of one turn: search, prompt, model, tools, checked citations.

Nothing here touches the database; what comes out is a draft that may still be thrown away.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import observe
from bus import AskFailed
from contracts.v1.knowledge import FoundPassage, SearchFilter
from contracts.v1.models import (
    ChatMessage,
    GenerateReply,
    ReplyGenerated,
    StreamTarget,
    ToolCall,
    ToolDefinition,
)
from contracts.v1.shapes import Citation
from contracts.v1.tenants import TenantSettings
from orchestrator.citations import check_citations
from orchestrator.domain import Leased
from orchestrator.failures import TurnFailure, failure_of
from orchestrator.metrics import CITATIONS_REMOVED, TOOL_CALLS, Durations
from orchestrator.passages import PassageBook
from orchestrator.prompt import (
    Prompt,
    as_evidence,
    build_prompt,
    estimate_tokens,
    passages_as_evidence,
    tokens_of_tools,
    tool_exchange,
)
from orchestrator.searching import Asking, Searcher, SearchRecord
from orchestrator.storable import clipped, storable_text
from orchestrator.tools import (
    CALLS_PER_ROUND_MAX,
    Decisions,
    ToolContext,
    ToolFailed,
    ToolRegistry,
    knowledge_tools,
    plain_tools,
)
from orchestrator.wordless import holds_no_words, received_sentence

REPLY_BYTES_MAX: Final = 90_000
"""Longer answers are cut, so that every message about them stays under the bus's limit."""

REPLY_CHARACTERS_MAX: Final = 65_536
"""Longest text that a message may carry (`MessageText`); one more and the turn cannot be saved."""

STREAM_ATTEMPTS: Final = 8
"""Model calls of one lease: a later call's words replace what an earlier one streamed."""

DEFAULT_HANDOFF_REPLY: Final = "A person of our team will take over from here."
DEFAULT_END_REPLY: Final = "Thank you! Write again whenever you like."

_NO_ROOM: Final = "Error: no room for more; answer with what you have."

_log = observe.get_logger("orchestrator.answering")


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long and how often a turn asks others."""

    search_seconds: float = 3.0
    completion_seconds: float = 4.0
    model_seconds: float = 60.0
    turn_seconds: float = 120.0
    tool_rounds_max: int = 5


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


@dataclass(slots=True)
class _Work:
    """What one turn has gathered so far."""

    leased: Leased
    settings: TenantSettings
    registry: ToolRegistry
    durations: Durations
    deadline: float
    book: PassageBook = field(default_factory=PassageBook)
    messages: list[ChatMessage] = field(default_factory=list)
    replies: list[ReplyGenerated] = field(default_factory=list)
    record: SearchRecord = field(default_factory=SearchRecord)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)
    tokens_left: int = 0
    rounds: int = 0

    @property
    def all_replies(self) -> list[ReplyGenerated]:
        """Every model call of the turn, completing the question included."""
        return [*self.record.completions, *self.replies]

    def evidence(self) -> dict[str, Any]:
        return {
            "understood": self.record.understood,
            "searches": self.record.searches,
            "passages": passages_as_evidence(self.book),
            "prompt": as_evidence(self.messages),
            "tool_calls": self.tool_calls,
            "model_calls": [
                reply.model_dump(mode="json", exclude={"text", "tool_calls"})
                for reply in self.all_replies
            ],
            "milliseconds": self.durations.milliseconds,
        }


class Answerer:
    """Answers turns by asking retriever and llm-router."""

    def __init__(self, bus: Asking, limits: AnswerLimits) -> None:
        self._bus = bus
        self._limits = limits
        self._searcher = Searcher(bus, limits.search_seconds, limits.completion_seconds)
        self._with_documents = knowledge_tools()
        self._without = plain_tools()
        self._tools_tokens = tokens_of_tools(self._with_documents.definitions)

    async def answer(self, leased: Leased, settings: TenantSettings, durations: Durations) -> Draft:
        """Write the answer; raises `TurnFailure`, which carries the evidence so far."""
        work = _Work(
            leased,
            settings,
            self._with_documents if settings.rag_enabled else self._without,
            durations,
            monotonic() + self._limits.turn_seconds,
        )
        if settings.rag_enabled and holds_no_words(leased.unanswered):
            return _received(work)
        try:
            search_failed = await self._retrieve(work)
            prompt = self._prompt(work, search_failed=search_failed)
            final = await self._last_words(work)
            return _draft(work, final, prompt)
        except (AskFailed, ValueError) as error:
            raise failure_of(error, work.evidence()) from error
        except TurnFailure as failure:
            failure.evidence.update(work.evidence())
            raise

    async def _retrieve(self, work: _Work) -> bool:
        """Search for what the customer asks; answers whether the search failed."""
        if not work.settings.rag_enabled:
            return False
        try:
            with work.durations.stage("retrieve"):
                found = await self._searcher.find(work.leased, work.settings, work.record)
        except ToolFailed:
            return True
        work.book.add(found)
        return False

    def _prompt(self, work: _Work, *, search_failed: bool) -> Prompt:
        prompt = build_prompt(
            work.settings,
            work.leased.unanswered,
            work.leased.history,
            work.book,
            search_failed=search_failed,
            tools_tokens=self._tools_tokens if work.registry.definitions else 0,
        )
        work.book.keep_first(prompt.passages_used)
        work.messages = prompt.messages
        work.tokens_left = prompt.tokens_left
        return prompt

    async def _last_words(self, work: _Work) -> ReplyGenerated:
        """What the model says; who is to have a person gets one, also without its words."""
        try:
            return await self._converse(work)
        except (AskFailed, TurnFailure) as error:
            if work.decisions.handoff is None:
                raise
            _log.warning("handed over without the model's words", reason=str(error))
            return work.replies[-1].model_copy(update={"text": "", "tool_calls": []})

    async def _converse(self, work: _Work) -> ReplyGenerated:
        """Ask the model until it says something instead of wanting tools."""
        while True:
            offered = (
                work.registry.definitions if work.rounds < self._limits.tool_rounds_max else []
            )
            reply = await self._generate(work, offered)
            work.replies.append(reply)
            if not reply.tool_calls or (not offered and reply.text.strip()):
                return reply
            if not offered:
                raise TurnFailure(
                    "too_many_tool_rounds", "The model only wanted tools.", retry=False
                )
            work.rounds += 1
            with work.durations.stage("tool"):
                await self._run_tools(work, reply)

    async def _generate(self, work: _Work, tools: Sequence[ToolDefinition]) -> ReplyGenerated:
        seconds = min(self._limits.model_seconds, work.deadline - monotonic())
        if seconds <= 0:
            raise TurnFailure("turn_timeout", "The answer took too long.")
        leased, settings = work.leased, work.settings
        request = GenerateReply.make(
            tenant_id=leased.tenant_id,
            correlation_id=leased.turn_id,
            purpose="answer",
            conversation_id=leased.conversation_id,
            model=None,
            messages=work.messages,
            tools=tools,
            passages=work.book.given(),
            reply_tokens_max=settings.reply_tokens_max,
            deadline_at=datetime.now(UTC) + timedelta(seconds=seconds),
            stream=_stream_target(leased, len(work.replies)),
        )
        with work.durations.stage("llm"):
            asking = asyncio.ensure_future(self._bus.ask(request, timeout_seconds=seconds))
            try:
                await asyncio.sleep(0)  # the question is on its way before anything may stop us
                await observe.afailpoint("orchestrator.mid_llm")
                return await asking
            finally:
                asking.cancel()

    async def _run_tools(self, work: _Work, reply: ReplyGenerated) -> None:
        async def search(query: str, limit: int, wanted: SearchFilter | None) -> list[FoundPassage]:
            return await self._searcher.search(work.leased, work.record, query, limit, wanted)

        context = ToolContext(search, work.book, work.decisions)
        results: list[tuple[str, str]] = []
        for number, call in enumerate(reply.tool_calls):
            text = _NO_ROOM
            if number < CALLS_PER_ROUND_MAX and work.tokens_left > 0:
                text = await _run_tool(work, call, context)
            # A token is three bytes here, so three characters a token never cut too little.
            text = text[: max(3 * work.tokens_left, len(_NO_ROOM))]
            work.tokens_left -= estimate_tokens(text)
            results.append((call.call_id, text))
        wish = ChatMessage(
            role="assistant", content=reply.text, tool_calls=reply.tool_calls, tool_call_id=None
        )
        work.messages = [*work.messages, *tool_exchange(wish, results)]


async def _run_tool(work: _Work, call: ToolCall, context: ToolContext) -> str:
    started = monotonic()
    result = await work.registry.call(call, context)
    known = result.outcome != "unknown_tool"
    TOOL_CALLS.labels(call.name if known else "unknown", result.outcome).inc()
    work.tool_calls.append(
        {
            "round": work.rounds,
            "name": call.name,
            "arguments": call.arguments[:4_000],
            "outcome": result.outcome,
            "milliseconds": round((monotonic() - started) * 1000, 2),
        }
    )
    return result.text


def _draft(work: _Work, final: ReplyGenerated, prompt: Prompt) -> Draft:
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
        decision=_decision(decisions),
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


def _said_beside(work: _Work) -> str:
    """Words for a model that said them beside its decision, and nothing after it."""
    if not work.decisions.ends or work.decisions.handoff is not None:
        return ""
    beside = (reply.text for reply in reversed(work.replies) if reply.text.strip())
    return next(beside, DEFAULT_END_REPLY)


def _decision(decisions: Decisions) -> str:
    """One word for the evidence."""
    if decisions.handoff is not None:
        return "handoff_model"
    return "answer_and_end" if decisions.ends else "answer"


def _received(work: _Work) -> Draft:
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


def _stream_target(leased: Leased, call: int) -> StreamTarget | None:
    """Only web chat shows words while they are written."""
    if leased.channel_type != "webchat":
        return None
    turn_id: UUID = leased.turn_id
    return StreamTarget(
        channel_id=leased.channel_id,
        visitor_id=leased.contact_external_id,
        turn_id=turn_id,
        attempt=leased.lease_epoch * STREAM_ATTEMPTS + call,
    )
