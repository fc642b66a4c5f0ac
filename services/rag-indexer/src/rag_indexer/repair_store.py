"""What is stuck, and what is redone, in Postgres; every method runs in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from postgres import Queries, Transaction
from rag_indexer.domain import PLATFORM_FAILURES, ReindexReason
from rag_indexer.store import DocumentKey


@dataclass(frozen=True)
class Reindexing:
    """A tenant whose documents are redone, and the last one that was looked at."""

    tenant_id: UUID
    reason: ReindexReason
    after_id: UUID | None


@dataclass(frozen=True)
class Stuck:
    """A version that does not go on by itself."""

    tenant_id: UUID
    document_id: UUID
    version: int
    state: str
    code: str | None
    repairs: int

    @property
    def key(self) -> DocumentKey:
        """Document and version."""
        return self.document_id, self.version


@dataclass(frozen=True)
class Backlog:
    """Versions to be built, versions the index has not confirmed, and the oldest one's age."""

    open: int
    said: int
    oldest_seconds: float


class RepairStore:
    """The statements of `queries.sql` about repairs, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def say_again(
        self, tx: Transaction, *, soon_seconds: float, late_seconds: float, repeats_max: int
    ) -> list[Stuck]:
        """Versions the index is silent about are said again; answers them."""
        rows = await tx.fetch(self._sql["say_again"], soon_seconds, late_seconds, repeats_max)
        return [_stuck(row) for row in rows]

    async def given_up(
        self, tx: Transaction, *, late_seconds: float, repeats_max: int
    ) -> list[Stuck]:
        """Versions that were said again so often that it will not help any more."""
        rows = await tx.fetch(self._sql["find_given_up"], late_seconds, repeats_max)
        return [_stuck(row) for row in rows]

    async def failed_for_platform(
        self, tx: Transaction, *, first_delay_seconds: float, repairs_max: int
    ) -> list[Stuck]:
        """Newest versions that failed through no fault of their own, longer ago each time."""
        rows = await tx.fetch(
            self._sql["find_platform_failures"],
            sorted(PLATFORM_FAILURES),
            first_delay_seconds,
            repairs_max,
        )
        return [_stuck(row) for row in rows]

    async def disagreeing(self, tx: Transaction, quiet_seconds: float) -> list[Stuck]:
        """Documents that show something else than what their newest version is."""
        rows = await tx.fetch(self._sql["find_disagreeing"], quiet_seconds)
        return [_stuck(row) for row in rows]

    async def show_state(self, tx: Transaction, stuck: Stuck) -> None:
        """Show a document as its newest version is."""
        await tx.execute(self._sql["show_state"], *stuck.key)

    async def backlog(self, tx: Transaction) -> Backlog:
        """How much there is to do."""
        row = await tx.fetchrow(self._sql["count_backlog"])
        return Backlog(row["open"], row["said"], row["oldest_seconds"]) if row else Backlog(0, 0, 0)

    async def tenants_in_reindexing(self, tx: Transaction) -> list[UUID]:
        """Whose documents are redone."""
        return [row["tenant_id"] for row in await tx.fetch(self._sql["find_reindexings"])]

    async def hold_reindexing(self, tx: Transaction, tenant_id: UUID) -> Reindexing | None:
        """Until the commit nobody else walks through this tenant; None: nothing to do, or busy."""
        row = await tx.fetchrow(self._sql["hold_reindexing"], tenant_id)
        return Reindexing(tenant_id, row["reason"], row["after_id"]) if row else None

    async def count_later(self, tx: Transaction, tenant_id: UUID) -> int:
        """Versions of the redoing that are not whole yet."""
        count: int = await tx.fetchval(self._sql["count_later"], tenant_id)
        return count

    async def next_documents(
        self, tx: Transaction, reindexing: Reindexing, limit: int
    ) -> Sequence[UUID]:
        """The next ones to look at."""
        rows = await tx.fetch(
            self._sql["next_documents"], reindexing.tenant_id, reindexing.after_id, limit
        )
        return [row["document_id"] for row in rows]

    async def move_reindexing(self, tx: Transaction, tenant_id: UUID, after_id: UUID) -> None:
        """Documents up to this one were looked at."""
        await tx.execute(self._sql["move_reindexing"], tenant_id, after_id)

    async def end_reindexing(self, tx: Transaction, tenant_id: UUID) -> None:
        """All were looked at."""
        await tx.execute(self._sql["end_reindexing"], tenant_id)


def _stuck(row: Any) -> Stuck:
    return Stuck(
        row["tenant_id"],
        row["document_id"],
        row["document_version"],
        row["state"],
        row["code"],
        row["repairs"],
    )
