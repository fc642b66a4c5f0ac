"""Who a customer is, over numbers, ids and channels: channel-ingress owns it.

1. A message, a number change or a vouched-for e-mail tells that two ids are one person:
   `contact-updated`, `contacts-merged` with the evidence.
2. People look at contacts, merge them and undo a merge through gateway.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Event, Part, Request, ShortText
from contracts.v1.shapes import ChannelType, Cursor, ExternalId, Limit

IdentityKind = Literal["phone", "user_id", "psid", "visitor_id", "email", "external_id"]


class ContactIdentity(Part):
    """An id by which a contact is known."""

    kind: IdentityKind = Field(
        description="phone (digits), user_id (BSUID), psid, visitor_id, email, or the tenant's own."
    )
    value: ExternalId = Field(description="The id.")
    channel_id: UUID | None = Field(description="The channel that knows it; null: every channel.")
    verified: bool = Field(description="Whether a provider or the tenant vouches for it.")
    evidence: ShortText = Field(description="How it became known.")
    since: AwareDatetime = Field(description="When it became known, UTC.")
    until: AwareDatetime | None = Field(description="When another took its place, UTC.")


class ContactChannel(Part):
    """A channel on which the contact has spoken."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    external_id: ExternalId = Field(description="The contact's stable key there.")
    conversation_id: UUID = Field(description="Their conversation.")
    last_message_at: AwareDatetime | None = Field(description="When they last wrote, UTC.")
    window_closes_at: AwareDatetime | None = Field(
        description="Until when free-form text may be sent, UTC; null where there is no window."
    )


class Contact(Part):
    """A person, as one tenant knows them."""

    contact_id: UUID = Field(description="The contact.")
    display_name: ShortText | None = Field(description="Newest name that a channel gave.")
    identities: Annotated[list[ContactIdentity], Field(max_length=100)] = Field(
        description="Every id, the newest first."
    )
    channels: Annotated[list[ContactChannel], Field(max_length=50)] = Field(
        description="Where they have spoken."
    )
    opted_out: bool = Field(description="Whether they stopped marketing messages.")
    merged_into: UUID | None = Field(description="The contact that it became part of.")
    created_at: AwareDatetime = Field(description="When they were first seen, UTC.")


class ContactMerge(Part):
    """Two contacts that became one, and why; it can be undone."""

    merge_id: UUID = Field(description="The merge.")
    kept_contact_id: UUID = Field(description="The contact that stays.")
    merged_contact_id: UUID = Field(description="The contact that became part of it.")
    evidence: ShortText = Field(description="same_message, number_changed, verified_email …")
    merged_by: ShortText = Field(description="The person, or `system`.")
    merged_at: AwareDatetime = Field(description="When, UTC.")
    undone_at: AwareDatetime | None = Field(description="When it was undone, UTC.")


class ContactUpdated(
    Event, owner="channel-ingress", heard_by=(), version=1, public="contact.updated"
):
    """A contact is new or has new ids; this is all of it."""

    contact: Contact = Field(description="The contact.")


class ContactsMerged(
    Event, owner="channel-ingress", heard_by=(), version=1, public="contact.merged"
):
    """Two contacts became one, or became two again (`undone_at`)."""

    merge: ContactMerge = Field(description="The merge.")


class ContactFound(Answer):
    """One contact and its merges."""

    contact: Contact = Field(description="The contact.")
    merges: Annotated[list[ContactMerge], Field(max_length=50)] = Field(description="Newest first.")


class ContactsListed(Answer):
    """A page of contacts, the newest first."""

    contacts: Annotated[list[Contact], Field(max_length=50)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class ListContacts(
    Request[ContactsListed], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Which contacts does the tenant have? A page holds 50 at most."""

    identity: ExternalId | None = Field(description="Only those known by exactly this id.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class GetContact(Request[ContactFound], owner="channel-ingress", asked_by=("gateway",), version=1):
    """One contact; refused with `not_found`."""

    contact_id: UUID = Field(description="Which.")


class MergeContacts(
    Request[ContactFound], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """A person says that two contacts are one; refused with `not_found` or `already_merged`."""

    kept_contact_id: UUID = Field(description="The contact that stays.")
    merged_contact_id: UUID = Field(description="The contact that becomes part of it.")
    merged_by: ShortText = Field(description="Who says so.")


class UndoMerge(Request[ContactFound], owner="channel-ingress", asked_by=("gateway",), version=1):
    """Make two contacts of one again; refused with `not_found` or `already_undone`."""

    merge_id: UUID = Field(description="Which merge.")
