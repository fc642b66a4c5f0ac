"""Who may get marketing messages, and how a person is reached now: what the contact book knows."""

from __future__ import annotations

from channel_ingress.contact_book import ContactBook
from channel_ingress.send_store import Grounds
from channel_ingress.store import SendingChannel
from contracts.v1.sending import SendMessage
from postgres import Transaction


class BookedConsent:
    """Asks the contact book, and tells it what a provider says of a person's wishes."""

    def __init__(self, contacts: ContactBook) -> None:
        self._contacts = contacts

    async def has_opted_out(self, tx: Transaction, command: SendMessage) -> bool:
        """Whether the person whom a send is for has stopped marketing messages."""
        return await self._contacts.is_opted_out(
            tx, command.tenant_id, command.channel_id, command.contact_external_id
        )

    async def opt_out(
        self, tx: Transaction, command: SendMessage, channel: SendingChannel | None
    ) -> None:
        """They have: the provider says so."""
        if channel is not None:
            await self._contacts.opt_out(tx, channel, command.contact_external_id)

    async def address_of(self, tx: Transaction, command: SendMessage, grounds: Grounds) -> str:
        """Phone number or user id by which they are reached now; others by their stable key."""
        if command.channel_type != "whatsapp":
            return command.contact_external_id
        if grounds.moved_to is not None:
            found = await self._contacts.address_of(
                tx, command.channel_id, command.contact_external_id
            )
            return found.to
        return grounds.phone or grounds.user_id or command.contact_external_id
