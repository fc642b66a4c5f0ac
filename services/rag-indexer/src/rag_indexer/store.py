"""Documents, jobs and passages in Postgres: every method runs in the caller's transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contracts.v1.documents import Document, DocumentUploaded
from contracts.v1.tenants import TenantConfigured
from postgres import Queries, Transaction
from rag_indexer.chunk_rules import SplitSettings
from rag_indexer.chunking import Chunk
from rag_indexer.domain import PERCENT, Stage, cursor_of, read_cursor


class LeaseLost(Exception):
    """The job is somebody else's, finished, or gone with its document: stop."""


@dataclass(frozen=True)
class TenantChoice:
    """What a tenant chose for its documents."""

    split: SplitSettings = field(default_factory=SplitSettings)
    language: str | None = None
    embedding_model: str | None = None


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
    language_given: str | None
    next_batch: int
    reading: Reading | None

    @property
    def key(self) -> tuple[UUID, int]:
        """Document and version."""
        return self.document_id, self.version


class Store:
    """The statements of `queries.sql` with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def keep_tenant(self, tx: Transaction, message: TenantConfigured) -> None:
        """Keep the settings of the newest revision."""
        settings = message.settings
        await tx.execute(
            self._sql["keep_tenant"],
            message.tenant_id,
            message.revision,
            settings.language,
            settings.embedding_model,
            settings.chunk_tokens,
            settings.chunk_overlap_tokens,
        )

    async def tenant_choice(self, tx: Transaction, tenant_id: UUID) -> TenantChoice:
        """The tenant's choices, or the defaults of one that was not heard of yet."""
        row = await tx.fetchrow(self._sql["find_tenant"], tenant_id)
        if row is None:
            return TenantChoice()
        return TenantChoice(
            SplitSettings(row["chunk_tokens"], row["chunk_overlap_tokens"]),
            row["language"],
            row["embedding_model"],
        )

    async def knows_tenants(self, tx: Transaction) -> bool:
        """Whether any configuration was heard yet."""
        return bool(await tx.fetchval(self._sql["count_tenants"]))

    async def remove_tenant(self, tx: Transaction, tenant_id: UUID) -> None:
        """Every document of the tenant goes."""
        await tx.execute(self._sql["remove_tenant_documents"], tenant_id)

    async def lock_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """Until the commit nobody else changes this document; True if it was removed."""
        await tx.execute(self._sql["lock_document"], document_id)
        return bool(await tx.fetchval(self._sql["is_removed"], tenant_id, document_id))

    async def add_document(self, tx: Transaction, message: DocumentUploaded) -> bool:
        """Keep an uploaded document with its first job; False if it was there already."""
        added = await tx.fetchval(
            self._sql["add_document"],
            message.tenant_id,
            message.document_id,
            message.title,
            message.file_name,
            message.size_bytes,
            message.sha256,
            message.language,
        )
        if added is None:
            return False
        await tx.execute(self._sql["add_job"], message.tenant_id, message.document_id, 1)
        return True

    async def add_version(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> int | None:
        """Begin the next version; older ones that are not searchable yet stop. None: unknown."""
        version: int | None = await tx.fetchval(self._sql["next_version"], tenant_id, document_id)
        if version is None:
            return None
        await tx.execute(self._sql["supersede_jobs"], tenant_id, document_id, version)
        await tx.execute(self._sql["drop_chunks"], tenant_id, document_id, version - 1)
        await tx.execute(self._sql["add_job"], tenant_id, document_id, version)
        return version

    async def remove_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> None:
        """Take the document away for good, whether it was heard of or not."""
        await tx.execute(self._sql["mark_removed"], tenant_id, document_id)
        await tx.execute(self._sql["remove_document"], tenant_id, document_id)

    async def claim(
        self, tx: Transaction, lease_seconds: float, patience_seconds: float
    ) -> Job | None:
        """The job that waits longest, now ours for a while; a try is counted."""
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
        self, tx: Transaction, job: Job, stage: Stage, percent: int | None = None
    ) -> bool:
        """Let people see where it is; False when a newer version is shown instead."""
        shown = await tx.fetchval(
            self._sql["show_stage"],
            job.tenant_id,
            *job.key,
            stage,
            PERCENT[stage] if percent is None else percent,
        )
        return bool(shown)

    async def save_reading(
        self,
        tx: Transaction,
        job: Job,
        reading: Reading,
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
        )
        await tx.execute(self._sql["drop_chunks"], job.tenant_id, *job.key)
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
        )

    async def describe(
        self, tx: Transaction, job: Job, media_type: str, pages: int | None, reading: Reading
    ) -> None:
        """What the content turned out to be."""
        await tx.execute(
            self._sql["describe_document"],
            job.tenant_id,
            job.document_id,
            media_type,
            pages,
            reading.language,
            reading.title,
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

    async def fail(
        self, tx: Transaction, tenant_id: UUID, key: tuple[UUID, int], code: str, detail: str
    ) -> None:
        """The version will not be; an older one that answers goes on answering."""
        await tx.execute(self._sql["fail_job"], *key)
        await tx.execute(self._sql["drop_chunks"], tenant_id, *key)
        await tx.execute(self._sql["show_failure"], tenant_id, *key, code, detail)

    async def expected_passages(
        self, tx: Transaction, tenant_id: UUID, key: tuple[UUID, int]
    ) -> int | None:
        """How many passages were said of a version; None for one that is unknown."""
        passages: int | None = await tx.fetchval(self._sql["find_expected"], tenant_id, *key)
        return passages

    async def finish(
        self, tx: Transaction, tenant_id: UUID, key: tuple[UUID, int], passages: int
    ) -> bool:
        """The index has the version; False when a newer one is being built and shown."""
        await tx.execute(self._sql["finish_job"], tenant_id, *key)
        await tx.execute(self._sql["drop_chunks"], tenant_id, *key)
        await tx.execute(self._sql["show_live"], tenant_id, *key, passages)
        ready: Stage = "ready"
        shown = await tx.fetchval(self._sql["show_stage"], tenant_id, *key, ready, PERCENT[ready])
        return bool(shown)

    async def find_document(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> Document | None:
        """A document as the API shows it."""
        row = await tx.fetchrow(self._sql["find_document"], tenant_id, document_id)
        return _document(row) if row else None

    async def list_documents(
        self,
        tx: Transaction,
        tenant_id: UUID,
        stage: Stage | None,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Document], str | None]:
        """A page, the newest first, and where the next one begins; raises `InvalidCursor`."""
        after = read_cursor(cursor) if cursor else (None, None)
        rows = await tx.fetch(self._sql["list_documents"], tenant_id, stage, *after, limit + 1)
        documents = [_document(row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return documents, cursor_of(last["created_at"], last["document_id"]) if last else None


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
        language_given=row["language_given"],
        next_batch=row["next_batch"],
        reading=reading,
    )


def _document(row: Any) -> Document:
    return Document(
        document_id=row["document_id"],
        title=row["title"],
        file_name=row["file_name"],
        media_type=row["media_type"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        stage=row["stage"],
        percent=row["percent"],
        code=row["code"],
        detail=row["detail"],
        document_version=row["live_version"],
        passages=row["passages"],
        pages=row["pages"],
        language=row["language"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
