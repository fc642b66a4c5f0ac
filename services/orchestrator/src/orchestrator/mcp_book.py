"""Tenants' MCP servers in the database: what each offers, which of it the bot is offered."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

import observe
from contracts.v1.tools import McpServer, McpTool
from orchestrator.mcp_servers import McpAddress, ServerFailed, detail_of, offered_tools
from orchestrator.mcp_sessions import McpSessions
from orchestrator.own_tools import OwnCall, OwnTool
from orchestrator.storable import storable_text
from orchestrator.tenant_rules import RuleBook
from orchestrator.tool_store import unsealed_headers
from orchestrator.tool_text import without_secrets
from orchestrator.tools import ToolFailed
from postgres import Database, DatabaseAway, Queries, Transaction
from sealing import KeyRing, SealingError

CALL_SECONDS: Final = 20.0
RESULT_CHARACTERS_MAX: Final = 16_000
LOOK_AGAIN_SECONDS: Final = 300.0
"""A server in use is asked for its tools this often, whether or not it says that they changed."""

_log = observe.get_logger("orchestrator.mcp_book")


def headers_place(tenant_id: UUID, name: str) -> str:
    """Return the context that gateway seals a server's headers under."""
    return f"mcp-headers:{tenant_id}:{name}"


class McpBook:
    """Reads servers, makes their tools callable, and looks at them again."""

    def __init__(
        self,
        database: Database,
        queries: Queries,
        rules: RuleBook,
        sessions: McpSessions,
        ring: KeyRing | None,
        *,
        look_pause_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._queries = queries
        self._rules = rules
        self._sessions = sessions
        self._ring = ring
        self._look_pause_seconds = look_pause_seconds
        self._looking: dict[tuple[UUID, str], asyncio.Task[None]] = {}
        self._looked_at: dict[tuple[UUID, str], float] = {}
        sessions.changed = self.look_soon

    async def rows(self, tx: Transaction, tenant_id: UUID) -> list[Any]:
        """Return every server of the tenant, by name."""
        return list(await tx.fetch(self._queries["list_mcp_servers"], tenant_id))

    async def keep(self, tx: Transaction, *values: object) -> datetime:
        """Make or change a server; the values stand in the statement's order."""
        at: datetime = await tx.fetchval(self._queries["keep_mcp_server"], *values)
        return at

    async def remove(self, tx: Transaction, tenant_id: UUID, name: str) -> bool:
        """Take a server away; False if there is none."""
        return await tx.fetchval(self._queries["remove_mcp_server"], tenant_id, name) is not None

    async def load(self, tenant_id: UUID) -> list[OwnTool]:
        """Return the tools that the bot is offered."""
        return [tool for tool, enabled in await self._tools(tenant_id) if enabled]

    async def tool(self, tenant_id: UUID, offered_as: str) -> OwnTool | None:
        """Return a tool by the name it is offered under, enabled or not."""
        tools = (tool for tool, _ in await self._tools(tenant_id) if tool.name == offered_as)
        return next(tools, None)

    async def shown(self, tenant_id: UUID) -> list[McpServer]:
        """Return every server as the API shows it."""
        async with self._database.transaction(tenant_id) as tx:
            return [shown(row) for row in await self.rows(tx, tenant_id)]

    def address(self, tenant_id: UUID, row: Mapping[str, Any]) -> McpAddress:
        """Return where a server is; SealingError or ValueError if its headers are unreadable."""
        place = headers_place(tenant_id, row["name"])
        return McpAddress(
            tenant_id,
            row["name"],
            row["transport"],
            row["url"],
            row["command"],
            unsealed_headers(self._ring, row["sealed_headers"], place),
        )

    async def call(self, tool: OwnTool, call: OwnCall) -> str:
        """Call a tool of a server; whatever it does is one sentence for the model."""
        address = tool.server
        assert address is not None
        meta = {"call_id": str(call.call_id), "conversation_id": call.conversation.get("id")}
        try:
            text = await self._sessions.call(
                address,
                tool.name_there,
                call.arguments,
                {f"meta-chat/{name}": value for name, value in meta.items() if value},
            )
        except ServerFailed as error:
            raise ToolFailed(f"the tool could not be reached: {error}", "unreachable") from None
        finally:
            if monotonic() - self._looked_at.get(address.key, 0.0) > LOOK_AGAIN_SECONDS:
                self.look_soon(address)
        return without_secrets(text, [*address.headers.values(), address.url or ""])

    def look_soon(self, address: McpAddress) -> None:
        """Ask a server for its tools in a moment; many news in that moment are one look."""
        if address.key not in self._looking:
            self._looked_at[address.key] = monotonic()
            task = asyncio.create_task(self._look(address))
            self._looking[address.key] = task
            task.add_done_callback(lambda _: self._looking.pop(address.key, None))

    async def close(self) -> None:
        """Look no more, and end every session."""
        for task in list(self._looking.values()):
            task.cancel()
        await self._sessions.close()

    async def tend(self) -> None:
        """End idle sessions."""
        self._sessions.close_idle()

    async def _look(self, address: McpAddress) -> None:
        await asyncio.sleep(self._look_pause_seconds)
        offered: list[dict[str, Any]] | None = None
        try:
            offered, left_out = offered_tools(address.name, await self._sessions.announced(address))
            state, detail = "working", detail_of(left_out)
        except ServerFailed as error:
            state, detail = "failing", storable_text(str(error))[:200]
        try:
            await self._keep_look(address, offered, state, detail)
        except DatabaseAway as error:
            _log.info("what an MCP server offers is kept later", reason=str(error))

    async def _keep_look(
        self,
        address: McpAddress,
        offered: list[dict[str, Any]] | None,
        state: str,
        detail: str | None,
    ) -> None:
        async with self._database.transaction(address.tenant_id) as tx:
            rows = await self.rows(tx, address.tenant_id)
            row = next((row for row in rows if row["name"] == address.name), None)
            if row is None or self.address(address.tenant_id, row) != address:
                return
            text = None if offered is None else json.dumps(offered)
            changed = offered is not None and offered != json.loads(row["offered"])
            await tx.fetchval(
                self._queries["look_at_mcp_server"],
                address.tenant_id, address.name, row["updated_at"], text, state, detail,
            )  # fmt: skip
            if changed:
                await self._rules.changed_here(tx, address.tenant_id)
                _log.info("an MCP server changed its tools", server=address.name)

    async def _tools(self, tenant_id: UUID) -> list[tuple[OwnTool, bool]]:
        async with self._database.transaction(tenant_id) as tx:
            rows = await self.rows(tx, tenant_id)
        found: list[tuple[OwnTool, bool]] = []
        for row in rows:
            try:
                address = self.address(tenant_id, row)
            except (SealingError, ValueError) as error:
                _log.error("a server's headers are unreadable", reason=type(error).__name__)
                continue
            enabled = set(json.loads(row["enabled_tools"]))
            offered = json.loads(row["offered"])
            found += [(_own_tool(address, tool), tool["name"] in enabled) for tool in offered]
        return found


def _own_tool(address: McpAddress, tool: Mapping[str, Any]) -> OwnTool:
    return OwnTool(
        tenant_id=address.tenant_id,
        name=tool["offered_as"],
        description=tool["description"],
        parameters=json.loads(tool["schema"]),
        kind="mcp",
        timeout_seconds=CALL_SECONDS,
        result_characters_max=RESULT_CHARACTERS_MAX,
        repeatable=tool["repeatable"],
        server=address,
        name_there=tool["name"],
    )


def shown(row: Mapping[str, Any]) -> McpServer:
    """Return a server as the API shows it."""
    enabled = set(json.loads(row["enabled_tools"]))
    return McpServer(
        name=row["name"],
        transport=row["transport"],
        url=row["url"],
        command=row["command"],
        state=row["state"],
        detail=row["detail"],
        tools=[
            McpTool(
                name=tool["name"],
                offered_as=tool["offered_as"],
                description=tool["description"],
                enabled=tool["name"] in enabled,
            )
            for tool in json.loads(row["offered"])
        ],
        looked_at=row["looked_at"],
    )


def listed(names: Sequence[str]) -> str:
    """Return names as they are kept."""
    return json.dumps(list(dict.fromkeys(names)))
