"""What a webhook body says, item by item, in one shape for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from contracts.v1.shapes import MessageContent

StatusName = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer by every id that an item names them by."""

    external_id: str
    """The best of them: the phone number, else the user id; the PSID; the visitor."""
    display_name: str | None = None
    phone: str | None = None
    """Digits."""
    user_id: str | None = None
    """Business-scoped user id."""
    username: str | None = None
    email: str | None = None
    """Vouched for by the tenant."""
    tenant_external_id: str | None = None
    """The tenant's own id of them, vouched for by the tenant."""


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """A customer said something that deserves an answer."""

    person: Person
    provider_message_id: str
    sent_at: datetime
    content: MessageContent
    reply_to: str | None = None
    client_message_id: str | None = None
    is_imported: bool = False
    """History from before the channel was connected."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The business spoke by another way than ours."""

    person: Person
    """The customer who was written to."""
    provider_message_id: str
    sent_at: datetime
    content: MessageContent
    source: Literal["phone_app", "page_inbox", "other_app"]
    app_id: str | None = None
    is_imported: bool = False
    reference: str = ""
    """What an echo brings back, if it has the form of ours; then it may be our own send."""


@dataclass(frozen=True, slots=True)
class Change:
    """A message was edited, taken back or reacted to, whether it has come yet or not."""

    about: str
    """Provider id of the message."""
    what: Literal["reaction", "edit", "revoke"]
    by: Literal["customer", "business"]
    at: datetime
    person: Person | None = None
    text: str | None = None
    """The new words of an edit."""
    emoji: str | None = None
    """A reaction's emoji; None or empty takes it back."""


@dataclass(frozen=True, slots=True)
class ThreadControl:
    """Messenger's thread went to another app, or came to us."""

    person: Person
    holder: Literal["us", "page_inbox", "other_app"]
    at: datetime
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A person has a new number or user id in the place of an old one."""

    kind: Literal["phone", "user_id"]
    old: str
    new: str
    at: datetime
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """A person stops or resumes marketing messages."""

    person: Person
    wants_marketing: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Prices:
    """What a status says about money; goes with it."""

    category: str
    pricing_model: str | None
    type: str | None
    billable: bool | None


@dataclass(frozen=True, slots=True)
class Status:
    """Evidence about one message that we sent."""

    provider_message_id: str
    status: StatusName
    at: datetime
    reference: str = ""
    """What we gave with the send and got back: `<send id>` or `<send id>.<part>`."""
    provider_code: int | None = None
    detail: str = ""
    price: Prices | None = None
    person: Person | None = None
    """Who received it, where the status says so."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Everything that we sent to a contact up to a moment has come this far (Messenger)."""

    contact_external_id: str
    status: Literal["delivered", "read"]
    up_to: datetime


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """A visitor has seen everything up to a place of the conversation (web chat)."""

    contact_external_id: str
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Update:
    """Worth knowing, but none of the kinds above: account or template notice, opt-in …"""

    kind: str
    contact_external_id: str | None = None
    about: str | None = None
    """Provider id of the message it is about."""
    severity: Literal["info", "warning"] = "info"
    person: Person | None = None
    """Whom it is about, where it belongs into a conversation."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be understood; kept and shown."""

    problem: str


Payload: TypeAlias = (
    CustomerMessage
    | Echo
    | Change
    | ThreadControl
    | IdentityChange
    | Preference
    | Status
    | Watermark
    | ReadUpTo
    | Update
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a body with the address it came to."""

    address: str
    """phone_number_id, page id or widget key; empty where the item names none."""
    provider_key: str
    """Unique within its channel, at most 512 characters."""
    raw: str
    """The item as the provider sent it, JSON text."""
    payload: Payload
    flags: tuple[str, ...] = ()
    """What was mended: `text_cleaned`, `timestamp_mended`."""
    account: str = ""
    """The provider's business account, where an item names that and no address."""


class UnreadableBody(ValueError):
    """A body that cannot be read at all; the text says why."""
