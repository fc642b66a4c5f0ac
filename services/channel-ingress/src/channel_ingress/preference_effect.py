"""Who wants marketing messages, by their newest word."""

from __future__ import annotations

from collections.abc import Sequence

from channel_ingress.contact_book import ContactBook
from channel_ingress.effects import NewItem
from channel_ingress.items import Preference
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from postgres import Transaction


class PreferenceEffect:
    """Keeps who stopped marketing messages; contacts are said by the book itself."""

    def __init__(self, contacts: ContactBook) -> None:
        self._contacts = contacts

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Keep the newest word of each."""
        del cause
        preferences = [
            (channel, payload)
            for item, channel in items
            if isinstance(payload := item.payload, Preference)
        ]
        if preferences:
            await self._contacts.prefer(tx, preferences)
        return []
