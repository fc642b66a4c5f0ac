"""Tenants' tools, their MCP servers and the calls of their turns, in the database."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import observe
from orchestrator.domain import Leased
from orchestrator.own_tools import OwnTool
from orchestrator.tool_schemas import InvalidSchema, read_schema
from orchestrator.tool_signing import headers_place, secret_place
from orchestrator.tools import ToolFailed
from postgres import Database, Queries, Transaction
from sealing import KeyRing, SealingError

KEPT_DAYS: Final = 30

_log = observe.get_logger("orchestrator.tool_store")


class ToolStore:
    """Reads and writes what `queries_tools.sql` names."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def rows(self, tx: Transaction, tenant_id: UUID) -> list[Any]:
        """Return every tool of the tenant, by name."""
        return list(await tx.fetch(self._queries["list_tools"], tenant_id))

    async def lock(self, tx: Transaction, tenant_id: UUID) -> bool:
        """Let one change of a tenant's tools happen at a time; False for an unknown tenant."""
        return bool(await tx.fetchval(self._queries["lock_tenant_tools"], tenant_id))

    async def slug(self, tx: Transaction, tenant_id: UUID) -> str | None:
        """Return the tenant's name on the event broker."""
        slug: str | None = await tx.fetchval(self._queries["find_slug"], tenant_id)
        return slug

    async def keep(self, tx: Transaction, *values: object) -> datetime:
        """Make or change a tool; the values stand in the statement's order."""
        at: datetime = await tx.fetchval(self._queries["keep_tool"], *values)
        return at

    async def remove(self, tx: Transaction, tenant_id: UUID, name: str) -> bool:
        """Take a tool away; False if there is none."""
        return await tx.fetchval(self._queries["remove_tool"], tenant_id, name) is not None


class ToolRuns:
    """Notes calls before and after they are made; a turn that lost its lease makes none."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def begin(self, leased: Leased, tool: OwnTool, fingerprint: bytes) -> str | None:
        """Note that a call is about to be made; returns the kept result of an earlier one."""
        ids = (leased.tenant_id, leased.turn_id, fingerprint)
        async with self._database.transaction(leased.tenant_id) as tx:
            if await tx.fetchval(
                self._queries["turn_is_over"],
                leased.tenant_id,
                leased.conversation_id,
                leased.lease_epoch,
                leased.ownership_number,
            ):
                raise ToolFailed("somebody else has the conversation now", "turn_over")
            if await tx.fetchval(
                self._queries["begin_tool_run"], *ids, leased.conversation_id, tool.name
            ):
                return None
            before = await tx.fetchrow(self._queries["find_tool_run"], *ids)
            if before is None:
                raise ToolFailed("this tool cannot be used here")
            if before["state"] == "done" and before["outcome"] == "ok":
                kept: str = before["result"]
                return kept
            if before["state"] == "attempting" and not tool.repeatable:
                raise ToolFailed(
                    "this very call was made before and nobody heard its answer: it is not known "
                    "whether it did its work. It is not made again; say so, or hand over",
                    "unknown",
                )
            await tx.execute(self._queries["repeat_tool_run"], *ids)
            return None

    async def end(self, leased: Leased, fingerprint: bytes, outcome: str, text: str) -> None:
        """Keep what came of a call."""
        ids = (leased.tenant_id, leased.turn_id, fingerprint)
        async with self._database.transaction(leased.tenant_id) as tx:
            await tx.execute(self._queries["end_tool_run"], *ids, outcome, text)

    async def recorded(self, leased: Leased, fingerprint: bytes) -> str | None:
        """Return what the same call said last in this conversation."""
        ids = (leased.tenant_id, leased.conversation_id, fingerprint)
        async with self._database.transaction(leased.tenant_id) as tx:
            row = await tx.fetchrow(self._queries["recorded_tool_run"], *ids)
        return None if row is None or row["outcome"] != "ok" else str(row["result"])

    async def facts(self, leased: Leased) -> Mapping[str, Any]:
        """Return what is known of the conversation and its customer."""
        async with self._database.transaction(leased.tenant_id) as tx:
            row = await tx.fetchrow(
                self._queries["conversation_facts"], leased.tenant_id, leased.conversation_id
            )
        if row is None:
            return {"channel": leased.channel_type}
        return _facts(row)

    async def forget_old(self) -> int:
        """Delete calls that nobody asks for any more; answers how many."""
        async with self._database.system() as tx:
            done: str = await tx.execute(self._queries["forget_old_tool_runs"], KEPT_DAYS)
        return int(done.rpartition(" ")[2])


class OwnToolRows:
    """Loads a tenant's enabled tools with their secrets, for its turns."""

    def __init__(self, database: Database, store: ToolStore, ring: KeyRing | None) -> None:
        self._database = database
        self._store = store
        self._ring = ring

    async def load(self, tenant_id: UUID) -> list[OwnTool]:
        """Return the enabled ones; what cannot be unsealed or read any more is left out."""
        async with self._database.transaction(tenant_id) as tx:
            rows = await self._store.rows(tx, tenant_id)
            slug = await self._store.slug(tx, tenant_id) if rows else None
        return [
            tool for row in rows if row["enabled"] and (tool := self.made(tenant_id, slug, row))
        ]

    def made(self, tenant_id: UUID, slug: str | None, row: Mapping[str, Any]) -> OwnTool | None:
        """Return a row as a tool that can be called; None if it cannot."""
        try:
            return _own_tool(tenant_id, slug, row, self._ring)
        except (SealingError, InvalidSchema, ValueError) as error:
            _log.error("a tool cannot be used", tool=row["name"], reason=type(error).__name__)
            return None


def unsealed_headers(ring: KeyRing | None, sealed: str | None, place: str) -> dict[str, str]:
    """Return headers as gateway sealed them; ValueError or SealingError if they are unreadable."""
    if sealed is None:
        return {}
    if ring is None:
        raise ValueError("no master key is configured")
    headers = json.loads(ring.unseal(sealed, place))
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _own_tool(
    tenant_id: UUID, slug: str | None, row: Mapping[str, Any], ring: KeyRing | None
) -> OwnTool:
    name = row["name"]
    sealed = [row["sealed_secret"], row["previous_sealed_secret"]]
    if any(sealed) and ring is None:
        raise ValueError("no master key is configured")
    place = secret_place(tenant_id, name)
    return OwnTool(
        tenant_id=tenant_id,
        name=name,
        description=row["description"],
        parameters=read_schema(row["parameters"]),
        kind=row["kind"],
        timeout_seconds=row["timeout_seconds"],
        result_characters_max=row["result_characters_max"],
        repeatable=row["repeatable"],
        url=row["url"],
        headers=unsealed_headers(ring, row["sealed_headers"], headers_place(tenant_id, name)),
        secrets=tuple(ring.unseal(one, place).decode() for one in sealed if one and ring),
        slug=slug,
    )


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    # Of the row's newer columns those that are there: tags, language, what integrators keep.
    conversation = json.loads(row["conversation"])
    metadata = conversation.get("metadata")
    return {
        "name": row["display_name"] or row["username"],
        "channel": row["channel_type"],
        "channel_name": row["channel_name"],
        "contact_id": row["book_contact_id"] and str(row["book_contact_id"]),
        "phone": row["phone"],
        "email": row["email"],
        "language": conversation.get("language"),
        "tags": conversation.get("tags"),
        "metadata": json.loads(metadata) if isinstance(metadata, str) else metadata,
        "status": row["status"],
        "began_at": row["created_at"].isoformat(),
        "last_message_at": row["last_message_at"].isoformat(),
    }
