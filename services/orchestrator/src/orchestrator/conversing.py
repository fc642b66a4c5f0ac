"""Asks the model until it says something: at most five rounds of tools, one deadline for all."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final
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
from orchestrator.failures import TurnFailure
from orchestrator.metrics import TOOL_CALLS
from orchestrator.prompt import estimate_tokens, tool_exchange
from orchestrator.prompt_guard import gives_away
from orchestrator.searching import Asking, Searcher
from orchestrator.tools import CALLS_PER_ROUND_MAX, ToolContext, ToolResult
from orchestrator.turn_work import AnswerLimits, Work

STREAM_ATTEMPTS: Final = 8
"""Model calls of one lease: a later call's words replace what an earlier one streamed."""

_LEADING: Final = ("![", "](", "]:", "://", "www.")
"""Where an address may begin: only the checked answer says where it leads."""

_NO_ROOM: Final = "Error: no room for more; answer with what you have."

_log = observe.get_logger("orchestrator.conversing")


class Conversing:
    """The rounds of one turn between the model and its tools."""

    def __init__(self, bus: Asking, searcher: Searcher, limits: AnswerLimits) -> None:
        self._bus = bus
        self._searcher = searcher
        self._limits = limits

    async def last_words(self, work: Work) -> ReplyGenerated:
        """What the model says; who is to have a person gets one, also without its words."""
        try:
            return await self._converse(work)
        except (AskFailed, TurnFailure) as error:
            if work.decisions.handoff is None:
                raise
            _log.warning("handed over without the model's words", reason=str(error))
            return work.replies[-1].model_copy(update={"text": "", "tool_calls": []})

    async def _converse(self, work: Work) -> ReplyGenerated:
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

    async def _generate(self, work: Work, tools: Sequence[ToolDefinition]) -> ReplyGenerated:
        seconds = min(self._limits.model_seconds, work.deadline - monotonic())
        if seconds <= 0:
            raise TurnFailure("turn_timeout", "The answer took too long.")
        leased, settings = work.leased, work.settings
        request = GenerateReply.make(
            tenant_id=leased.tenant_id,
            correlation_id=leased.turn_id,
            purpose="answer",
            conversation_id=leased.conversation_id,
            model=leased.trial and leased.trial.model,
            spent_for=leased.trial and leased.trial.spent_for,
            messages=work.messages,
            tools=tools,
            passages=work.book.given(),
            reply_tokens_max=settings.reply_tokens_max,
            deadline_at=datetime.now(UTC) + timedelta(seconds=seconds),
            stream=stream_target(work, len(work.replies)),
        )
        with work.durations.stage("llm"):
            asking = asyncio.ensure_future(self._bus.ask(request, timeout_seconds=seconds))
            try:
                await asyncio.sleep(0)  # the question is on its way before anything may stop us
                await observe.afailpoint("orchestrator.mid_llm")
                return await asking
            finally:
                asking.cancel()

    async def _run_tools(self, work: Work, reply: ReplyGenerated) -> None:
        async def search(query: str, limit: int, wanted: SearchFilter | None) -> list[FoundPassage]:
            return await self._searcher.search(work.leased, work.record, query, limit, wanted)

        context = ToolContext(search, work.book, work.decisions, work.leased, work.deadline)
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


async def _run_tool(work: Work, call: ToolCall, context: ToolContext) -> str:
    started = monotonic()
    if gives_away(call.arguments, work.canary):
        result = ToolResult("Error: these arguments are not for tools.", "refused")
    else:
        result = await work.registry.call(call, context)
    TOOL_CALLS.labels(result.label, result.outcome).inc()
    work.tool_calls.append(
        {
            "round": work.rounds,
            "name": call.name,
            "arguments": call.arguments[:4_000],
            "outcome": result.outcome,
            "milliseconds": round((monotonic() - started) * 1000, 2),
        }
    )
    if result.outcome == "ok":
        work.tool_texts.append(result.text)
    return result.text


def stream_target(work: Work, call: int) -> StreamTarget | None:
    """Only web chat shows words while they are written, and only words that will stay.

    Where unsupported sentences are taken out, or a person is called instead, nobody may have read
    them before.
    """
    leased, settings = work.leased, work.settings
    unseen = leased.trial is not None and leased.trial.spent_for is not None
    may_go = settings.grounding == "strict" or settings.low_confidence == "hand_over"
    if leased.channel_type != "webchat" or unseen or may_go:
        return None
    turn_id: UUID = leased.turn_id
    return StreamTarget(
        channel_id=leased.channel_id,
        visitor_id=leased.contact_external_id,
        turn_id=turn_id,
        attempt=leased.lease_epoch * STREAM_ATTEMPTS + call,
        stop_at=[f"[[{work.mark}", work.canary, *_LEADING],
    )
