"""Works on jobs, one after another under leases; a killed worker's job is taken up by the next."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from blobs import BlobCorrupt, BlobMissing
from bus import AskFailed, BrokerAway
from contracts.v1.documents import DocumentRejected
from observe import get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway
from rag_indexer.domain import (
    EMBEDDING_UNAVAILABLE,
    FILE_MISSING,
    INTERNAL_ERROR,
    TRIES_MAX,
    WAITING,
    delay_seconds,
)
from rag_indexer.indexing import Indexing
from rag_indexer.job_store import Job, JobStore, LeaseLost
from rag_indexer.metrics import JOB_SECONDS, JOBS
from rag_indexer.parsed import Unreadable
from rag_indexer.store import Store

log = get_logger(__name__)

_EMBEDDER_DELAY_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerRule:
    """How long a job is ours, how long it may wait for the embedder, how often to look."""

    lease_seconds: float = 60.0
    patience_seconds: float = 86_400.0
    poll_seconds: float = 2.0


class Worker:
    """`wake` says that there may be work; a poll is the net below it."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        jobs: JobStore,
        indexing: Indexing,
        rule: WorkerRule,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._jobs = jobs
        self._indexing = indexing
        self._rule = rule
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be a job now."""
        self._woken.set()

    async def work(self) -> None:
        """For ever; several of these may run in one process and in many."""
        while True:
            self._woken.clear()
            try:
                worked = await self.work_once()
            except DatabaseAway as away:
                log.warning("worker_without_database", reason=str(away))
                worked = False
            except Exception:
                # The job's lease runs out and it is taken up again; a process that ends here
                # would take its neighbours' jobs along.
                log.exception("worker_round_failed")
                worked = False
            if not worked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._rule.poll_seconds)

    async def work_once(self) -> bool:
        """Take one job and do it; False when there was none."""
        async with self._database.system() as tx:
            job = await self._jobs.claim(tx, self._rule.lease_seconds, self._rule.patience_seconds)
        if job is None:
            return False
        try:
            with JOB_SECONDS.time():
                outcome = await self._settle(job)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(job))
            raise
        JOBS.labels(outcome).inc()
        return True

    async def _settle(self, job: Job) -> str:
        """Do the job; every way it can end has its place."""
        try:
            await self._attempt(job)
        except Unreadable as refusal:
            log.info(
                "document_unreadable",
                document_id=str(job.document_id),
                code=refusal.code,
                reason=refusal.detail,
            )
            return await self._reject(job, refusal.code, refusal.sentence)
        except (AskFailed, BrokerAway) as away:
            return await self._wait_for_embedder(job, str(away))
        except LeaseLost:
            log.info("lease_lost", document_id=str(job.document_id), version=job.version)
            return "lease_lost"
        except DatabaseAway:
            raise
        except (BlobMissing, BlobCorrupt):
            log.exception("file_missing", document_id=str(job.document_id))
            return await self._again_or(job, "file_missing", FILE_MISSING)
        except Exception:
            log.exception("job_failed", document_id=str(job.document_id), tries=job.tries)
            return await self._again_or(job, "internal_error", INTERNAL_ERROR)
        return "said"

    async def _attempt(self, job: Job) -> None:
        """The job, for as long as the lease is ours."""
        if job.tries > TRIES_MAX:
            raise RuntimeError("its worker died with it every time")
        renewing = asyncio.create_task(self._keep_lease(job))
        running = asyncio.create_task(self._indexing.run(job))
        try:
            await asyncio.wait({renewing, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            else:
                raise LeaseLost(str(job.document_id))
        finally:
            for task in (renewing, running):
                task.cancel()
            await asyncio.gather(renewing, running, return_exceptions=True)

    async def _keep_lease(self, job: Job) -> None:
        """Ends when the lease could not be renewed in time."""
        while True:
            await asyncio.sleep(self._rule.lease_seconds / 3)
            try:
                async with self._outbox.transaction(job.tenant_id) as tx:
                    if not await self._jobs.renew(tx, job, self._rule.lease_seconds):
                        return
            except DatabaseAway as away:
                log.warning("lease_not_renewed", reason=str(away))

    async def _let_go(self, job: Job) -> None:
        """This process ends: another one may go on at once."""
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.postpone(tx, job, 0.0)

    async def _again_or(self, job: Job, code: str, sentence: str) -> str:
        if job.tries >= TRIES_MAX:
            return await self._reject(job, code, sentence)
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.postpone(tx, job, delay_seconds(job.tries))
        return "again"

    async def _wait_for_embedder(self, job: Job, reason: str) -> str:
        if job.out_of_patience:
            return await self._reject(job, "embedding_unavailable", EMBEDDING_UNAVAILABLE)
        log.warning("waiting_for_embedder", document_id=str(job.document_id), reason=reason)
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.postpone(tx, job, _EMBEDDER_DELAY_SECONDS, waiting=WAITING)
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
