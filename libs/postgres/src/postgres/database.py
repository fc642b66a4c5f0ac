"""A pool whose transactions always say whose rows they may see.

A transaction is either of one tenant (`chat.tenant` is set for it) or of the whole platform
(`chat.scope = 'platform'`, for relays, sweepers and look-ups before the tenant is known). With
neither, row-level security shows no rows at all.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg

if TYPE_CHECKING:
    Record: TypeAlias = asyncpg.Record
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Record = asyncpg.Record
    Pool = asyncpg.Pool

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)

_UNABLE = (asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError)
"""A full disk, or a server that became a standby: no fault of the statement that met it."""

_PLATFORM = "begin; set local chat.scope = 'platform'"
_COMMAND_TIMEOUT_SECONDS = 30.0
_ACQUIRE_TIMEOUT_SECONDS = 2.0


class DatabaseAway(Exception):
    """Postgres cannot be reached, has no connection to give or cannot write; nothing was kept."""


class Transaction:
    """The running transaction: what store methods take.

    `after_commit` holds what is to be done, without waiting, once it is committed.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.after_commit: list[Callable[[], None]] = []

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """All rows."""
        rows: list[Record] = await self._connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """The first row, if there is one."""
        row: Record | None = await self._connection.fetchrow(sql, *args)
        return row

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row."""
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        """Run it; answers the command tag, e.g. `UPDATE 1`."""
        tag: str = await self._connection.execute(sql, *args)
        return tag

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run it for each row in one round trip."""
        await self._connection.executemany(sql, rows)

    async def copy_records(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Binary COPY into a table."""
        await self._connection.copy_records_to_table(
            table, records=list(records), columns=list(columns)
        )

    @property
    def connection(self) -> Any:
        """The asyncpg connection, for what this class does not offer."""
        return self._connection


class Database:
    """One service's database."""

    def __init__(self, pool: Pool, dsn: str, name: str) -> None:
        self._pool = pool
        self.dsn = dsn
        self.name = name

    @classmethod
    async def connect(
        cls, dsn: str, *, name: str, size_min: int = 1, size_max: int = 8
    ) -> "Database":
        """Open the pool; raises `DatabaseAway` when the server does not answer."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=size_min,
                max_size=size_max,
                command_timeout=_COMMAND_TIMEOUT_SECONDS,
                timeout=5.0,
                server_settings={"application_name": name, "jit": "off"},
                # Transactions end by commit or rollback and set only transaction-local
                # settings, so the usual reset round trip buys nothing.
                reset=_keep_session,
            )
        except AWAY as error:
            raise DatabaseAway(f"{name}: {error}") from error
        return cls(pool, dsn, name)

    async def close(self) -> None:
        """Close the pool after running transactions ended."""
        await self._pool.close()

    def transaction(self, tenant_id: UUID) -> Any:
        """`async with database.transaction(tenant) as tx`: sees that tenant's rows only."""
        return self._scoped(f"begin; set local chat.tenant = '{UUID(str(tenant_id))}'")

    def system(self) -> Any:
        """`async with database.system() as tx`: sees every tenant's rows; use sparingly."""
        return self._scoped(_PLATFORM)

    async def check(self) -> None:
        """Answer quickly or raise: for readiness."""
        async with self.system() as tx:
            await tx.fetchval("select 1")

    @asynccontextmanager
    async def _scoped(self, opening: str) -> AsyncIterator[Transaction]:
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS)
        except AWAY as error:
            raise DatabaseAway(f"{self.name}: {str(error) or type(error).__name__}") from error
        try:
            async with _ended(connection, opening) as transaction:
                yield transaction
        finally:
            await self._pool.release(connection)


@asynccontextmanager
async def _ended(connection: Any, opening: str) -> AsyncIterator[Transaction]:
    """Begin with the scope in one round trip; commit, or roll back when the body raises."""
    try:
        await connection.execute(opening)
    except AWAY as error:
        raise DatabaseAway(str(error) or type(error).__name__) from error
    transaction = Transaction(connection)
    try:
        yield transaction
    except BaseException as error:
        if _is_gone(connection):
            raise _away_or_same(error) from error
        try:
            await connection.execute("rollback")
        except AWAY as lost:
            raise DatabaseAway(str(lost) or type(lost).__name__) from error
        if isinstance(error, _UNABLE):
            raise DatabaseAway(str(error) or type(error).__name__) from error
        raise
    else:
        try:
            await connection.execute("commit")
        except AWAY as error:
            raise DatabaseAway(str(error) or type(error).__name__) from error
        for act in transaction.after_commit:
            act()


def _is_gone(connection: Any) -> bool:
    """A connection that ended between two statements was already taken back by the pool."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def _away_or_same(error: BaseException) -> BaseException:
    """A body that failed because the connection died says so; cancellation stays what it is."""
    if isinstance(error, Exception):
        return DatabaseAway(str(error) or type(error).__name__)
    return error


async def _keep_session(connection: Any) -> None:
    """Nothing to reset: see `Database.connect`."""
