"""A handful of small records of one tenant at once: a few transactions for all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from contracts.v1.documents import PassagesEmbedded
from observe import afailpoint, get_logger
from outbox import Outbox
from rag_indexer.chunking import Chunk
from rag_indexer.domain import TenantChoice
from rag_indexer.embedding import Embedded, Embedding, KnownModel
from rag_indexer.indexing import IndexingLimits, QuotaExceeded, check_quota
from rag_indexer.job_store import Job, JobStore, Split
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.passages import passages_message, texts_of
from rag_indexer.reading import Reader
from rag_indexer.splitting import split_document
from rag_indexer.store import Store

log = get_logger(__name__)


@dataclass
class Outcome:
    """What became of each: said, or why not; the others were lost to somebody else."""

    said: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, Exception]] = field(default_factory=list)
    again: list[Job] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """A record on its way: its passages, then their vectors."""

    job: Job
    split: Split
    choice: TenantChoice


class Records:
    """Does for many small records what `Indexing` does for one document."""

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

    async def run(self, jobs: Sequence[Job]) -> Outcome:
        """All of one tenant. Raises what befalls all of them: `EmbedderAway`, `DatabaseAway` …"""
        outcome = Outcome()
        tenant_id = jobs[0].tenant_id
        async with self._outbox.transaction(tenant_id) as tx:
            choices = await self._store.choices(tx, tenant_id, [job.document_id for job in jobs])
        choice = choices[jobs[0].document_id]
        model = await self._embedding.model_of(tenant_id, choice.embedding_model)
        read = await self._read(jobs, outcome)
        parts = await asyncio.to_thread(self._split, read, choices, model, outcome)
        texts = [text for part in parts for text in texts_of(part.split.reading, part.split.chunks)]
        if not texts:
            return outcome
        embedded = await self._embedding.vectors(
            tenant_id,
            model,
            texts,
            since=min(job.created_at for job in jobs),
            correlation_id=tenant_id,
        )
        await afailpoint("rag-indexer.half_embedded")
        await self._say(parts, _shared_out(parts, embedded), outcome)
        return outcome

    async def _read(
        self, jobs: Sequence[Job], outcome: Outcome
    ) -> list[tuple[Job, ParsedDocument]]:
        found = await asyncio.gather(
            *(self._reader.read_record(job) for job in jobs), return_exceptions=True
        )
        read: list[tuple[Job, ParsedDocument]] = []
        for job, document in zip(jobs, found, strict=True):
            if isinstance(document, ParsedDocument):
                read.append((job, document))
            elif isinstance(document, Exception):
                outcome.failed.append((job, document))
            else:
                raise document
        return read

    def _split(
        self,
        read: Sequence[tuple[Job, ParsedDocument]],
        choices: dict[UUID, TenantChoice],
        model: KnownModel,
        outcome: Outcome,
    ) -> list[_Part]:
        parts: list[_Part] = []
        for job, document in read:
            choice = choices[job.document_id]
            try:
                split = split_document(job, document, choice, model, self._limits.passages_max)
            except Unreadable as refusal:
                outcome.failed.append((job, refusal))
            else:
                parts.append(_Part(job, split, choice))
        return parts

    async def _say(
        self, parts: Sequence[_Part], embedded: Sequence[Embedded], outcome: Outcome
    ) -> None:
        """One commit for all that are still ours and still wanted so."""
        ids = [part.job.document_id for part in parts]
        tenant_id = parts[0].job.tenant_id
        async with self._outbox.transaction(tenant_id) as tx:
            removed = await self._store.lock_documents(tx, ids)
            ours = await self._jobs.hold_all(tx, [part.job for part in parts]) - removed
            now = await self._store.choices(tx, tenant_id, ids)
            others = await self._store.other_passages(tx, tenant_id, ids)
            kept: list[tuple[_Part, Embedded]] = []
            for part, vectors in zip(parts, embedded, strict=True):
                if part.job.document_id not in ours:
                    continue
                if now[part.job.document_id] != part.choice:
                    outcome.again.append(part.job)
                    continue
                try:
                    check_quota(len(part.split.chunks), others, part.choice, self._limits)
                except QuotaExceeded as full:
                    outcome.failed.append((part.job, full))
                    continue
                others += len(part.split.chunks)
                kept.append((part, vectors))
            if not kept:
                return
            jobs = [part.job for part, _ in kept]
            await self._jobs.save_readings(tx, jobs, [part.split for part, _ in kept])
            await self._jobs.save_said(
                tx,
                jobs,
                [sum(vectors.reused) for _, vectors in kept],
                [vectors.cost_usd for _, vectors in kept],
            )
            await self._store.describe(tx, [job.key for job in jobs])
            await self._jobs.show_stage(tx, jobs, "storing")
            await self._outbox.say(
                tx, *(one for part, vectors in kept for one in _messages(part, vectors))
            )
        outcome.said += jobs


def _shared_out(parts: Sequence[_Part], embedded: Embedded) -> list[Embedded]:
    """Each record's own vectors, and its share of the cost."""
    shared: list[Embedded] = []
    start = 0
    for part in parts:
        end = start + len(part.split.chunks)
        cost = embedded.cost_usd
        if cost is not None:
            cost *= (end - start) / len(embedded.vectors)
        shared.append(
            replace(
                embedded,
                vectors=embedded.vectors[start:end],
                reused=embedded.reused[start:end],
                cost_usd=cost,
            )
        )
        start = end
    return shared


def _messages(part: _Part, embedded: Embedded) -> list[PassagesEmbedded]:
    """The batches of a record; small as it is, long vectors may need several."""
    messages: list[PassagesEmbedded] = []
    reading = part.split.reading
    for number in range(1, reading.batches + 1):
        places = [place for place, one in enumerate(part.split.batches) if one == number]
        chunks: list[Chunk] = [part.split.chunks[place] for place in places]
        vectors = [embedded.vectors[place] for place in places]
        messages.append(passages_message(part.job, reading, number, chunks, vectors))
    return messages
