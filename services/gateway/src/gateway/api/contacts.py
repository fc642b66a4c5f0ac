"""Contacts: who a customer is over all channels. channel-ingress owns them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.contacts import (
    Contact,
    ContactFound,
    ContactMerge,
    GetContact,
    ListContacts,
    MergeContacts,
    UndoMerge,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, Parts, Shape, With
from gateway.door import Principal
from gateway.problems import Problem

router = APIRouter(prefix="/api/tenants/{tenant_id}", tags=["contacts"], route_class=GuardedRoute)

ContactsLimit = Annotated[int, Query(ge=1, le=50, description="Size of the page.")]


class ContactsShown(BaseModel):
    """A page of contacts, the newest first."""

    items: list[Contact]
    next_cursor: str | None


class ContactShown(Contact):
    """A contact and its merges."""

    merges: list[ContactMerge] = Field(description="Newest first.")


class Merge(Shape):
    """Who is the same person."""

    contact_id: UUID = Field(description="Becomes part of the contact in the address.")


@router.get("/contacts")
async def list_contacts(
    tenant_id: UUID,
    parts: With,
    identity: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=512),
        Query(description="Only those known by exactly this id: number, BSUID, PSID, e-mail …"),
    ] = None,
    cursor: PageCursor = None,
    limit: ContactsLimit = 50,
) -> ContactsShown:
    """The tenant's contacts, the newest first."""
    name = f"contacts:{tenant_id}:{identity or ''}"
    answer = await parts.ask(
        ListContacts.make(
            tenant_id=tenant_id,
            identity=identity,
            cursor=parts.cursors.read(name, cursor),
            limit=limit,
        )
    )
    return ContactsShown(
        items=answer.contacts, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.get("/contacts/{contact_id}")
async def get_contact(tenant_id: UUID, contact_id: UUID, parts: With) -> ContactShown:
    """One contact with every id, channel and merge."""
    return _shown(await parts.ask(GetContact.make(tenant_id=tenant_id, contact_id=contact_id)))


@router.post("/contacts/{contact_id}/merge")
async def merge_contacts(
    tenant_id: UUID, contact_id: UUID, body: Merge, parts: With, who: Caller
) -> ContactShown:
    """Say that two contacts are one person; it can be undone."""
    if body.contact_id == contact_id:
        raise Problem(422, "invalid", "A contact cannot become part of itself.")
    request = MergeContacts.make(
        tenant_id=tenant_id,
        kept_contact_id=contact_id,
        merged_contact_id=body.contact_id,
        merged_by=who.actor,
    )
    found = await parts.ask(request)
    await _note(parts, tenant_id, who, "contact.merged", contact_id, merged=body.contact_id)
    return _shown(found)


@router.post("/contact-merges/{merge_id}/undo")
async def undo_merge(tenant_id: UUID, merge_id: UUID, parts: With, who: Caller) -> ContactShown:
    """Make two contacts of one again."""
    found = await parts.ask(UndoMerge.make(tenant_id=tenant_id, merge_id=merge_id))
    await _note(parts, tenant_id, who, "contact.merge_undone", merge_id)
    return _shown(found)


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: UUID, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)


def _shown(found: ContactFound) -> ContactShown:
    return ContactShown(merges=found.merges, **dict(found.contact))
