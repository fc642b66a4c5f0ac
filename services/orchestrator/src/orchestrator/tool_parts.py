"""Puts the parts of tools together: what turns are offered, and what is asked about it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import observe
from bus import Bus
from egress import EgressPolicy
from orchestrator.broker_tools import BrokerTools
from orchestrator.http_tools import HttpTools
from orchestrator.mcp_book import McpBook
from orchestrator.mcp_requests import McpRequests
from orchestrator.mcp_sessions import McpSessions
from orchestrator.own_tools import Caller, OwnTools, ToolKind
from orchestrator.tenant_rules import RuleBook
from orchestrator.tool_requests import ToolRequests
from orchestrator.tool_store import OwnToolRows, ToolRuns, ToolStore
from orchestrator.toolbox import BuiltinToolbox, TenantToolbox
from postgres import Database, DatabaseAway, Queries
from sealing import KeyRing

TEND_SECONDS: Final = 30.0
ROUNDS_A_TIDYING: Final = 120

_log = observe.get_logger("orchestrator.tool_parts")


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What the operator allows tenants' tools."""

    ring: KeyRing | None = None
    allow_private_networks: bool = False
    events_amqp_url: str = field(default="", repr=False)
    mcp_commands: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolParts:
    """What the composition made."""

    toolbox: TenantToolbox
    requests: ToolRequests
    servers: McpRequests
    book: McpBook
    own: OwnTools
    runs: ToolRuns
    closing: Sequence[Callable[[], Awaitable[None]]]

    def listen(self, bus: Bus) -> None:
        """Register what is asked about tools."""
        self.requests.listen(bus)
        self.servers.listen(bus)

    async def tend(self) -> None:
        """End idle sessions and forget old calls, for as long as the service lives."""
        for round_number in count():
            await self.book.tend()
            if round_number % ROUNDS_A_TIDYING == 0:
                try:
                    await self.runs.forget_old()
                except DatabaseAway as error:
                    _log.info("old calls stay for now", reason=str(error))
            await asyncio.sleep(TEND_SECONDS)

    async def close(self) -> None:
        """Let calls end that are on their way, then close connections."""
        await self.own.close()
        for close in self.closing:
            await close()


def compose_tools(database: Database, rules: RuleBook, settings: ToolSettings) -> ToolParts:
    """Make every part; nothing is connected or imported that no tenant needs yet."""
    queries = Queries("orchestrator", "queries_tools.sql")
    policy = EgressPolicy(settings.allow_private_networks)
    ring, commands = settings.ring, settings.mcp_commands
    store, runs = ToolStore(queries), ToolRuns(database, queries)
    rows = OwnToolRows(database, store, ring)
    sessions = McpSessions(policy, commands)
    book = McpBook(database, queries, rules, sessions, ring)
    http = HttpTools(policy)
    callers: dict[ToolKind, Caller] = {"https": http, "mcp": book}
    closing: list[Callable[[], Awaitable[None]]] = [http.close, book.close]
    if settings.events_amqp_url:
        callers["broker"] = broker = BrokerTools(settings.events_amqp_url)
        closing.append(broker.close)
    own = OwnTools(runs, callers)
    toolbox = TenantToolbox(BuiltinToolbox(runs.facts), (rows, book), own)
    requests = ToolRequests(
        database, store, rows, rules, own, policy, ring,
        broker_there=bool(settings.events_amqp_url), mcp=book,
    )  # fmt: skip
    servers = McpRequests(database, store, book, rules, sessions, policy, ring, commands)
    return ToolParts(toolbox, requests, servers, book, own, runs, tuple(closing))
