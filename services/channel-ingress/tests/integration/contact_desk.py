"""What tests of contacts ask and compare."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from channel_ingress.contact_book import Address
from channel_ingress.contact_requests import ContactRequests
from channel_ingress.items import Person
from contracts.v1.channels import MessageReceived
from contracts.v1.contacts import Contact, GetContact, ListContacts

from .hearing import Hearing

PHONE_ONLY = Person("16505551234", "Ana", phone="16505551234")
BOTH = Person("16505551234", "Ana", phone="16505551234", user_id="US.1349")
ID_ONLY = Person("US.1349", "Ana", user_id="US.1349")
TABLES = ("contacts", "contact_identities", "channel_contacts")


def requests(hearing: Hearing) -> ContactRequests:
    """Answers over the same database, with another outbox than the broker's."""
    outbox: Any = SimpleNamespace(transaction=hearing.database.transaction, say=hearing.said.say)
    return ContactRequests(outbox, hearing.contacts)


def conversations(hearing: Hearing) -> list[UUID]:
    return [one.conversation_id for one in hearing.of(MessageReceived)]


async def contacts(hearing: Hearing) -> list[Contact]:
    request = ListContacts.make(tenant_id=hearing.tenant_id, identity=None, cursor=None, limit=50)
    return (await requests(hearing).list(request)).contacts


async def get(hearing: Hearing, contact_id: UUID) -> Contact:
    request = GetContact.make(tenant_id=hearing.tenant_id, contact_id=contact_id)
    return (await requests(hearing).get(request)).contact


async def address(hearing: Hearing, key: str, channel_type: str = "whatsapp") -> Address:
    async with hearing.database.transaction(hearing.tenant_id) as tx:
        return await hearing.contacts.address_of(tx, hearing.channels[channel_type], key)


async def everything(hearing: Hearing) -> dict[str, Any]:
    """All rows of the tables that a merge may touch."""
    async with hearing.database.system() as tx:
        return {
            table: sorted(str(dict(row)) for row in await tx.fetch(f"select * from {table}"))
            for table in TABLES
        }
