"""What a webhook body says, item by item, in one shape for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from contracts.v1.shapes import MessageContent

StatusName = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """A customer said something that deserves an answer."""

    contact_external_id: str
    display_name: str | None
    phone: str | None
    provider_message_id: str
    sent_at: datetime
    content: MessageContent
    reply_to: str | None = None
    client_message_id: str | None = None


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


@dataclass(frozen=True, slots=True)
class Watermark:
    """Everything that we sent to a contact up to a moment has come this far (Messenger)."""

    contact_external_id: str
    status: Literal["delivered", "read"]
    up_to: datetime


@dataclass(frozen=True, slots=True)
class Update:
    """Worth knowing, but nothing that the bot answers: reaction, edit, echo, account notice …"""

    kind: str
    contact_external_id: str | None = None
    about: str | None = None
    """Provider id of the message it is about."""
    severity: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be understood; kept and shown."""

    problem: str


Payload: TypeAlias = CustomerMessage | Status | Watermark | Update | Unreadable


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


class UnreadableBody(ValueError):
    """A body that cannot be read at all; the text says why."""
