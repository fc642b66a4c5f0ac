"""WhatsApp webhook bodies, as the Cloud API sends them."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

ACCOUNT_ID = "419561257915477"
"""The WhatsApp Business Account in simulated bodies."""
DISPLAY_NUMBER = "15550783881"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as WhatsApp names them; who hides their number has only a user id."""

    wa_id: str = ""
    user_id: str = ""
    """Business-scoped user id, `CC.…`."""
    parent_user_id: str = ""
    """The id that all businesses of one portfolio see, `CC.ENT.…`."""
    username: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """What replies are addressed to."""
        return self.wa_id or self.user_id

    def contact(self) -> Json:
        """The element of `contacts`."""
        profile: Json = {"name": self.name or f"Customer {self.key[-4:]}"}
        if self.username:
            profile["username"] = self.username
        found: Json = {"profile": profile}
        ids = {"wa_id": self.wa_id, "user_id": self.user_id, "parent_user_id": self.parent_user_id}
        return found | {key: value for key, value in ids.items() if value}

    def author(self) -> Json:
        """Who wrote a message."""
        ids = {
            "from": self.wa_id,
            "from_user_id": self.user_id,
            "from_parent_user_id": self.parent_user_id,
        }
        return {key: value for key, value in ids.items() if value}


def new_message_id() -> str:
    """A fresh `wamid.…`."""
    return "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()


def text_message(
    sender: str,
    text: str,
    *,
    message_id: str = "",
    timestamp_seconds: int | None = None,
    reply_to: str = "",
) -> Json:
    """A customer's text."""
    message = _message(sender, "text", message_id, timestamp_seconds)
    message["text"] = {"body": text}
    if reply_to:
        message["context"] = {"from": DISPLAY_NUMBER, "id": reply_to}
    return message


def media_message(sender: str, kind: str, media: Json, *, message_id: str = "") -> Json:
    """A customer's image, audio, video, document or sticker; `media` as the webhook shows it."""
    message = _message(sender, kind, message_id, None)
    message[kind] = media
    return message


def button_reply(sender: str, button_id: str, title: str, reply_to: str) -> Json:
    """A tap on a reply button."""
    message = _message(sender, "interactive", "", None)
    message["context"] = {"from": DISPLAY_NUMBER, "id": reply_to}
    message["interactive"] = {
        "type": "button_reply",
        "button_reply": {"id": button_id, "title": title},
    }
    return message


def reaction(sender: str, message_id: str, emoji: str) -> Json:
    """A reaction to one of our messages; an empty emoji takes it back."""
    message = _message(sender, "reaction", "", None)
    message["reaction"] = {"message_id": message_id, "emoji": emoji}
    return message


def status(
    message_id: str,
    name: str,
    recipient: str,
    *,
    callback_data: str = "",
    timestamp_seconds: int | None = None,
    errors: list[Json] | None = None,
    user_id: str = "",
    template: bool = False,
) -> Json:
    """One status of a message: sent, delivered, read, played, deleted or failed."""
    body: Json = {
        "id": message_id,
        "status": name,
        "timestamp": str(int(time.time()) if timestamp_seconds is None else timestamp_seconds),
    }
    if recipient:
        body["recipient_id"] = recipient
    if user_id:
        body["recipient_user_id"] = user_id
    if callback_data:
        body["biz_opaque_callback_data"] = callback_data
    if errors:
        body["errors"] = errors
    elif name in ("sent", "delivered"):
        body["pricing"] = _pricing(template)
    return body


def messages_change(
    phone_number_id: str, messages: Iterable[Json], names: dict[str, str] | None = None
) -> Json:
    """A change that carries customers' messages of one number."""
    found = list(messages)
    senders = dict.fromkeys(str(one["from"]) for one in found if "from" in one)
    people = [Person(wa_id=sender, name=(names or {}).get(sender, "")) for sender in senders]
    return people_change(phone_number_id, found, people)


def people_change(
    phone_number_id: str,
    messages: Iterable[Json],
    people: Iterable[Person],
    *,
    field: str = "messages",
) -> Json:
    """A change with the contacts that its messages are from; system messages come without any."""
    contacts = [person.contact() for person in people]
    content: Json = {"contacts": contacts} if contacts else {}
    return change_of(phone_number_id, field, {**content, "messages": list(messages)})


def statuses_change(phone_number_id: str, statuses: Iterable[Json]) -> Json:
    """A change that carries statuses of one number."""
    return change_of(phone_number_id, "messages", {"statuses": list(statuses)})


def change_of(phone_number_id: str, field: str, content: Json) -> Json:
    """A change of one number."""
    metadata = {"display_phone_number": DISPLAY_NUMBER, "phone_number_id": phone_number_id}
    return {
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **content},
        "field": field,
    }


def body_of(changes: Iterable[Json]) -> Json:
    """The webhook body with all changes in one entry."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT_ID, "changes": list(changes)}],
    }


def _pricing(template: bool) -> Json:
    return {
        "billable": template,
        "pricing_model": "PMP",
        "type": "regular" if template else "free_customer_service",
        "category": "utility" if template else "service",
    }


def _message(sender: str, kind: str, message_id: str, timestamp_seconds: int | None) -> Json:
    return {
        "from": sender,
        "id": message_id or new_message_id(),
        "timestamp": str(int(time.time()) if timestamp_seconds is None else timestamp_seconds),
        "type": kind,
    }
