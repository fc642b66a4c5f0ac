"""One document version from bytes to said passages; goes on where it was interrupted."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from observe import afailpoint, get_logger
from outbox import Outbox
from rag_indexer.chunking import Chunk
from rag_indexer.domain import TenantChoice, quota_sentence
from rag_indexer.embedding import Embedded, Embedding, KnownModel
from rag_indexer.job_store import Job, JobStore, LeaseLost, Reading, Split
from rag_indexer.parsed import ParsedDocument
from rag_indexer.passages import passages_message, texts_of
from rag_indexer.progress import Progress
from rag_indexer.reading import Reader
from rag_indexer.splitting import split_document
from rag_indexer.store import Store

_LATE_ANSWERS_SECONDS = 5.0
_PASSAGES_HELD_MAX = 256

log = get_logger(__name__)


class PassagesLost(Exception):
    """What was split is not there any more: the document is read again as a new version."""


class QuotaExceeded(Exception):
    """The tenant has no room for the document's passages; `sentence` is for a person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class IndexingLimits:
    """Bounds of one job."""

    passages_max: int = 50_000
    quota_passages: int = 1_000_000


@dataclass(frozen=True)
class Batch:
    """A batch with its vectors, ready to be said."""

    number: int
    chunks: list[Chunk]
    embedded: Embedded


class Indexing:
    """Reads, splits and embeds; every step it makes is committed before the next one."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        jobs: JobStore,
        reader: Reader,
        embedding: Embedding,
        limits: IndexingLimits,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._jobs = jobs
        self._reader = reader
        self._embedding = embedding
        self._limits = limits

    async def run(self, job: Job) -> None:
        """Until the last batch is said. Raises `Unreadable`, `EmbedderAway`, `LeaseLost` …"""
        progress = Progress(self._outbox, self._jobs, job)
        if job.reading is None:
            split = await self._read(job, progress)
            reading, at_hand = split.reading, _at_hand(split)
        else:
            reading, at_hand = job.reading, {}
        ahead: deque[asyncio.Task[Batch]] = deque()
        begun = job.next_batch
        try:
            for number in range(job.next_batch, reading.batches + 1):
                width = self._embedding.width(job.tenant_id, reading.embedding_model)
                while begun <= reading.batches and len(ahead) < width:
                    ahead.append(asyncio.create_task(self._embed(job, reading, begun, at_hand)))
                    begun += 1
                await self._say(job, reading, await ahead.popleft(), progress)
                if number * 2 >= reading.batches:
                    await afailpoint("rag-indexer.half_embedded")
        finally:
            await _let_end(ahead)

    async def _read(self, job: Job, progress: Progress) -> Split:
        if job.has_waited:
            # It was read before, in vain: not again until the model is there.
            await self._find_model(job)
        await progress.begin("reading")
        async with progress.followed():
            document = await self._reader.read(job, progress.note)
        await afailpoint("rag-indexer.after_parse")
        while True:
            async with self._outbox.transaction(job.tenant_id) as tx:
                await progress.show_begun(tx, "splitting")
                choices = await self._store.choices(tx, job.tenant_id, [job.document_id])
            choice = choices[job.document_id]
            model = await self._embedding.model_of(job.tenant_id, choice.embedding_model)
            split = await self._split(job, document, choice, model)
            if await self._save_reading(job, split, choice, progress):
                log.info(
                    "document_split",
                    document_id=str(job.document_id),
                    passages=len(split.chunks),
                    invisible_removed=document.invisible_removed,
                    encoding_guessed=document.encoding_guessed,
                )
                return split

    async def _find_model(self, job: Job) -> None:
        async with self._outbox.transaction(job.tenant_id) as tx:
            choice = await self._store.choice(tx, job.tenant_id)
        await self._embedding.model_of(job.tenant_id, choice.embedding_model)

    async def _split(
        self, job: Job, document: ParsedDocument, choice: TenantChoice, model: KnownModel
    ) -> Split:
        return await asyncio.to_thread(
            split_document, job, document, choice, model, self._limits.passages_max
        )

    async def _save_reading(
        self, job: Job, split: Split, choice: TenantChoice, progress: Progress
    ) -> bool:
        """False when something else was chosen meanwhile: then it is split again."""
        async with self._outbox.transaction(job.tenant_id) as tx:
            if await self._store.lock_document(tx, job.document_id):
                raise LeaseLost(f"{job.document_id} was removed")
            await self._jobs.hold(tx, job)
            now = await self._store.choices(tx, job.tenant_id, [job.document_id])
            if now[job.document_id] != choice:
                return False
            others = await self._store.other_passages(tx, job.tenant_id, [job.document_id])
            check_quota(len(split.chunks), others, choice, self._limits)
            await self._jobs.save_readings(tx, [job], [split])
            await self._store.describe(tx, [job.key])
            await progress.show_batch(tx, split.reading, 0, 0)
        return True

    async def _embed(
        self, job: Job, reading: Reading, number: int, at_hand: dict[int, list[Chunk]]
    ) -> Batch:
        """Outside of any transaction of the job's own."""
        chunks = at_hand.get(number)
        if chunks is None:
            async with self._outbox.transaction(job.tenant_id) as tx:
                chunks = await self._jobs.find_batch(tx, job, number)
        if not chunks:
            raise PassagesLost(f"{job.document_id} version {job.version} batch {number}")
        embedded = await self._embedding.vectors(
            job.tenant_id,
            KnownModel(reading.embedding_model, reading.dimensions),
            texts_of(reading, chunks),
            since=job.created_at,
            correlation_id=job.document_id,
        )
        return Batch(number, chunks, embedded)

    async def _say(self, job: Job, reading: Reading, batch: Batch, progress: Progress) -> None:
        """The passages and the progress are one commit."""
        embedded = batch.embedded
        message = passages_message(job, reading, batch.number, batch.chunks, embedded.vectors)
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.hold(tx, job)
            await self._outbox.say(tx, message)
            reused = sum(embedded.reused) if job.repeats == 0 else 0
            await self._jobs.save_batch(tx, job, batch.number + 1, reused, embedded.cost_usd)
            done = batch.chunks[-1].ordinal + 1
            await progress.show_batch(tx, reading, batch.number, done, reused)


def check_quota(passages: int, others: int, choice: TenantChoice, limits: IndexingLimits) -> None:
    """Raises `QuotaExceeded` when a document with so many passages does not fit any more."""
    quota = choice.quota_passages
    if quota is None:
        quota = limits.quota_passages
    if others + passages > quota:
        raise QuotaExceeded(quota_sentence(passages, quota, others))


def _at_hand(split: Split) -> dict[int, list[Chunk]]:
    """The batches of a document that was split just now, if it is small enough to be held."""
    batches: dict[int, list[Chunk]] = {}
    if len(split.chunks) <= _PASSAGES_HELD_MAX:
        for number, chunk in zip(split.batches, split.chunks, strict=True):
            batches.setdefault(number, []).append(chunk)
    return batches


async def _let_end(ahead: Sequence[asyncio.Task[Batch]]) -> None:
    """Answers that are nearly there are paid for: they are kept before the job lets go."""
    if not ahead:
        return
    try:
        await asyncio.wait(ahead, timeout=_LATE_ANSWERS_SECONDS)
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
