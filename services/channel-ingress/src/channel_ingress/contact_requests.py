"""Answers to people who look at contacts, merge them and undo a merge."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Final
from uuid import UUID

from bus import Bus, Refused
from channel_ingress.contact_book import ContactBook
from channel_ingress.contact_linking import News
from channel_ingress.contact_merging import AlreadyUndone, ContactMerging
from channel_ingress.contact_reading import LIST_MAX, ContactReading
from channel_ingress.contact_store import ContactStore
from contracts.v1.contacts import (
    Contact,
    ContactFound,
    ContactsListed,
    GetContact,
    ListContacts,
    MergeContacts,
    UndoMerge,
)
from outbox import Outbox
from postgres import Transaction

PERSON: Final = "person"
"""Evidence of a merge that a person asked for."""


class ContactRequests:
    """Handlers of the requests about contacts; each sees its tenant's rows only."""

    def __init__(self, outbox: Outbox, book: ContactBook) -> None:
        self._outbox, self._book = outbox, book
        self._store, self._reading = ContactStore(), ContactReading()
        self._merging = ContactMerging(self._store)

    async def list(self, request: ListContacts) -> ContactsListed:
        """A page of contacts, the newest first."""
        limit = min(request.limit, LIST_MAX)
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._reading.page(
                tx,
                request.tenant_id,
                identity=request.identity,
                after=None if request.cursor is None else read_cursor(request.cursor),
                limit=limit + 1,
            )
        page = found[:limit]
        following = write_cursor(page[-1]) if len(found) > limit else None
        return ContactsListed(contacts=page, next_cursor=following)

    async def get(self, request: GetContact) -> ContactFound:
        """One contact and its merges."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            return await self._found(tx, request.tenant_id, request.contact_id)

    async def merge(self, request: MergeContacts) -> ContactFound:
        """A person says that two contacts are one."""
        kept, merged = request.kept_contact_id, request.merged_contact_id
        async with self._outbox.transaction(request.tenant_id) as tx:
            locked = await self._store.lock(tx, [kept, merged])
            if kept not in locked or merged not in locked:
                raise _not_found()
            if kept == merged or locked[kept][1] or locked[merged][1]:
                raise Refused("already_merged", "One of them is part of another contact already.")
            merge = await self._merging.merge(
                tx,
                request.tenant_id,
                kept,
                merged,
                evidence=PERSON,
                merged_by=request.merged_by,
            )
            tenant_id = request.tenant_id
            news = News({(tenant_id, kept), (tenant_id, merged)}, [(tenant_id, merge)])
            await self._book.say(tx, news)
            return await self._found(tx, tenant_id, kept)

    async def undo(self, request: UndoMerge) -> ContactFound:
        """Make two contacts of one again, as they were."""
        tenant_id = request.tenant_id
        async with self._outbox.transaction(tenant_id) as tx:
            found = await self._merging.find(tx, tenant_id, request.merge_id)
            if found is None:
                raise _not_found()
            merge, moved = found
            root = await self._merging.root(tx, tenant_id, merge.kept_contact_id)
            concerned = {merge.kept_contact_id, merge.merged_contact_id, root}
            await self._store.lock(tx, sorted(concerned))
            try:
                undone = await self._merging.undo(tx, tenant_id, merge, moved)
            except AlreadyUndone:
                raise Refused("already_undone", "This merge was undone before.") from None
            news = News({(tenant_id, one) for one in concerned}, [(tenant_id, undone)])
            await self._book.say(tx, news)
            return await self._found(tx, tenant_id, merge.merged_contact_id)

    async def _found(self, tx: Transaction, tenant_id: UUID, contact_id: UUID) -> ContactFound:
        contacts = await self._reading.contacts(tx, tenant_id, [contact_id])
        if not contacts:
            raise _not_found()
        merges = await self._reading.merges(tx, tenant_id, contact_id)
        return ContactFound(contact=contacts[0], merges=merges)


def answer_about_contacts(bus: Bus, requests: ContactRequests) -> None:
    """Tie every request about contacts to its handler."""
    bus.answer(ListContacts, requests.list)
    bus.answer(GetContact, requests.get)
    bus.answer(MergeContacts, requests.merge)
    bus.answer(UndoMerge, requests.undo)


def write_cursor(contact: Contact) -> str:
    """The place after a contact, as text that means nothing to its bearer."""
    place = f"{contact.created_at.isoformat()}|{contact.contact_id}"
    return base64.urlsafe_b64encode(place.encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Read a place; refuses what we did not write."""
    try:
        moment, _, identity = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        when = datetime.fromisoformat(moment)
        if when.tzinfo is None:
            raise ValueError("no zone")
        return when, UUID(identity)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error


def _not_found() -> Refused:
    return Refused("not_found", "There is no such contact.")
