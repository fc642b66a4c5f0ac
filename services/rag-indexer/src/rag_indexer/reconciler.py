"""Finds what does not go on by itself and sets it going; each repair is counted and logged.

Jobs whose worker died need no repair: their lease runs out and the next worker takes them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from contracts.v1.documents import DocumentRejected
from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction
from rag_indexer.domain import INTERNAL_ERROR, SILENT_INDEX
from rag_indexer.metrics import OLDEST_JOB_SECONDS, REPAIRS, WAITING_JOBS
from rag_indexer.progress import progressed
from rag_indexer.repair_store import RepairStore, Stuck
from rag_indexer.store import LATER, Store
from rag_indexer.vector_store import VectorStore

_VECTORS_A_PIECE = 2_000

log = get_logger(__name__)


@dataclass(frozen=True)
class RepairRule:
    """When something counts as stuck.

    A version is said again `soon_seconds` after it was said if one that was said later is whole
    already (the index works, so this one was lost), else after `late_seconds`; each time twice as
    long. Failures of the platform are tried again after `retry_seconds`, four times as long each.
    """

    every_seconds: float = 30.0
    soon_seconds: float = 300.0
    late_seconds: float = 3_600.0
    repeats_max: int = 5
    retry_seconds: float = 900.0
    repairs_max: int = 5
    quiet_seconds: float = 300.0
    vector_days: float = 90.0


class Reconciler:
    """Several may run: what one has in hand, the others pass over."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        repairs: RepairStore,
        vectors: VectorStore,
        rule: RepairRule,
        wake_worker: Callable[[], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._repairs = repairs
        self._vectors = vectors
        self._rule = rule
        self._wake_worker = wake_worker

    async def work(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._rule.every_seconds)
            try:
                await self.repair()
            except DatabaseAway as away:
                log.warning("reconciler_without_database", reason=str(away))
            except Exception:
                # The next round may do better; a process that ends would take its jobs along.
                log.exception("reconciler_round_failed")

    async def repair(self) -> int:
        """One look at everything; answers how many repairs were made."""
        repaired = await self._say_again()
        repaired += await self._give_up()
        repaired += await self._try_again()
        repaired += await self._agree()
        await self._forget_vectors()
        async with self._database.system() as tx:
            backlog = await self._repairs.backlog(tx)
        WAITING_JOBS.labels("open").set(backlog.open)
        WAITING_JOBS.labels("said").set(backlog.said)
        OLDEST_JOB_SECONDS.set(backlog.oldest_seconds)
        if repaired:
            self._wake_worker()
        return repaired

    async def _say_again(self) -> int:
        """The index was silent: its batches are said once more, with vectors that are kept."""
        rule = self._rule
        async with self._database.system() as tx:
            silent = await self._repairs.say_again(
                tx,
                soon_seconds=rule.soon_seconds,
                late_seconds=rule.late_seconds,
                repeats_max=rule.repeats_max,
            )
        for stuck in silent:
            _count("silence", stuck)
        return len(silent)

    async def _give_up(self) -> int:
        rule = self._rule
        async with self._database.system() as tx:
            hopeless = await self._repairs.given_up(
                tx, late_seconds=rule.late_seconds, repeats_max=rule.repeats_max
            )
        for stuck in hopeless:
            async with self._outbox.transaction(stuck.tenant_id) as tx:
                if not await self._hold(tx, stuck):
                    continue
                await self._fail(tx, stuck, "internal_error", SILENT_INDEX)
            _count("given_up", stuck)
        return len(hopeless)

    async def _try_again(self) -> int:
        """Failures that were not the document's fault: a new version, later each time."""
        rule = self._rule
        async with self._database.system() as tx:
            failed = await self._repairs.failed_for_platform(
                tx, first_delay_seconds=rule.retry_seconds, repairs_max=rule.repairs_max
            )
        for stuck in failed:
            await self._begin_anew(stuck, "failure")
        return len(failed)

    async def _agree(self) -> int:
        """What a document shows is what its newest version is; one without any begins anew."""
        async with self._database.system() as tx:
            odd = await self._repairs.disagreeing(tx, self._rule.quiet_seconds)
        for stuck in odd:
            if stuck.state in {"superseded", "missing"}:
                await self._begin_anew(stuck, "state")
                continue
            async with self._outbox.transaction(stuck.tenant_id) as tx:
                if not await self._hold(tx, stuck):
                    continue
                if stuck.state == "failed":
                    await self._fail(tx, stuck, stuck.code or "internal_error", INTERNAL_ERROR)
                else:
                    await self._repairs.show_state(tx, stuck)
            _count("state", stuck)
        return len(odd)

    async def _begin_anew(self, stuck: Stuck, kind: str) -> None:
        async with self._outbox.transaction(stuck.tenant_id) as tx:
            if not await self._hold(tx, stuck):
                return
            version = await self._store.add_version(
                tx,
                stuck.tenant_id,
                stuck.document_id,
                priority=LATER,
                repairs=stuck.repairs + 1,
            )
            if version is not None:
                await self._outbox.say(
                    tx, progressed(stuck.tenant_id, stuck.document_id, version, "queued", 0)
                )
        _count(kind, stuck)

    async def _hold(self, tx: Transaction, stuck: Stuck) -> bool:
        """Whether it is still as it was found; until the commit nobody changes it."""
        if await self._store.lock_document(tx, stuck.document_id):
            return False
        latest = await self._store.latest_job(tx, stuck.tenant_id, stuck.document_id)
        return (latest.state if latest else "missing") == stuck.state

    async def _fail(self, tx: Transaction, stuck: Stuck, code: str, detail: str) -> None:
        await self._store.fail(tx, stuck.tenant_id, stuck.key, code, detail)
        await self._outbox.say(
            tx,
            DocumentRejected.make(
                tenant_id=stuck.tenant_id,
                correlation_id=stuck.document_id,
                document_id=stuck.document_id,
                document_version=stuck.version,
                code=code,
                detail=detail,
            ),
        )

    async def _forget_vectors(self) -> None:
        """One piece a round, so that no statement runs long."""
        async with self._database.system() as tx:
            gone = await self._vectors.forget_unused(tx, self._rule.vector_days, _VECTORS_A_PIECE)
        if gone:
            log.info("vectors_forgotten", vectors=gone)


def _count(kind: str, stuck: Stuck) -> None:
    REPAIRS.labels(kind).inc()
    log.warning(
        "repaired",
        repair=kind,
        document_id=str(stuck.document_id),
        version=stuck.version,
        state=stuck.state,
        code=stuck.code,
    )
