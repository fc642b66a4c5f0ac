"""Who wrote: the ids of an item to the contact that a tenant knows by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from channel_ingress.domain import conversation_identity
from channel_ingress.items import Person
from channel_ingress.store import Channel
from contracts.v1.shapes import ContactRef
from postgres import Transaction


@dataclass(frozen=True, slots=True)
class Known:
    """A person's place in the tenant's book."""

    contact: ContactRef
    """`external_id` is the stable key on the channel, whatever ids come and go."""
    conversation_id: UUID


class ContactBook:
    """Finds, makes and joins contacts."""

    async def resolve(
        self, tx: Transaction, people: Sequence[tuple[Channel, Person]]
    ) -> list[Known]:
        """The contact of each, in the same order."""
        del tx
        return [self._known(channel, person) for channel, person in people]

    def _known(self, channel: Channel, person: Person) -> Known:
        contact = ContactRef(
            external_id=person.external_id,
            display_name=person.display_name,
            phone=person.phone,
            user_id=person.user_id,
            username=person.username,
            email=person.email,
        )
        return Known(contact, conversation_identity(channel.channel_id, person.external_id))
