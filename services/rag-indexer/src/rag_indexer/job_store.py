"""Jobs and the passages they make, in Postgres; every method runs in the caller's transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.v1.documents import ChunkingRule, DocumentWork
from postgres import Queries, Transaction
from rag_indexer.chunking import Chunk
from rag_indexer.domain import PERCENT, Stage

_CHUNKS_A_STATEMENT = 2_000


class LeaseLost(Exception):
    """The job is somebody else's, finished, or gone with its document: stop."""


@dataclass(frozen=True)
class Reading:
    """What reading and splitting found out; the batches of a job are made of it."""

    title: str
    language: str
    embedding_model: str
    dimensions: int
    passages_total: int
    batches: int


@dataclass(frozen=True)
class Description:
    """What people see of a version's content."""

    media_type: str
    pages: int | None
    author: str | None
    dated_at: str | None
    headings: Sequence[str]
    tokens: int
    chunking: ChunkingRule


@dataclass(frozen=True)
class Job:
    """A document version in work, under the lease `epoch`."""

    tenant_id: UUID
    document_id: UUID
    version: int
    epoch: int
    tries: int
    out_of_patience: bool
    title: str
    file_name: str
    sha256: str
    size_bytes: int
    language_given: str | None
    document_kind: str
    declared_type: str | None
    next_batch: int
    repeats: int
    reading: Reading | None

    @property
    def key(self) -> tuple[UUID, int]:
        """Document and version."""
        return self.document_id, self.version


class JobStore:
    """The statements of `queries.sql` about jobs, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def claim(
        self, tx: Transaction, lease_seconds: float, patience_seconds: float
    ) -> Job | None:
        """The job that waits longest, under a lease; None when there is nothing to do."""
        row = await tx.fetchrow(self._sql["claim_job"], lease_seconds, patience_seconds)
        return _job(row) if row else None

    async def renew(self, tx: Transaction, job: Job, lease_seconds: float) -> bool:
        """Keep the lease; False when it is not ours any more."""
        row = await tx.fetchval(self._sql["renew_lease"], *job.key, job.epoch, lease_seconds)
        return bool(row)

    async def hold(self, tx: Transaction, job: Job) -> None:
        """What this transaction writes is written under our lease; raises `LeaseLost`."""
        if not await tx.fetchval(self._sql["hold_lease"], *job.key, job.epoch):
            raise LeaseLost(f"{job.document_id} version {job.version}")

    async def show_stage(
        self,
        tx: Transaction,
        job: Job,
        stage: Stage,
        percent: int | None = None,
        work: DocumentWork | None = None,
    ) -> bool:
        """Let people see where it is; False when a newer version is shown instead."""
        shown = await tx.fetchval(
            self._sql["show_stage"],
            job.tenant_id,
            *job.key,
            stage,
            PERCENT[stage] if percent is None else percent,
            work.model_dump_json() if work else None,
        )
        return bool(shown)

    async def save_reading(
        self,
        tx: Transaction,
        job: Job,
        reading: Reading,
        description: Description,
        chunks: Sequence[Chunk],
        batches: Sequence[int],
    ) -> None:
        """Keep the passages, each with its batch; from here an interrupted job goes on."""
        await tx.execute(
            self._sql["save_reading"],
            *job.key,
            reading.title,
            reading.language,
            reading.embedding_model,
            reading.dimensions,
            reading.passages_total,
            reading.batches,
            description.media_type,
            description.pages,
            description.author,
            description.dated_at,
            json.dumps(list(description.headings)),
            description.tokens,
            description.chunking.model_dump_json(),
        )
        await tx.execute(self._sql["drop_chunks"], job.tenant_id, *job.key)
        for start in range(0, len(chunks), _CHUNKS_A_STATEMENT):
            part = slice(start, start + _CHUNKS_A_STATEMENT)
            await self._add_chunks(tx, job, chunks[part], batches[part])

    async def _add_chunks(
        self, tx: Transaction, job: Job, chunks: Sequence[Chunk], batches: Sequence[int]
    ) -> None:
        await tx.execute(
            self._sql["add_chunks"],
            job.tenant_id,
            *job.key,
            [chunk.ordinal for chunk in chunks],
            list(batches),
            [chunk.text for chunk in chunks],
            [chunk.page for chunk in chunks],
            [json.dumps(chunk.headings) for chunk in chunks],
            [chunk.start for chunk in chunks],
            [chunk.end for chunk in chunks],
            [chunk.token_count for chunk in chunks],
            [chunk.parent_start for chunk in chunks],
            [chunk.parent_end for chunk in chunks],
        )

    async def find_batch(self, tx: Transaction, job: Job, batch: int) -> list[Chunk]:
        """The passages of one batch, in order."""
        rows = await tx.fetch(self._sql["find_batch"], job.tenant_id, *job.key, batch)
        return [
            Chunk(
                ordinal=row["ordinal"],
                text=row["text"],
                page=row["page"],
                headings=tuple(row["headings"]),
                start=row["start_offset"],
                end=row["end_offset"],
                token_count=row["token_count"],
                parent_start=row["parent_start"],
                parent_end=row["parent_end"],
            )
            for row in rows
        ]

    async def save_batch(self, tx: Transaction, job: Job, next_batch: int) -> None:
        """The batches before `next_batch` are said; after the last one the index has the word."""
        await tx.execute(self._sql["save_batch"], *job.key, next_batch)

    async def postpone(
        self, tx: Transaction, job: Job, delay_seconds: float, *, waiting: str | None = None
    ) -> None:
        """Let go for a while; `waiting` is shown and makes it no try of its own."""
        await tx.execute(
            self._sql["postpone_job"], *job.key, job.epoch, delay_seconds, waiting is not None
        )
        if waiting is not None:
            await tx.execute(self._sql["show_waiting"], job.tenant_id, *job.key, waiting)


def _job(row: Any) -> Job:
    reading = None
    if row["passages_total"] is not None:
        reading = Reading(
            title=row["job_title"],
            language=row["job_language"],
            embedding_model=row["embedding_model"],
            dimensions=row["dimensions"],
            passages_total=row["passages_total"],
            batches=row["batches"],
        )
    return Job(
        tenant_id=row["tenant_id"],
        document_id=row["document_id"],
        version=row["document_version"],
        epoch=row["lease_epoch"],
        tries=row["tries"],
        out_of_patience=row["out_of_patience"],
        title=row["title"],
        file_name=row["file_name"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        language_given=row["language_given"],
        document_kind=row["document_kind"],
        declared_type=row["declared_type"],
        next_batch=row["next_batch"],
        repeats=row["repeats"],
        reading=reading,
    )
