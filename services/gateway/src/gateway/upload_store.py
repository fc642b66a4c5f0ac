"""Rows of uploaded documents: what gateway knows before, and after, rag-indexer does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.v1.documents import Document, DocumentUploaded
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class Upload:
    """A document as it was uploaded."""

    tenant_id: UUID
    document_id: UUID
    title: str
    file_name: str
    declared_type: str | None
    media_type: str
    size_bytes: int
    sha256: str
    language: str | None
    created_at: datetime
    indexed_by_owner: bool = False

    def uploaded(self) -> DocumentUploaded:
        """The event that makes it searchable."""
        return DocumentUploaded.make(
            tenant_id=self.tenant_id,
            correlation_id=self.document_id,
            document_id=self.document_id,
            title=self.title,
            file_name=self.file_name,
            declared_type=self.declared_type,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            language=self.language,
        )

    def queued(self) -> Document:
        """The document while rag-indexer has not heard of it."""
        return Document(
            document_id=self.document_id,
            title=self.title,
            file_name=self.file_name,
            media_type=self.media_type,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            stage="queued",
            percent=0,
            code=None,
            detail=None,
            document_version=0,
            passages=0,
            pages=None,
            language=self.language,
            created_at=self.created_at,
            updated_at=self.created_at,
        )


class UploadStore:
    """Uploads."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def insert(self, tx: Transaction, upload: Upload) -> Upload | None:
        """A new document; None when the tenant has the same bytes, or this id, already."""
        row = await tx.fetchrow(
            self._queries["insert_upload"],
            upload.tenant_id,
            upload.document_id,
            upload.title,
            upload.file_name,
            upload.declared_type,
            upload.media_type,
            upload.size_bytes,
            upload.sha256,
            upload.language,
        )
        return _upload(row) if row else None

    async def find(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> Upload | None:
        """A document that was not removed."""
        row = await tx.fetchrow(self._queries["find_upload"], tenant_id, document_id)
        return _upload(row) if row else None

    async def find_by_content(self, tx: Transaction, tenant_id: UUID, sha256: str) -> Upload | None:
        """The document the tenant has of these bytes."""
        row = await tx.fetchrow(self._queries["find_upload_by_content"], tenant_id, sha256)
        return _upload(row) if row else None

    async def unseen(self, tx: Transaction, tenant_id: UUID, limit: int) -> list[Upload]:
        """Documents of which rag-indexer may not have heard yet, the newest first."""
        rows = await tx.fetch(self._queries["unseen_uploads"], tenant_id, limit)
        return [_upload(row) for row in rows]

    async def mark_seen(self, tx: Transaction, tenant_id: UUID, document_ids: list[UUID]) -> None:
        """rag-indexer has shown that it knows these."""
        await tx.execute(self._queries["mark_uploads_seen"], tenant_id, document_ids)

    async def removed_among(
        self, tx: Transaction, tenant_id: UUID, document_ids: list[UUID]
    ) -> set[UUID]:
        """Which of these are gone."""
        rows = await tx.fetch(self._queries["removed_uploads_among"], tenant_id, document_ids)
        return {row["document_id"] for row in rows}

    async def remove(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """It is gone from now on; False when it was not there."""
        removed = await tx.fetchval(self._queries["remove_upload"], tenant_id, document_id)
        return removed is not None


def _upload(row: Any) -> Upload:
    return Upload(**dict(row))
