"""Making a database that a test gave back like new, or saying that it cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from postgres import Queries

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SESSIONS_END_SECONDS = 0.3
POLL_SECONDS = 0.01
LOCK_TIMEOUT = "3s"


@dataclass(frozen=True)
class Birthmark:
    """How a database was when it was made: its schema, and the rows it came with."""

    shape: str
    # Table -> hash of its rows; only tables that migrations filled, their ledger among them.
    rows: dict[str, str]


class Emptying:
    """Looks at databases as superuser and empties those that are otherwise as they were made."""

    def __init__(self) -> None:
        self._queries = Queries("testkit")

    async def birthmark(self, admin_url: str) -> Birthmark:
        """Return how a new database is."""
        connection = await asyncpg.connect(admin_url)
        try:
            tables = [row["name"] for row in await connection.fetch(self._queries["tables"])]
            rows = {name: await _rows_of(connection, name) for name in tables}
            filled = {name: found for name, found in rows.items() if found is not None}
            return Birthmark(await connection.fetchval(self._queries["shape"]), filled)
        finally:
            await connection.close()

    async def as_new(self, admin_url: str, birthmark: Birthmark) -> bool:
        """Empty it and return True; False when more than rows was changed or somebody is in it."""
        try:
            connection = await asyncpg.connect(admin_url)
            try:
                return await self._left(connection) and await self._empty(connection, birthmark)
            finally:
                await connection.close()
        except (asyncpg.PostgresError, OSError):
            return False  # it may be locked, gone or full: a new one is the answer to all of these

    async def _left(self, connection: Connection) -> bool:
        """Tell whether everybody has left; a closed connection's server process takes a moment."""
        for _ in range(round(SESSIONS_END_SECONDS / POLL_SECONDS)):
            if await connection.fetchval(self._queries["sessions"]) == 0:
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _empty(self, connection: Connection, birthmark: Birthmark) -> bool:
        if await connection.fetchval(self._queries["shape"]) != birthmark.shape:
            return False
        for name, found in birthmark.rows.items():
            if await _rows_of(connection, name) != found:
                return False
        tables = await connection.fetch(self._queries["tables"])
        emptied = [row["name"] for row in tables if row["name"] not in birthmark.rows]
        if any(row["large"] for row in tables):
            statements = f"truncate {', '.join(emptied)}"
        else:
            statements = "; ".join(f"delete from {name}" for name in emptied)  # noqa: S608
        async with connection.transaction():
            # No triggers and no foreign keys: the order of the tables does not matter.
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            await connection.execute(statements)
        await connection.execute(self._queries["restart_sequences"])
        await connection.execute(self._queries["forget_statistics"])
        return True


async def _rows_of(connection: Connection, table: str) -> str | None:
    """Return a hash of a table's rows, None when it has none."""
    found: str | None = await connection.fetchval(
        f"select md5(string_agg(t::text, ';' order by t::text)) from {table} as t"  # noqa: S608
    )
    return found
