"""Requests answered: a tenant's MCP servers, asked for by gateway's API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bus import Bus, Refused
from contracts.v1.tools import KeepMcpServer, McpServerSaved, RemoveMcpServer, ToolRemoved
from egress import EgressPolicy
from orchestrator.mcp_book import McpBook, headers_place, listed, shown
from orchestrator.mcp_servers import McpAddress, ServerFailed, detail_of, offered_tools
from orchestrator.mcp_sessions import McpSessions
from orchestrator.tenant_rules import RuleBook
from orchestrator.tool_requests import check_address, check_headers, same_origin
from orchestrator.tool_store import ToolStore, unsealed_headers
from postgres import Database, Transaction
from sealing import KeyRing

SERVERS_MAX: Final = 16
ASKED_AT_ONCE: Final = 8


class McpRequests:
    """Answers about one tenant's servers; another tenant's do not exist for it."""

    def __init__(
        self,
        database: Database,
        tools: ToolStore,
        book: McpBook,
        rules: RuleBook,
        sessions: McpSessions,
        policy: EgressPolicy,
        ring: KeyRing | None,
        commands: Mapping[str, Sequence[str]],
    ) -> None:
        self._database = database
        self._tools = tools
        self._book = book
        self._rules = rules
        self._sessions = sessions
        self._policy = policy
        self._ring = ring
        self._commands = commands

    def listen(self, bus: Bus) -> None:
        """Answer every request of this story."""
        bus.answer(KeepMcpServer, self.keep, prefetch=ASKED_AT_ONCE)
        bus.answer(RemoveMcpServer, self.remove)

    async def keep(self, request: KeepMcpServer) -> McpServerSaved:
        """Make or change a server, which is asked for its tools first."""
        self._check(request)
        tenant_id, name = request.tenant_id, request.name
        async with self._database.transaction(tenant_id) as tx:
            before = await self._before(tx, request)
        sealed = _headers_to_keep(request, before)
        address = McpAddress(
            tenant_id,
            name,
            request.transport,
            request.url,
            request.command,
            unsealed_headers(self._ring, sealed, headers_place(tenant_id, name)),
        )
        try:
            offered, left_out = offered_tools(name, await self._sessions.announced(address))
        except ServerFailed as error:
            raise Refused("server_failed", f"The server: {error}.") from error
        async with self._database.transaction(tenant_id) as tx:
            if not await self._tools.lock(tx, tenant_id):
                raise _not_found()
            await self._before(tx, request)
            await self._book.keep(
                tx, tenant_id, name, request.transport, request.url, request.command, sealed,
                listed(request.enabled_tools), json.dumps(offered), "working", detail_of(left_out),
            )  # fmt: skip
            await self._rules.changed_here(tx, tenant_id)
            rows = await self._book.rows(tx, tenant_id)
        return McpServerSaved(server=next(shown(row) for row in rows if row["name"] == name))

    async def remove(self, request: RemoveMcpServer) -> ToolRemoved:
        """Take a server and its tools away."""
        async with self._database.transaction(request.tenant_id) as tx:
            if not await self._book.remove(tx, request.tenant_id, request.name):
                raise _not_found()
            await self._rules.changed_here(tx, request.tenant_id)
        self._sessions.forget(request.tenant_id, request.name)
        return ToolRemoved(name=request.name)

    async def _before(self, tx: Transaction, request: KeepMcpServer) -> Any | None:
        rows = await self._book.rows(tx, request.tenant_id)
        before = next((row for row in rows if row["name"] == request.name), None)
        if before is None and len(rows) >= SERVERS_MAX:
            raise Refused("too_many", f"A tenant has at most {SERVERS_MAX} MCP servers.")
        return before

    def _check(self, request: KeepMcpServer) -> None:
        if "__" in request.name or request.name.endswith("_"):
            raise Refused("invalid_name", "The name holds `__`, which ends a server's name.")
        if request.transport == "stdio":
            self._check_command(request)
            return
        if request.command is not None:
            raise Refused("invalid_server", "A server by HTTP has no command.")
        if request.sealed_headers is not None and self._ring is None:
            raise Refused("not_allowed", "This platform has no master key to seal secrets with.")
        check_address(self._policy, request.url)
        place = headers_place(request.tenant_id, request.name)
        check_headers(self._ring, request.sealed_headers, place)

    def _check_command(self, request: KeepMcpServer) -> None:
        if request.url is not None or request.sealed_headers is not None:
            raise Refused("invalid_server", "A program has neither url nor headers.")
        if request.command not in self._commands:
            raise Refused("not_allowed", "The operator's list has no such command.")


def _headers_to_keep(request: KeepMcpServer, before: Mapping[str, Any] | None) -> str | None:
    if request.sealed_headers is not None or before is None:
        return request.sealed_headers
    # Headers were given for one address: another one does not get them.
    kept: str | None = before["sealed_headers"]
    return kept if same_origin(before["url"], request.url) else None


def _not_found() -> Refused:
    return Refused("not_found", "There is no such server.")
