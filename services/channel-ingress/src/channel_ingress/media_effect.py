"""Plans to fetch the files of new messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from channel_ingress.contact_book import ContactBook
from channel_ingress.domain import item_identity
from channel_ingress.effects import NewItem
from channel_ingress.items import CustomerMessage, Echo
from channel_ingress.media import ID_LIFE, wanted_file
from channel_ingress.media_store import MediaRow, MediaStore
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from postgres import Transaction


class MediaEffect:
    """Keeps what is to be fetched with the message that it belongs to."""

    def __init__(self, media: MediaStore, contacts: ContactBook, kept: Callable[[], None]) -> None:
        self._media, self._contacts, self._kept = media, contacts, kept

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Plan each file; says nothing until it is stored or lost."""
        found = [
            (item, channel, item.payload, file)
            for item, channel in items
            if isinstance(item.payload, CustomerMessage | Echo)
            and (file := wanted_file(item.payload.content)) is not None
        ]
        if not found:
            return []
        people = [(channel, payload.person) for _, channel, payload, _ in found]
        known = await self._contacts.resolve(tx, people)
        rows = [
            MediaRow(
                media_id=file.media_id,
                tenant_id=channel.tenant_id,
                channel_id=channel.channel_id,
                channel_type=channel.channel_type,
                conversation_id=person.conversation_id,
                provider_message_id=payload.provider_message_id,
                kind=payload.content.kind,
                provider_media_id=file.provider_media_id,
                url=file.url,
                declared_type=file.declared_type,
                file_name=file.file_name,
                declared_sha256=file.sha256,
                declared_bytes=file.size_bytes,
                dies_at=cause.occurred_at + ID_LIFE,
                correlation_id=cause.correlation_id,
                causation_id=item_identity(channel.channel_id, item.provider_key),
            )
            for (item, channel, payload, file), person in zip(found, known, strict=True)
        ]
        if await self._media.keep(tx, rows):
            tx.after_commit.append(self._kept)
        return []
