"""Rows of files that people and visitors want to send."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.v1.shapes import OutgoingMedia
from gateway.media_types import MediaKind
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class UploadedMedia:
    """A file in blobs; a visitor's has a channel and a visitor."""

    tenant_id: UUID
    media_id: UUID
    channel_id: UUID | None
    visitor_id: str | None
    kind: MediaKind
    sha256: str
    mime_type: str
    file_name: str
    size_bytes: int

    def outgoing(self) -> OutgoingMedia:
        """As it goes with a message."""
        return OutgoingMedia(
            kind=self.kind,
            sha256=self.sha256,
            mime_type=self.mime_type,
            file_name=self.file_name,
            size_bytes=self.size_bytes,
        )


class MediaStore:
    """Uploaded media."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def insert(self, tx: Transaction, media: UploadedMedia) -> bool:
        """Keep a new file; False when the id is there already."""
        made = await tx.fetchval(
            self._queries["insert_media"],
            media.tenant_id,
            media.media_id,
            media.channel_id,
            media.visitor_id,
            media.kind,
            media.sha256,
            media.mime_type,
            media.file_name,
            media.size_bytes,
        )
        return made is not None

    async def of_tenant(
        self, tx: Transaction, tenant_id: UUID, media_ids: list[UUID]
    ) -> dict[UUID, UploadedMedia]:
        """Which of these the tenant's people uploaded."""
        rows = await tx.fetch(self._queries["media_of_tenant"], tenant_id, media_ids)
        return _by_id(rows)

    async def of_visitor(
        self,
        tx: Transaction,
        tenant_id: UUID,
        channel_id: UUID,
        visitor_id: str,
        media_ids: list[UUID],
    ) -> dict[UUID, UploadedMedia]:
        """Which of these this visitor uploaded within a day."""
        rows = await tx.fetch(
            self._queries["media_of_visitor"], tenant_id, channel_id, visitor_id, media_ids
        )
        return _by_id(rows)


def _by_id(rows: list[Any]) -> dict[UUID, UploadedMedia]:
    return {row["media_id"]: UploadedMedia(**dict(row)) for row in rows}
