"""One document version from bytes to said passages; goes on where it was interrupted."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from blobs import Blobs
from bus import Bus
from contracts.v1.documents import DocumentProgressed, EmbeddedPassage, PassagesEmbedded
from contracts.v1.models import EmbedTexts, TextsEmbedded
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import Transaction
from rag_indexer.chunk_rules import chunk_rule
from rag_indexer.chunking import Chunk, chunk
from rag_indexer.domain import (
    MEDIA_TYPES,
    PERCENT,
    Stage,
    TenantChoice,
    batch_message_id,
    embedded_text,
    embedding_percent,
    heading_path,
    outline,
    passage_id,
    plan_batches,
    title_of,
    worth_saying,
)
from rag_indexer.job_store import Description, Job, JobStore, Reading
from rag_indexer.language_guess import UNDETERMINED, guess_language
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.store import Store
from rag_indexer.token_counting import tokens_of

log = get_logger(__name__)


@dataclass(frozen=True)
class IndexingLimits:
    """Bounds of one job."""

    parser: ParserLimits
    embed_timeout_seconds: float
    passages_max: int


class Indexing:
    """Reads, splits and embeds; every step it makes is committed before the next one."""

    def __init__(
        self,
        outbox: Outbox,
        bus: Bus,
        blobs: Blobs,
        store: Store,
        jobs: JobStore,
        limits: IndexingLimits,
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._blobs = blobs
        self._store = store
        self._jobs = jobs
        self._limits = limits

    async def run(self, job: Job) -> None:
        """Until the last batch is said. Raises `Unreadable`, `AskFailed`, `LeaseLost` …"""
        reading = job.reading or await self._read(job)
        for batch in range(job.next_batch, reading.batches + 1):
            await self._embed_batch(job, reading, batch)
            if batch * 2 >= reading.batches:
                await afailpoint("rag-indexer.half_embedded")

    async def _read(self, job: Job) -> Reading:
        await self._show(job, "reading")
        content = await self._blobs.get(job.sha256)
        document = await parse_file(content, job.file_name, self._limits.parser)
        await afailpoint("rag-indexer.after_parse")
        await self._show(job, "splitting")
        async with self._outbox.transaction(job.tenant_id) as tx:
            choice = await self._store.choice(tx, job.tenant_id, job.document_id)
        title = title_of(job.title, job.file_name, document.title)
        probe = await self._embed(job, choice.embedding_model, [title])
        chunks = await asyncio.to_thread(self._split, document, choice, probe.model)
        language = job.language_given or await asyncio.to_thread(guess_language, document.text)
        sizes = [len(json.dumps(one.text, ensure_ascii=False).encode()) for one in chunks]
        batches = plan_batches(sizes, probe.dimensions)
        reading = Reading(
            title=title,
            language=language or choice.language or UNDETERMINED,
            embedding_model=probe.model,
            dimensions=probe.dimensions,
            passages_total=len(chunks),
            batches=batches[-1],
        )
        description = Description(
            media_type=MEDIA_TYPES.get(document.file_type, "application/octet-stream"),
            pages=document.pages,
            author=document.author,
            dated_at=getattr(document, "dated_at", None),
            headings=outline(document.marks),
            tokens=sum(one.token_count for one in chunks),
            chunking=choice.rule(probe.model),
        )
        await self._save_reading(job, document, reading, description, chunks, batches)
        return reading

    def _split(self, document: ParsedDocument, choice: TenantChoice, model: str) -> list[Chunk]:
        starts = tokens_of(model).starts(document.text)
        chunks = chunk(document, starts, chunk_rule(choice.split, model, choice.own_chunking))
        if not chunks:
            raise Unreadable("no_text")
        if len(chunks) > self._limits.passages_max:
            raise Unreadable("too_complex", f"{len(chunks)} passages")
        return chunks

    async def _save_reading(
        self,
        job: Job,
        document: ParsedDocument,
        reading: Reading,
        description: Description,
        chunks: list[Chunk],
        batches: list[int],
    ) -> None:
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.hold(tx, job)
            await self._jobs.save_reading(tx, job, reading, description, chunks, batches)
            await self._store.describe(tx, job.tenant_id, *job.key)
            await self._say_stage(tx, job, "embedding", PERCENT["embedding"])
        log.info(
            "document_split",
            document_id=str(job.document_id),
            passages=len(chunks),
            invisible_removed=document.invisible_removed,
            encoding_guessed=document.encoding_guessed,
        )

    async def _embed_batch(self, job: Job, reading: Reading, batch: int) -> None:
        """Ask outside any transaction; then the passages and the progress are one commit."""
        async with self._outbox.transaction(job.tenant_id) as tx:
            chunks = await self._jobs.find_batch(tx, job, batch)
        texts = [embedded_text(reading.title, one.headings, one.text) for one in chunks]
        answer = await self._embed(job, reading.embedding_model, texts)
        message = passages_message(job, reading, batch, chunks, answer.vectors)
        percent = embedding_percent(batch, reading.batches)
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.hold(tx, job)
            await self._outbox.say(tx, message)
            await self._jobs.save_batch(tx, job, batch + 1)
            if batch == reading.batches:
                await self._say_stage(tx, job, "storing", PERCENT["storing"])
            elif worth_saying(embedding_percent(batch - 1, reading.batches), percent):
                await self._say_stage(tx, job, "embedding", percent)
            else:
                await self._jobs.show_stage(tx, job, "embedding", percent)

    async def _embed(self, job: Job, model: str | None, texts: list[str]) -> TextsEmbedded:
        request = EmbedTexts.make(
            tenant_id=job.tenant_id,
            correlation_id=job.document_id,
            purpose="passage",
            model=model,
            texts=texts,
        )
        return await self._bus.ask(request, timeout_seconds=self._limits.embed_timeout_seconds)

    async def _show(self, job: Job, stage: Stage) -> None:
        async with self._outbox.transaction(job.tenant_id) as tx:
            await self._jobs.hold(tx, job)
            await self._say_stage(tx, job, stage, PERCENT[stage])

    async def _say_stage(self, tx: Transaction, job: Job, stage: Stage, percent: int) -> None:
        if await self._jobs.show_stage(tx, job, stage, percent):
            await self._outbox.say(
                tx, progressed(job.tenant_id, job.document_id, job.version, stage, percent)
            )


def progressed(
    tenant_id: UUID, document_id: UUID, version: int, stage: Stage, percent: int
) -> DocumentProgressed:
    """The public word about a document's progress."""
    return DocumentProgressed.make(
        tenant_id=tenant_id,
        correlation_id=document_id,
        document_id=document_id,
        document_version=version,
        stage=stage,
        percent=percent,
    )


def passages_message(
    job: Job, reading: Reading, batch: int, chunks: list[Chunk], vectors: list[str]
) -> PassagesEmbedded:
    """Batch i of n; said again after a crash it is the same message."""
    return PassagesEmbedded.make(
        tenant_id=job.tenant_id,
        correlation_id=job.document_id,
        message_id=batch_message_id(job.document_id, job.version, batch),
        document_id=job.document_id,
        document_version=job.version,
        title=reading.title,
        language=reading.language,
        embedding_model=reading.embedding_model,
        dimensions=reading.dimensions,
        batch=batch,
        batches=reading.batches,
        passages_total=reading.passages_total,
        passages=[
            EmbeddedPassage(
                passage_id=passage_id(job.document_id, job.version, one.ordinal),
                ordinal=one.ordinal,
                text=one.text,
                page=one.page,
                heading=heading_path(one.headings),
                start_offset=one.start,
                end_offset=one.end,
                token_count=one.token_count,
                sha256=hashlib.sha256(one.text.encode()).hexdigest(),
                vector=vector,
                parent_start=one.parent_start,
                parent_end=one.parent_end,
            )
            for one, vector in zip(chunks, vectors, strict=True)
        ],
    )
