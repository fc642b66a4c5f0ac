"""Rows of uploaded documents: what gateway knows before, and after, rag-indexer does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from contracts.v1.documents import ChunkingRule, MetadataEntry
from gateway.uploads import Properties, Upload
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class Use:
    """How much a tenant's documents take up."""

    documents: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UnseenFilter:
    """Which documents a list shows; None: all."""

    kind: str | None = None
    tag: str | None = None
    words: str | None = None


class UploadStore:
    """Uploads."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def lock(self, tx: Transaction, tenant_id: UUID) -> None:
        """Until the commit nobody else changes the tenant's documents."""
        await tx.execute(self._queries["lock_uploads"], tenant_id)

    async def like(
        self,
        tx: Transaction,
        tenant_id: UUID,
        document_ids: list[UUID],
        external_ids: list[str],
        sha256s: list[str],
    ) -> list[Upload]:
        """Documents of these ids (removed ones too), own ids or bytes."""
        rows = await tx.fetch(
            self._queries["uploads_like"], tenant_id, document_ids, external_ids, sha256s
        )
        return [_upload(row) for row in rows]

    async def save(self, tx: Transaction, uploads: Sequence[Upload]) -> None:
        """Keep new and changed ones."""
        if uploads:
            columns = zip(*(_row(upload) for upload in uploads), strict=True)
            await tx.execute(self._queries["save_uploads"], *(list(column) for column in columns))

    async def use(self, tx: Transaction, tenant_id: UUID) -> Use:
        """What counts against the tenant's quotas."""
        row = await tx.fetchrow(self._queries["knowledge_in_use"], tenant_id)
        return Use(row["documents"], row["size_bytes"]) if row else Use(0, 0)

    async def find(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> Upload | None:
        """A document that was not removed."""
        row = await tx.fetchrow(self._queries["find_upload"], tenant_id, document_id)
        return _upload(row) if row else None

    async def find_many(
        self, tx: Transaction, tenant_id: UUID, document_ids: Iterable[UUID]
    ) -> dict[UUID, Upload]:
        """These, the removed ones too."""
        rows = await tx.fetch(self._queries["find_uploads"], tenant_id, list(document_ids))
        return {row["document_id"]: _upload(row) for row in rows}

    async def unseen(
        self, tx: Transaction, tenant_id: UUID, limit: int, which: UnseenFilter
    ) -> list[Upload]:
        """Documents of which rag-indexer may not have heard yet, the newest first."""
        rows = await tx.fetch(
            self._queries["unseen_uploads"], tenant_id, limit, which.kind, which.tag, which.words
        )
        return [_upload(row) for row in rows]

    async def mark_seen(self, tx: Transaction, tenant_id: UUID, document_ids: list[UUID]) -> None:
        """rag-indexer has shown that it knows these."""
        await tx.execute(self._queries["mark_uploads_seen"], tenant_id, document_ids)

    async def mark_rolled_back(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> None:
        """An older version of it answers."""
        await tx.execute(self._queries["mark_upload_rolled_back"], tenant_id, document_id)

    async def remove(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """It is gone from now on; False when it was not there."""
        removed = await tx.fetchval(self._queries["remove_upload"], tenant_id, document_id)
        return removed is not None


def _row(upload: Upload) -> tuple[object, ...]:
    chosen = upload.properties
    metadata = [entry.model_dump() for entry in chosen.metadata]
    return (
        upload.tenant_id,
        upload.document_id,
        upload.kind,
        upload.title,
        upload.file_name,
        upload.declared_type,
        upload.media_type,
        upload.size_bytes,
        upload.sha256,
        upload.language,
        upload.source_url,
        upload.external_id,
        orjson.dumps(chosen.tags).decode(),
        orjson.dumps(metadata).decode(),
        chosen.enabled,
        chosen.expires_at,
        chosen.chunking.model_dump_json() if chosen.chunking else None,
        upload.revision,
        upload.replacement,
        upload.created_at,
        upload.replaced_at,
        upload.is_rolled_back,
    )


def _upload(row: Any) -> Upload:
    fields = dict(row)
    chunking = fields.pop("chunking")
    properties = Properties(
        enabled=fields.pop("enabled"),
        expires_at=fields.pop("expires_at"),
        tags=tuple(fields.pop("tags")),
        metadata=tuple(
            MetadataEntry.model_validate(entry) for entry in orjson.loads(fields.pop("metadata"))
        ),
        chunking=ChunkingRule.model_validate_json(chunking) if chunking else None,
    )
    return Upload(properties=properties, **fields)
