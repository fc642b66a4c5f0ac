"""A tenant's own tools as the bot is offered them, and what one call of them carries.

A call is noted before it is made and after it (`ToolRuns`): a turn that is begun again finds what
was done. It goes on when its turn is cancelled, so that its result is not lost.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Literal, Protocol
from uuid import UUID, uuid5

import observe
from orchestrator.domain import Leased
from orchestrator.mcp_servers import McpAddress
from orchestrator.storable import storable_text
from orchestrator.tool_schemas import ArgumentCheck
from orchestrator.tool_text import as_data, cleaned
from orchestrator.tools import Tool, ToolContext, ToolFailed
from postgres import DatabaseAway

SECONDS_FOR_WORDS: Final = 5.0
"""What a call leaves of the turn, so that the model can still say something."""

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""What is longer is not read."""

_SECONDS_MIN: Final = 0.5

ToolKind = Literal["https", "broker", "mcp"]

_log = observe.get_logger("orchestrator.own_tools")


@dataclass(frozen=True, slots=True)
class OwnTool:
    """One tool of one tenant, ready to be called."""

    tenant_id: UUID
    name: str
    description: str
    parameters: Mapping[str, Any]
    kind: ToolKind
    timeout_seconds: float
    result_characters_max: int
    repeatable: bool
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    slug: str | None = None
    server: McpAddress | None = None
    """The MCP server that offers it, and its name there."""
    name_there: str = ""


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One call: who it is for is the server's word, what it asks is the model's."""

    call_id: UUID
    arguments: Mapping[str, Any]
    conversation: Mapping[str, Any]
    contact: Mapping[str, Any]
    turn_id: UUID | None
    seconds: float
    test: bool = False

    def body(self, tool: OwnTool) -> str:
        """Return what an https or broker tool is sent, as JSON."""
        return json.dumps(
            {
                "tool": tool.name,
                "call_id": str(self.call_id),
                "arguments": self.arguments,
                "tenant": {"id": str(tool.tenant_id), "slug": tool.slug},
                "conversation": self.conversation,
                "contact": self.contact,
                "turn_id": None if self.turn_id is None else str(self.turn_id),
                "test": self.test,
            },
            ensure_ascii=False,
        )


class Caller(Protocol):
    """One way of calling tools."""

    async def call(self, tool: OwnTool, call: OwnCall) -> str:
        """Return the tool's words as they came; raises `ToolFailed`."""
        ...


class Runs(Protocol):
    """Notes calls of turns."""

    async def begin(self, leased: Leased, tool: OwnTool, fingerprint: bytes) -> str | None:
        """Note that a call is about to be made; returns the kept result of an earlier one."""
        ...

    async def end(self, leased: Leased, fingerprint: bytes, outcome: str, text: str) -> None:
        """Keep what came of it."""
        ...

    async def recorded(self, leased: Leased, fingerprint: bytes) -> str | None:
        """Return what the same call said last in this conversation."""
        ...

    async def facts(self, leased: Leased) -> Mapping[str, Any]:
        """Return what is known of the conversation and its customer."""
        ...


def fingerprint_of(name: str, arguments: Mapping[str, Any]) -> bytes:
    """Return what makes a call the same call, whatever order the model wrote it in."""
    canonical = json.dumps(arguments, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{name}\0{canonical}".encode()).digest()


def call_identity(turn_id: UUID, fingerprint: bytes) -> UUID:
    """Identity of a call: the same however often the turn makes it."""
    return uuid5(turn_id, fingerprint.hex())


class OwnTools:
    """Calls tenants' tools, each call of a turn once."""

    def __init__(self, runs: Runs, callers: Mapping[ToolKind, Caller]) -> None:
        self._runs = runs
        self._callers = callers
        self._running: dict[tuple[UUID, bytes], asyncio.Task[str]] = {}

    def offered(self, tool: OwnTool, check: ArgumentCheck) -> Tool:
        """Return the tool as the registry of a turn takes it."""

        async def run(arguments: Mapping[str, Any], context: ToolContext) -> str:
            return await self._run(tool, arguments, context)

        return Tool(
            name=tool.name,
            description=tool.description,
            parameters=tool.parameters,
            run=run,
            label=f"own_{tool.kind}",
            check=check,
        )

    async def try_once(self, tool: OwnTool, arguments: Mapping[str, Any]) -> str:
        """Call a tool outside any conversation, and say so in the call."""
        fingerprint = fingerprint_of(tool.name, arguments)
        call = OwnCall(
            call_id=uuid5(tool.tenant_id, f"{fingerprint.hex()}{monotonic()}"),
            arguments=arguments,
            conversation={},
            contact={},
            turn_id=None,
            seconds=tool.timeout_seconds,
            test=True,
        )
        return await self._asked(tool, call)

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Let calls that are on their way end, for a moment."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_seconds)
        for task in list(self._running.values()):
            task.cancel()

    async def _run(self, tool: OwnTool, arguments: Mapping[str, Any], context: ToolContext) -> str:
        leased = context.leased
        if leased is None or leased.tenant_id != tool.tenant_id:
            raise ToolFailed("this tool cannot be used here")
        fingerprint = fingerprint_of(tool.name, arguments)
        if leased.trial is not None and leased.trial.tools != "real":
            return await self._replayed(tool, leased, fingerprint)
        key = (leased.turn_id, fingerprint)
        task = self._running.get(key)
        if task is None:
            seconds = min(tool.timeout_seconds, context.deadline - monotonic() - SECONDS_FOR_WORDS)
            if seconds < _SECONDS_MIN:
                raise ToolFailed("there is no time left to use a tool", "timeout")
            made = self._noted(tool, leased, arguments, fingerprint, seconds)
            task = asyncio.create_task(made)
            self._running[key] = task
            task.add_done_callback(lambda _: self._ended(key))
        # The turn may be cancelled; a call that was begun is not taken back by that.
        return await asyncio.shield(task)

    def _ended(self, key: tuple[UUID, bytes]) -> None:
        task = self._running.pop(key)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.info("a tool failed", reason=type(error).__name__)

    async def _replayed(self, tool: OwnTool, leased: Leased, fingerprint: bytes) -> str:
        assert leased.trial is not None
        kept = None
        if leased.trial.tools == "recorded":
            kept = await self._runs.recorded(leased, fingerprint)
        if kept is None:
            raise ToolFailed("this is a rehearsal: the tool is not called", "not_called")
        return as_data(tool.name, kept)

    async def _noted(
        self,
        tool: OwnTool,
        leased: Leased,
        arguments: Mapping[str, Any],
        fingerprint: bytes,
        seconds: float,
    ) -> str:
        kept = await self._runs.begin(leased, tool, fingerprint)
        if kept is not None:
            return as_data(tool.name, kept)
        await observe.afailpoint("orchestrator.tool_attempting")
        conversation, contact = _bound(leased, await self._runs.facts(leased))
        call = OwnCall(
            call_id=call_identity(leased.turn_id, fingerprint),
            arguments=arguments,
            conversation=conversation,
            contact=contact,
            turn_id=leased.turn_id,
            seconds=seconds,
        )
        try:
            text = await self._asked(tool, call)
        except ToolFailed as failure:
            # Nobody knows what an unheard call did: it stays an attempt, unless it may be repeated.
            if tool.repeatable or not failure.maybe_done:
                await self._end(leased, fingerprint, failure.outcome, str(failure))
            raise
        await self._end(leased, fingerprint, "ok", text)
        return as_data(tool.name, text)

    async def _end(self, leased: Leased, fingerprint: bytes, outcome: str, text: str) -> None:
        try:
            await self._runs.end(leased, fingerprint, outcome, text)
        except DatabaseAway as error:
            # It stays an attempt whose end is not known; this turn knows, and goes on.
            _log.warning("what a tool did is not kept", reason=str(error))

    async def _asked(self, tool: OwnTool, call: OwnCall) -> str:
        caller = self._callers.get(tool.kind)
        if caller is None:
            raise ToolFailed("tools of this kind are not set up on this platform")
        try:
            async with asyncio.timeout(call.seconds):
                text = await caller.call(tool, call)
        except TimeoutError:
            raise ToolFailed(
                f"the tool did not answer within {call.seconds:.3g} seconds; it is not known "
                "whether it did its work",
                "timeout",
                maybe_done=True,
            ) from None
        return storable_text(cleaned(text, tool.result_characters_max)) or "(an empty answer)"


def readable(content_type: str, content: bytes) -> str:
    """Return an answer of a kind that a model can read; ToolFailed for another."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ToolFailed("the tool's answer is not text in UTF-8", maybe_done=True) from None
    if not text or content_type.startswith("text/"):
        return text
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise ToolFailed("the tool's answer is neither JSON nor text", maybe_done=True)
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise ToolFailed("the tool's answer is not valid JSON", maybe_done=True) from None
    return text


def _bound(leased: Leased, facts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return conversation and contact as a tool is told of them."""
    conversation = {
        "id": str(leased.conversation_id),
        "channel": leased.channel_type,
        "channel_id": str(leased.channel_id),
        "language": facts.get("language"),
        "tags": facts.get("tags") or [],
        "metadata": facts.get("metadata") or {},
    }
    contact = {
        "id": facts.get("contact_id"),
        "external_id": leased.contact_external_id,
        "name": facts.get("name"),
        "phone": facts.get("phone"),
        "email": facts.get("email"),
    }
    return conversation, contact
