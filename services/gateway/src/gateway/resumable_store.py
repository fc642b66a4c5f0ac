"""Rows of uploads in pieces, and who writes them just now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from gateway.resumable import ResumableUpload
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an upload: where they begin, how many they are, where they are in blobs."""

    offset_bytes: int
    size_bytes: int
    sha256: str


class ResumableStore:
    """Uploads in pieces."""

    def __init__(self, queries: Queries, rest_hours: int) -> None:
        self._queries = queries
        self._rest_hours = rest_hours

    async def insert(
        self,
        tx: Transaction,
        tenant_id: UUID,
        upload_id: UUID,
        actor: str,
        size_bytes: int,
        metadata: dict[str, str],
    ) -> ResumableUpload:
        """A new one."""
        row = await tx.fetchrow(
            self._queries["insert_resumable"],
            tenant_id,
            upload_id,
            actor,
            size_bytes,
            orjson.dumps(metadata).decode(),
            self._rest_hours,
        )
        return _upload(row)

    async def find(
        self, tx: Transaction, tenant_id: UUID, upload_id: UUID
    ) -> ResumableUpload | None:
        """One that is not forgotten."""
        row = await tx.fetchrow(self._queries["find_resumable"], tenant_id, upload_id)
        return _upload(row) if row else None

    async def count(self, tx: Transaction, tenant_id: UUID) -> int:
        """How many a tenant has on their way."""
        count: int = await tx.fetchval(self._queries["count_resumables"], tenant_id)
        return count

    async def claim(
        self,
        tx: Transaction,
        tenant_id: UUID,
        upload_id: UUID,
        writer: UUID,
        offset_bytes: int,
        seconds: float,
    ) -> ResumableUpload | None:
        """This request writes now, from there on; None if it may not."""
        row = await tx.fetchrow(
            self._queries["claim_resumable"], tenant_id, upload_id, writer, offset_bytes, seconds
        )
        return _upload(row) if row else None

    async def renew(self, tx: Transaction, upload_id: UUID, writer: UUID, seconds: float) -> None:
        """It still writes."""
        await tx.execute(self._queries["renew_resumable"], upload_id, writer, seconds)

    async def release(self, tx: Transaction, upload_id: UUID, writer: UUID) -> None:
        """The next one may write."""
        await tx.execute(self._queries["release_resumable"], upload_id, writer)

    async def add(
        self, tx: Transaction, upload: ResumableUpload, writer: UUID, pieces: Sequence[Piece]
    ) -> ResumableUpload | None:
        """Keep pieces that follow each other, as far as they go; None: somebody else writes now."""
        await tx.execute(
            self._queries["add_resumable_pieces"],
            upload.tenant_id,
            upload.upload_id,
            [piece.offset_bytes for piece in pieces],
            [piece.size_bytes for piece in pieces],
            [piece.sha256 for piece in pieces],
        )
        end = pieces[-1].offset_bytes + pieces[-1].size_bytes
        row = await tx.fetchrow(
            self._queries["advance_resumable"], upload.upload_id, writer, end, self._rest_hours
        )
        return _upload(row) if row else None

    async def finish(
        self, tx: Transaction, upload: ResumableUpload, writer: UUID, document_id: UUID
    ) -> ResumableUpload | None:
        """It is a document now; None: somebody else writes now."""
        row = await tx.fetchrow(
            self._queries["finish_resumable"], upload.upload_id, writer, document_id
        )
        return _upload(row) if row else None

    async def pieces(self, tx: Transaction, tenant_id: UUID, upload_id: UUID) -> list[Piece]:
        """Its bytes, in order."""
        rows = await tx.fetch(self._queries["resumable_pieces_of"], tenant_id, upload_id)
        return [Piece(**dict(row)) for row in rows]

    async def drop_pieces(self, tx: Transaction, tenant_id: UUID, upload_id: UUID) -> None:
        """Their bytes are gone from blobs."""
        await tx.execute(self._queries["drop_resumable_pieces"], tenant_id, upload_id)

    async def end(self, tx: Transaction, tenant_id: UUID, upload_id: UUID) -> bool:
        """Nobody sees it any more; False if nobody did."""
        ended = await tx.fetchval(self._queries["end_resumable"], tenant_id, upload_id)
        return ended is not None

    async def expired(self, tx: Transaction) -> list[tuple[UUID, UUID]]:
        """Tenant and upload of some that nobody goes on with."""
        rows = await tx.fetch(self._queries["expired_resumables"])
        return [(row["tenant_id"], row["upload_id"]) for row in rows]

    async def delete(self, tx: Transaction, tenant_id: UUID, upload_id: UUID) -> None:
        """It is forgotten."""
        await tx.execute(self._queries["delete_resumable"], tenant_id, upload_id)


def _upload(row: Any) -> ResumableUpload:
    fields = dict(row)
    return ResumableUpload(metadata=orjson.loads(fields.pop("metadata")), **fields)
