"""Requests answered: a tenant's own tools, asked for by gateway's API."""

import re
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.tools import (
    KeepTool,
    ListTools,
    RemoveTool,
    Tool,
    ToolRemoved,
    ToolSaved,
    ToolsListed,
    ToolTried,
    TryTool,
)
from egress import EgressPolicy, InvalidUrl
from orchestrator.builtin_tools import BUILT_IN
from orchestrator.http_tools import OURS
from orchestrator.mcp_book import McpBook
from orchestrator.own_tools import OwnTool, OwnTools
from orchestrator.storable import storable_text
from orchestrator.tenant_rules import RuleBook
from orchestrator.tool_schemas import ArgumentCheck, InvalidSchema, read_schema
from orchestrator.tool_signing import headers_place, new_secret, secret_place
from orchestrator.tool_store import OwnToolRows, ToolStore, unsealed_headers
from orchestrator.tools import ToolFailed
from postgres import Database, Transaction
from sealing import KeyRing, SealingError

TOOLS_MAX: Final = 64
HEADERS_MAX: Final = 16
TRIED_AT_ONCE: Final = 8

_HEADER: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,4096}")


class ToolRequests:
    """Answers about one tenant's tools; another tenant's do not exist for it."""

    def __init__(
        self,
        database: Database,
        store: ToolStore,
        rows: OwnToolRows,
        rules: RuleBook,
        own: OwnTools,
        policy: EgressPolicy,
        ring: KeyRing | None,
        *,
        broker_there: bool,
        mcp: McpBook,
    ) -> None:
        self._database = database
        self._store = store
        self._rows = rows
        self._rules = rules
        self._own = own
        self._policy = policy
        self._ring = ring
        self._broker_there = broker_there
        self._mcp = mcp

    def listen(self, bus: Bus) -> None:
        """Answer every request of this story."""
        bus.answer(ListTools, self.list_all)
        bus.answer(KeepTool, self.keep)
        bus.answer(RemoveTool, self.remove)
        bus.answer(TryTool, self.try_out, prefetch=TRIED_AT_ONCE)

    async def list_all(self, request: ListTools) -> ToolsListed:
        """Every tool of the tenant, without its secrets."""
        async with self._database.transaction(request.tenant_id) as tx:
            rows = await self._store.rows(tx, request.tenant_id)
        servers = await self._mcp.shown(request.tenant_id)
        return ToolsListed(tools=[_shown(row) for row in rows], servers=servers)

    async def keep(self, request: KeepTool) -> ToolSaved:
        """Make or change a tool; a new signing secret is shown this once."""
        self._check(request)
        tenant_id, name = request.tenant_id, request.name
        async with self._database.transaction(tenant_id) as tx:
            rows = await self._locked(tx, tenant_id)
            before = next((row for row in rows if row["name"] == name), None)
            if before is None and len(rows) >= TOOLS_MAX:
                raise Refused("too_many", f"A tenant has at most {TOOLS_MAX} tools.")
            secret = self._new_secret(request, before)
            await self._store.keep(
                tx,
                tenant_id,
                name,
                storable_text(request.description),
                request.parameters,
                request.tool_kind,
                request.url,
                request.sealed_headers,
                secret and self._sealed(tenant_id, name, secret),
                request.timeout_seconds,
                request.result_characters_max,
                request.enabled,
                request.repeatable,
                before is not None and same_origin(before["url"], request.url),
            )
            await self._rules.changed_here(tx, tenant_id)
            rows = await self._store.rows(tx, tenant_id)
        saved = next(_shown(row) for row in rows if row["name"] == name)
        return ToolSaved(tool=saved, secret=secret)

    async def remove(self, request: RemoveTool) -> ToolRemoved:
        """Take a tool away; turns that begin from now on are not offered it."""
        async with self._database.transaction(request.tenant_id) as tx:
            if not await self._store.remove(tx, request.tenant_id, request.name):
                raise _not_found()
            await self._rules.changed_here(tx, request.tenant_id)
        return ToolRemoved(name=request.name)

    async def try_out(self, request: TryTool) -> ToolTried:
        """Call a tool once, enabled or not, outside any conversation."""
        tool = await self._tool(request.tenant_id, request.name)
        started = monotonic()
        try:
            arguments = ArgumentCheck(tool.parameters).read(request.arguments)
            outcome, text = "ok", await self._own.try_once(tool, arguments)
        except ToolFailed as failure:
            outcome, text = failure.outcome, f"Error: {failure}"
        except ValueError as error:
            outcome, text = "invalid_arguments", f"Error: invalid arguments: {error}"
        milliseconds = round((monotonic() - started) * 1000)
        return ToolTried(outcome=outcome, text=text, milliseconds=milliseconds)

    async def _tool(self, tenant_id: UUID, name: str) -> OwnTool:
        if "__" in name:
            tool = await self._mcp.tool(tenant_id, name)
            if tool is None:
                raise _not_found()
            return tool
        async with self._database.transaction(tenant_id) as tx:
            rows = await self._store.rows(tx, tenant_id)
            slug = await self._store.slug(tx, tenant_id)
        row = next((row for row in rows if row["name"] == name), None)
        if row is None:
            raise _not_found()
        tool = self._rows.made(tenant_id, slug, row)
        if tool is None:
            raise Refused("not_configured", "The tool's secrets cannot be read. Keep it again.")
        return tool

    async def _locked(self, tx: Transaction, tenant_id: UUID) -> list[Any]:
        if not await self._store.lock(tx, tenant_id):
            raise _not_found()
        return await self._store.rows(tx, tenant_id)

    def _check(self, request: KeepTool) -> None:
        if request.name in BUILT_IN or "__" in request.name:
            raise Refused("name_taken", "Built-in and MCP servers' tools have such names.")
        try:
            read_schema(request.parameters)
        except InvalidSchema as error:
            raise Refused("invalid_schema", f"The schema of the arguments: {error}.") from error
        if request.tool_kind == "broker":
            self._check_broker(request)
            return
        if self._ring is None:
            raise Refused("not_allowed", "This platform has no master key to seal secrets with.")
        check_address(self._policy, request.url)
        place = headers_place(request.tenant_id, request.name)
        check_headers(self._ring, request.sealed_headers, place)

    def _check_broker(self, request: KeepTool) -> None:
        if not self._broker_there:
            raise Refused("not_allowed", "This platform has no event broker for tools.")
        if request.url is not None or request.sealed_headers is not None:
            raise Refused("invalid_tool", "A tool by the broker has neither url nor headers.")

    def _new_secret(self, request: KeepTool, before: Mapping[str, Any] | None) -> str | None:
        if request.tool_kind != "https":
            return None
        has_one = before is not None and before["sealed_secret"] is not None
        return new_secret() if request.rotate_secret or not has_one else None

    def _sealed(self, tenant_id: UUID, name: str, secret: str) -> str:
        assert self._ring is not None
        return self._ring.seal(secret.encode(), secret_place(tenant_id, name))


def check_address(policy: EgressPolicy, url: str | None) -> None:
    """Refuse an address that may not be called; names are resolved with each call."""
    if not url:
        raise Refused("invalid_tool", "An address is needed.")
    try:
        policy.check_url(url)
    except InvalidUrl as error:
        raise Refused("address_refused", f"{error}.".capitalize()) from error


def check_headers(ring: KeyRing | None, sealed: str | None, place: str) -> None:
    """Refuse headers that cannot be sent, or that are ours to send."""
    try:
        headers = unsealed_headers(ring, sealed, place)
    except (SealingError, ValueError, AttributeError) as error:
        raise Refused("invalid_headers", "The headers cannot be read.") from error
    if len(headers) > HEADERS_MAX:
        raise Refused("invalid_headers", f"There may be at most {HEADERS_MAX} headers.")
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Refused("invalid_headers", "A header has a name or a value that cannot be sent.")
        if name in OURS:
            raise Refused("invalid_headers", f"The header {name} is set by the platform.")


def same_origin(one: str | None, other: str | None) -> bool:
    """Whether headers that were given for one address may go to the other."""
    if one is None or other is None:
        return False
    here, there = urlsplit(one.lower()), urlsplit(other.lower())
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)


def _shown(row: Mapping[str, Any]) -> Tool:
    return Tool(
        name=row["name"],
        description=row["description"],
        parameters=row["parameters"],
        kind=row["kind"],
        url=row["url"],
        timeout_seconds=row["timeout_seconds"],
        result_characters_max=row["result_characters_max"],
        enabled=row["enabled"],
        repeatable=row["repeatable"],
        updated_at=row["updated_at"],
    )


def _not_found() -> Refused:
    return Refused("not_found", "There is no such tool.")
