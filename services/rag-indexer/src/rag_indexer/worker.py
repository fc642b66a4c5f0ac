"""Works on jobs, one after another under leases; a killed worker's job is taken up by the next."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from blobs import BlobCorrupt, BlobMissing
from contracts.v1.documents import DocumentRejected
from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway
from rag_indexer.domain import (
    EMBEDDING_UNAVAILABLE,
    FILE_MISSING,
    INTERNAL_ERROR,
    RATE_LIMITED,
    TRIES_MAX,
    WAITING,
    delay_seconds,
    refusal_sentence,
)
from rag_indexer.embedding import EmbedderAway, Embedding, EmbeddingRefused, ModelChanged
from rag_indexer.indexing import Indexing, PassagesLost, QuotaExceeded
from rag_indexer.job_store import Job, JobStore, LeaseLost
from rag_indexer.metrics import JOB_SECONDS, JOBS, REPAIRS
from rag_indexer.parsed import Unreadable
from rag_indexer.progress import progressed
from rag_indexer.records import Records
from rag_indexer.rounds import Rounds
from rag_indexer.store import Store

Done = TypeVar("Done")

log = get_logger(__name__)

_ANY_PRIORITY_EVERY = 8
"""So often the redoing of everything goes before what somebody waits for, or it would starve."""


@dataclass(frozen=True)
class WorkerRule:
    """How long a job is ours, how long it may wait for the embedder, how often to look."""

    lease_seconds: float = 60.0
    patience_seconds: float = 86_400.0
    poll_seconds: float = 2.0
    records_at_once: int = 32


class Worker:
    """`wake` says that there may be work; a poll is the net below it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        jobs: JobStore,
        indexing: Indexing,
        records: Records,
        embedding: Embedding,
        rule: WorkerRule,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._jobs = jobs
        self._indexing = indexing
        self._records = records
        self._embedding = embedding
        self._rule = rule
        self._rounds = Rounds("documents", rule.poll_seconds)
        self._claims = 0

    def wake(self) -> None:
        """There may be a job now."""
        self._rounds.wake()

    async def work(self) -> None:
        """For ever; several of these may run in one process and in many."""
        await self._rounds.run(self.work_once)

    async def work_once(self) -> bool:
        """Take one job (or a handful of small records) and do it; False when there was none."""
        jobs = await self._claim()
        if not jobs:
            return False
        try:
            with JOB_SECONDS.time():
                if len(jobs) > 1:
                    await self._settle_records(jobs)
                else:
                    JOBS.labels(await self._settle(jobs[0])).inc()
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(jobs))
            raise
        return True

    async def _claim(self) -> list[Job]:
        self._claims += 1
        rule = self._rule
        async with self._database.system() as tx:
            jobs = await self._jobs.claim(
                tx,
                rule.lease_seconds,
                rule.patience_seconds,
                fresh_first=self._claims % _ANY_PRIORITY_EVERY != 0,
                records_max=rule.records_at_once,
            )
        for job in jobs:
            if job.taken_over:
                REPAIRS.labels("lease").inc()
                log.warning("job_taken_over", document_id=str(job.document_id), tries=job.tries)
        return jobs

    async def _settle(self, job: Job) -> str:
        """Do the job; every way it can end has its place."""
        try:
            await self._attempt(job)
        except (EmbedderAway, ModelChanged, PassagesLost, LeaseLost) as reason:
            return await self._go_on_later(job, reason)
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - each has its destination there
            return await self._end(job, error)
        return "said"

    async def _go_on_later(self, job: Job, reason: Exception) -> str:
        """It is nobody's fault; the job goes on, or somebody else has it."""
        if isinstance(reason, EmbedderAway):
            return await self._wait_for_embedder(job, reason)
        if isinstance(reason, LeaseLost):
            log.info("lease_lost", document_id=str(job.document_id), version=job.version)
            return "lease_lost"
        self._embedding.forget_models()
        async with self._outbox.transaction(job.tenant_id) as tx:
            removed = await self._store.lock_document(tx, job.document_id)
            if removed or not await self._jobs.hold_all(tx, [job]):
                return "lease_lost"
            log.warning("version_began_anew", reason=str(reason), **_names(job))
            version = await self._store.add_version(tx, job.tenant_id, job.document_id)
            if version is not None:
                await self._outbox.say(
                    tx, progressed(job.tenant_id, job.document_id, version, "queued", 0)
                )
        return "version_began_anew"

    async def _end(self, job: Job, error: Exception) -> str:
        """What a document cannot get over is said; what another try may get over is tried."""
        if isinstance(error, Unreadable):
            log.info("document_unreadable", code=error.code, reason=error.detail, **_names(job))
            return await self._reject(job, error.code, error.sentence)
        if isinstance(error, QuotaExceeded):
            return await self._reject(job, "quota_exceeded", error.sentence)
        if isinstance(error, EmbeddingRefused):
            log.warning("embedding_refused", code=error.code, reason=str(error), **_names(job))
            sentence = refusal_sentence(error.model, error.code)
            return await self._reject(job, "embedding_refused", sentence)
        log.error("job_failed", tries=job.tries, exc_info=error, **_names(job))
        if isinstance(error, BlobMissing | BlobCorrupt):
            return await self._again_or(job, "file_missing", FILE_MISSING)
        return await self._again_or(job, "internal_error", INTERNAL_ERROR)

    async def _settle_records(self, jobs: Sequence[Job]) -> None:
        """The same for a handful; what befalls all of them lets each be tried alone."""
        try:
            outcome = await self._under_lease(jobs, self._records.run(jobs))
        except EmbedderAway as away:
            for job in jobs:
                JOBS.labels(await self._wait_for_embedder(job, away)).inc()
            return
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - each alone, with its own reason
            log.warning("records_tried_one_by_one", records=len(jobs), error=repr(error))
            await self._let_go(jobs)
            JOBS.labels("again").inc(len(jobs))
            return
        JOBS.labels("said").inc(len(outcome.said))
        for job, reason in outcome.failed:
            JOBS.labels(await self._end(job, reason)).inc()
        await self._let_go(outcome.again)

    async def _attempt(self, job: Job) -> None:
        if job.tries > TRIES_MAX:
            raise RuntimeError("its worker died with it every time")
        await self._under_lease([job], self._indexing.run(job))

    async def _under_lease(self, jobs: Sequence[Job], work: Coroutine[Any, Any, Done]) -> Done:
        """Do it for as long as the leases are ours; raises `LeaseLost`."""
        renewing = asyncio.create_task(self._keep_leases(jobs))
        running = asyncio.create_task(work)
        try:
            await asyncio.wait({renewing, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return await running
            raise LeaseLost(str(jobs[0].document_id))
        finally:
            for task in (renewing, running):
                task.cancel()
            await asyncio.gather(renewing, running, return_exceptions=True)

    async def _keep_leases(self, jobs: Sequence[Job]) -> None:
        """Ends when none could be renewed in time."""
        while True:
            await asyncio.sleep(self._rule.lease_seconds / 3)
            try:
                async with self._outbox.transaction(jobs[0].tenant_id) as tx:
                    if not await self._jobs.renew(tx, jobs, self._rule.lease_seconds):
                        return
            except DatabaseAway as away:
                log.warning("lease_not_renewed", reason=str(away))

    async def _let_go(self, jobs: Sequence[Job]) -> None:
        """Somebody else may go on at once."""
        if not jobs:
            return
        async with self._outbox.transaction(jobs[0].tenant_id) as tx:
            for job in jobs:
                await self._jobs.postpone(tx, job, 0.0)

    async def _again_or(self, job: Job, code: str, sentence: str) -> str:
        if job.tries >= TRIES_MAX:
            return await self._reject(job, code, sentence)
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.postpone(tx, job, delay_seconds(job.tries))
        return "again"

    async def _wait_for_embedder(self, job: Job, away: EmbedderAway) -> str:
        if job.out_of_patience:
            return await self._reject(job, "embedding_unavailable", EMBEDDING_UNAVAILABLE)
        log.warning("waiting_for_embedder", reason=str(away), **_names(job))
        waiting = RATE_LIMITED if away.code == "rate_limited" else WAITING
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.postpone(tx, job, away.delay_seconds, waiting=waiting)
        return "waiting"

    async def _reject(self, job: Job, code: str, sentence: str) -> str:
        async with self._outbox.transaction(job.tenant_id) as tx:
            try:
                await self._jobs.hold(tx, job)
            except LeaseLost:
                return "lease_lost"
            await self._store.fail(tx, job.tenant_id, job.key, code, sentence)
            await self._outbox.say(
                tx,
                DocumentRejected.make(
                    tenant_id=job.tenant_id,
                    correlation_id=job.document_id,
                    document_id=job.document_id,
                    document_version=job.version,
                    code=code,
                    detail=sentence,
                ),
            )
        return "rejected"


def _names(job: Job) -> dict[str, str]:
    return {"document_id": str(job.document_id), "tenant_id": str(job.tenant_id)}
