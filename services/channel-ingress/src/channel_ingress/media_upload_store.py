"""What the provider has of our files, by named queries."""

from __future__ import annotations

from uuid import UUID

from channel_ingress.store import SendingChannel
from contracts.v1.shapes import OutgoingMedia
from postgres import Queries, Transaction


class MediaUploadStore:
    """The upload queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_uploads.sql")

    async def find(
        self, tx: Transaction, channel: SendingChannel, media: OutgoingMedia
    ) -> str | None:
        """The provider's id of a file, while the provider has it."""
        sql = self._queries["find_upload"]
        found = await tx.fetchval(sql, channel.channel_id, media.sha256, media.kind)
        return str(found) if found else None

    async def keep(
        self,
        tx: Transaction,
        channel: SendingChannel,
        media: OutgoingMedia,
        provider_media_id: str,
        life_seconds: float,
    ) -> None:
        """The provider has it for so long."""
        await tx.execute(
            self._queries["keep_upload"],
            channel.channel_id,
            media.sha256,
            media.kind,
            channel.tenant_id,
            provider_media_id,
            life_seconds,
        )

    async def forget(
        self,
        tx: Transaction,
        channel: SendingChannel,
        media: OutgoingMedia,
        provider_media_id: str,
    ) -> None:
        """It was refused: the next send uploads it anew."""
        sql = self._queries["forget_upload"]
        await tx.execute(sql, channel.channel_id, media.sha256, media.kind, provider_media_id)

    async def hasten(self, tx: Transaction, send_id: UUID) -> None:
        """Let a send that waited for a file go."""
        await tx.execute(self._queries["hasten_send"], send_id)
