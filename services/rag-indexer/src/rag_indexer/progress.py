"""Tells people how far a job has come: always in the database, now and then as an event."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from contracts.v1.documents import DocumentProgressed, DocumentWork
from observe import get_logger
from outbox import Outbox
from postgres import DatabaseAway, Transaction
from rag_indexer.domain import PERCENT, Stage, embedding_percent, reading_percent, worth_saying
from rag_indexer.job_store import Job, JobStore, LeaseLost, Reading

_LOOK_SECONDS = 1.0

log = get_logger(__name__)


class Progress:
    """Of one go at one job."""

    def __init__(
        self,
        outbox: Outbox,
        jobs: JobStore,
        job: Job,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._jobs = jobs
        self._job = job
        self._clock = clock
        self._stage: Stage | None = None
        self._said_percent = 0
        self._said_at = clock()
        self._read: tuple[int, int] | None = None
        self._reused = job.reused

    def note(self, done: int, total: int) -> None:
        """The parser has read so much."""
        self._read = done, total

    async def begin(self, stage: Stage) -> None:
        """A stage begins."""
        async with self._outbox.transaction(self._job.tenant_id) as tx:
            await self.show_begun(tx, stage)

    async def show_begun(self, tx: Transaction, stage: Stage) -> None:
        """The same in a transaction that does more."""
        await self._jobs.hold(tx, self._job)
        await self.show(tx, stage, PERCENT[stage], self._reading_work())

    async def show(
        self, tx: Transaction, stage: Stage, percent: int, work: DocumentWork | None
    ) -> None:
        """Write it down; say it when a stage begins, and every five percent."""
        job, now = self._job, self._clock()
        shown = await self._jobs.show_stage(tx, [job], stage, percent, work)
        worth = worth_saying(self._said_percent, percent, now - self._said_at)
        if shown and (stage != self._stage or worth):
            self._stage, self._said_percent, self._said_at = stage, percent, now
            await self._outbox.say(tx, progressed(job.tenant_id, *job.key, stage, percent, work))

    async def show_batch(
        self, tx: Transaction, reading: Reading, batch: int, done: int, reused: int = 0
    ) -> None:
        """A batch was said; `done` passages have their vector."""
        self._reused += reused
        work = _work(
            self._job.size_bytes,
            passages_done=done,
            passages_total=reading.passages_total,
            passages_reused=self._reused,
        )
        if batch == reading.batches or self._job.repeats:
            await self.show(tx, "storing", PERCENT["storing"], work)
        else:
            await self.show(tx, "embedding", embedding_percent(batch, reading.batches), work)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """While a file is read, write down what the parser notes."""
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _follow(self) -> None:
        seen = None
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._read is None or self._read == seen:
                continue
            seen = self._read
            try:
                async with self._outbox.transaction(self._job.tenant_id) as tx:
                    await self._jobs.hold(tx, self._job)
                    await self.show(tx, "reading", reading_percent(*seen), self._reading_work())
            except (DatabaseAway, LeaseLost) as reason:
                # The reading itself finds out; what is shown is no reason to stop it.
                log.info("progress_not_shown", reason=str(reason))

    def _reading_work(self) -> DocumentWork:
        size = self._job.size_bytes
        if self._read is None:
            return _work(size)
        done, total = self._read
        if total == size:
            return _work(size, bytes_done=min(done, total))
        return _work(size, pages_done=min(done, total), pages_total=total)


def progressed(
    tenant_id: UUID,
    document_id: UUID,
    version: int,
    stage: Stage,
    percent: int,
    work: DocumentWork | None = None,
) -> DocumentProgressed:
    """The public word about a document's progress."""
    return DocumentProgressed.make(
        tenant_id=tenant_id,
        correlation_id=document_id,
        document_id=document_id,
        document_version=version,
        stage=stage,
        percent=percent,
        work=work,
    )


def _work(bytes_total: int, **known: int) -> DocumentWork:
    unknown = dict.fromkeys(DocumentWork.model_fields)
    return DocumentWork(**{**unknown, "bytes_total": bytes_total, **known})
