"""Jobs and the passages they make, in Postgres; every method runs in the caller's transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.v1.documents import ChunkingRule, DocumentWork
from postgres import Queries, Transaction
from rag_indexer.chunking import Chunk
from rag_indexer.domain import PERCENT, RECORD_KINDS, Stage

RECORD_BYTES_MAX = 16 * 1024
"""Records up to this size are worked on by the handful."""

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
class Split:
    """A document in passages; `batches` says of each in which message it goes, from 1."""

    reading: Reading
    description: Description
    chunks: Sequence[Chunk]
    batches: Sequence[int]


@dataclass(frozen=True)
class Job:
    """A document version in work, under the lease `epoch`."""

    tenant_id: UUID
    document_id: UUID
    version: int
    epoch: int
    tries: int
    has_waited: bool
    out_of_patience: bool
    taken_over: bool
    title: str
    file_name: str
    sha256: str
    size_bytes: int
    language_given: str | None
    document_kind: str
    declared_type: str | None
    next_batch: int
    repeats: int
    reused: int
    created_at: datetime
    reading: Reading | None

    @property
    def key(self) -> tuple[UUID, int]:
        """Document and version."""
        return self.document_id, self.version

    @property
    def is_small_record(self) -> bool:
        """Whether it may be worked on together with others."""
        return (
            self.document_kind in RECORD_KINDS
            and self.size_bytes <= RECORD_BYTES_MAX
            and self.tries == 1
            and self.reading is None
        )


class JobStore:
    """The statements of `queries.sql` about jobs, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def claim(
        self,
        tx: Transaction,
        lease_seconds: float,
        patience_seconds: float,
        *,
        fresh_first: bool = True,
        records_max: int = 1,
    ) -> list[Job]:
        """Under a lease: the job whose tenant waits longest, or a handful of small records."""
        turn = await tx.fetchrow(self._sql["next_tenant"], fresh_first, RECORD_BYTES_MAX)
        if turn is None:
            return []
        tenant_id, together = turn["tenant_id"], bool(turn["is_record"]) and records_max > 1
        await tx.execute(self._sql["take_turn"], tenant_id)
        rows = await tx.fetch(
            self._sql["claim_jobs"],
            tenant_id,
            lease_seconds,
            patience_seconds,
            together,
            records_max if together else 1,
            RECORD_BYTES_MAX,
        )
        return [_job(row) for row in rows]

    async def renew(self, tx: Transaction, jobs: Sequence[Job], lease_seconds: float) -> set[UUID]:
        """Keep the leases; answers the documents that are still ours."""
        rows = await tx.fetch(self._sql["renew_leases"], *_epochs(jobs), lease_seconds)
        return {row["document_id"] for row in rows}

    async def hold_all(self, tx: Transaction, jobs: Sequence[Job]) -> set[UUID]:
        """What this transaction writes is written under our leases; answers those we still have."""
        rows = await tx.fetch(self._sql["hold_leases"], *_epochs(jobs))
        return {row["document_id"] for row in rows}

    async def hold(self, tx: Transaction, job: Job) -> None:
        """The same for one; raises `LeaseLost`."""
        if not await self.hold_all(tx, [job]):
            raise LeaseLost(f"{job.document_id} version {job.version}")

    async def show_stage(
        self,
        tx: Transaction,
        jobs: Sequence[Job],
        stage: Stage,
        percent: int | None = None,
        work: DocumentWork | None = None,
    ) -> bool:
        """Let people see where they are; False when newer versions are shown instead."""
        rows = await tx.fetch(
            self._sql["show_stages"],
            [job.document_id for job in jobs],
            [job.version for job in jobs],
            stage,
            PERCENT[stage] if percent is None else percent,
            work.model_dump_json() if work else None,
        )
        return bool(rows)

    async def save_readings(
        self, tx: Transaction, jobs: Sequence[Job], splits: Sequence[Split]
    ) -> None:
        """Keep the passages, each with its batch; from here an interrupted job goes on."""
        found = [_found(job, split) for job, split in zip(jobs, splits, strict=True)]
        await tx.execute(self._sql["save_readings"], json.dumps(found))
        rows = [
            (job, batch, chunk)
            for job, split in zip(jobs, splits, strict=True)
            for chunk, batch in zip(split.chunks, split.batches, strict=True)
        ]
        for start in range(0, len(rows), _CHUNKS_A_STATEMENT):
            await self._add_chunks(tx, rows[start : start + _CHUNKS_A_STATEMENT])

    async def _add_chunks(self, tx: Transaction, rows: Sequence[tuple[Job, int, Chunk]]) -> None:
        chunks = [chunk for _, _, chunk in rows]
        await tx.execute(
            self._sql["add_chunks"],
            rows[0][0].tenant_id,
            [job.document_id for job, _, _ in rows],
            [job.version for job, _, _ in rows],
            [chunk.ordinal for chunk in chunks],
            [batch for _, batch, _ in rows],
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

    async def save_batch(
        self, tx: Transaction, job: Job, next_batch: int, reused: int, cost_usd: float | None
    ) -> None:
        """The batches before `next_batch` are said; after the last one the index has the word."""
        await tx.execute(self._sql["save_batch"], *job.key, next_batch, reused, cost_usd)

    async def save_said(
        self,
        tx: Transaction,
        jobs: Sequence[Job],
        reused: Sequence[int],
        costs_usd: Sequence[float | None],
    ) -> None:
        """These versions are said as a whole."""
        await tx.execute(
            self._sql["save_said"],
            [job.document_id for job in jobs],
            [job.version for job in jobs],
            reused,
            costs_usd,
        )

    async def postpone(
        self, tx: Transaction, job: Job, delay_seconds: float, *, waiting: str | None = None
    ) -> None:
        """Let go for a while; `waiting` is shown and makes it no try of its own."""
        await tx.execute(
            self._sql["postpone_job"], *job.key, job.epoch, delay_seconds, waiting is not None
        )
        if waiting is not None:
            await tx.execute(self._sql["show_waiting"], job.tenant_id, *job.key, waiting)


def _epochs(jobs: Sequence[Job]) -> tuple[list[UUID], list[int], list[int]]:
    return (
        [job.document_id for job in jobs],
        [job.version for job in jobs],
        [job.epoch for job in jobs],
    )


def _found(job: Job, split: Split) -> dict[str, Any]:
    """A row of `save_readings`."""
    reading, description = split.reading, split.description
    return {
        "document_id": str(job.document_id),
        "document_version": job.version,
        "title": reading.title,
        "language": reading.language,
        "embedding_model": reading.embedding_model,
        "dimensions": reading.dimensions,
        "passages_total": reading.passages_total,
        "batches": reading.batches,
        "media_type": description.media_type,
        "pages": description.pages,
        "author": description.author,
        "dated_at": description.dated_at,
        "headings": list(description.headings),
        "tokens": description.tokens,
        "chunking": description.chunking.model_dump(),
    }


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
        has_waited=row["has_waited"],
        out_of_patience=row["out_of_patience"],
        taken_over=row["taken_over"],
        title=row["title"],
        file_name=row["file_name"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        language_given=row["language_given"],
        document_kind=row["document_kind"],
        declared_type=row["declared_type"],
        next_batch=row["next_batch"],
        repeats=row["repeats"],
        reused=row["passages_reused"],
        created_at=row["created_at"],
        reading=reading,
    )
