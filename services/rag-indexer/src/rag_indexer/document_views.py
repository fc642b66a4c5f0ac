"""Documents and their versions as the API shows them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.message import Part
from contracts.v1.documents import (
    Document,
    DocumentVersion,
    DocumentWork,
    KnowledgeUsed,
    ListDocuments,
    MetadataEntry,
)
from postgres import Queries, Transaction
from rag_indexer.domain import cursor_of, fit_count, read_cursor, version_state
from rag_indexer.store import rule_of

_VERSIONS_MAX = 100


class DocumentViews:
    """Reads in the caller's transaction."""

    def __init__(self, kept_days: float = 30.0) -> None:
        self._kept = timedelta(days=kept_days)
        self._sql = Queries("rag_indexer")

    async def find(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> Document | None:
        """A document with its outline; None if there is none."""
        row = await tx.fetchrow(self._sql["find_document"], tenant_id, document_id)
        return _document(row) if row else None

    async def page(
        self, tx: Transaction, request: ListDocuments
    ) -> tuple[list[Document], str | None]:
        """A page, the newest first, and where the next one begins; raises `InvalidCursor`.

        It is shorter than asked for where documents have much to tell.
        """
        after = read_cursor(request.cursor) if request.cursor else (None, None)
        rows = await tx.fetch(
            self._sql["list_documents"],
            request.tenant_id,
            request.stage,
            *after,
            request.limit + 1,
            request.document_kind,
            request.tag,
            request.words,
        )
        page = [_document(row) for row in rows[: request.limit]]
        page = page[: fit_count(said_bytes(one) for one in page)]
        last = page[-1] if len(rows) > len(page) else None
        cursor = cursor_of(last.created_at, last.document_id) if last else None
        return page, cursor

    async def versions(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> list[DocumentVersion]:
        """The newest hundred, or as many as fit; none for a document that is not there."""
        rows = await tx.fetch(self._sql["list_versions"], tenant_id, document_id, _VERSIONS_MAX)
        kept = _kept_version(rows, datetime.now(UTC) - self._kept)
        versions = [_version(row, kept) for row in rows]
        return versions[: fit_count(said_bytes(one) for one in versions)]

    async def use(self, tx: Transaction, tenant_id: UUID) -> KnowledgeUsed:
        """Sums over all documents."""
        rows = await tx.fetch(self._sql["count_knowledge"], tenant_id)
        return KnowledgeUsed(
            documents=sum(row["documents"] for row in rows),
            size_bytes=sum(row["size_bytes"] for row in rows),
            passages=sum(row["passages"] for row in rows),
            tokens=sum(row["tokens"] for row in rows),
            stages={row["stage"]: row["documents"] for row in rows},
            embedding_cost_usd=await tx.fetchval(self._sql["find_spend"], tenant_id),
        )


def _kept_version(rows: Any, since: datetime) -> int | None:
    """The index keeps the version that answered before the live one, for some days."""
    live_at = [row["live_at"] for row in rows if row["document_version"] == row["live_version"]]
    if not live_at or live_at[0] is None or live_at[0] < since:
        return None
    before = [
        (row["live_at"], row["document_version"])
        for row in rows
        if row["state"] == "done"
        and row["live_at"] is not None
        and row["document_version"] != row["live_version"]
    ]
    return max(before)[1] if before else None


def _version(row: Any, kept: int | None) -> DocumentVersion:
    return DocumentVersion(
        document_version=row["document_version"],
        state=version_state(row["state"], row["document_version"], row["live_version"], kept),
        sha256=row["sha256"],
        file_name=row["file_name"],
        passages=row["passages"],
        passages_reused=row["passages_reused"],
        embedding_model=row["embedding_model"],
        chunking=rule_of(row["chunking"]),
        code=row["code"],
        created_at=row["created_at"],
        live_at=row["live_at"],
    )


def _document(row: Any) -> Document:
    """Properties are null until they are heard."""
    building = row["stage"] not in {"ready", "failed"}
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
        document_kind=row["document_kind"],
        source_url=row["source_url"],
        external_id=row["external_id"],
        enabled=row["enabled"],
        expires_at=row["expires_at"],
        tags=row["tags"],
        metadata=_metadata(row["metadata"]),
        chunking=rule_of(row["chunking"]),
        author=row["author"],
        dated_at=row["dated_at"],
        tokens=row["tokens"],
        embedding_model=row["embedding_model"],
        building_version=row["latest_version"] if building else None,
        work=DocumentWork.model_validate_json(row["work"]) if row["work"] and building else None,
        headings=row["headings"],
    )


def said_bytes(part: Part) -> int:
    """How much of a message it takes."""
    return len(part.model_dump_json().encode())


def _metadata(text: str | None) -> list[MetadataEntry] | None:
    return None if text is None else [MetadataEntry(**entry) for entry in json.loads(text)]
