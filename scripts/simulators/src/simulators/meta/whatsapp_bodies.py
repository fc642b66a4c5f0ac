"""WhatsApp webhook bodies, as the Cloud API sends them."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

ACCOUNT_ID = "419561257915477"
"""The WhatsApp Business Account in simulated bodies."""
DISPLAY_NUMBER = "15550783881"


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
) -> Json:
    """One status of a message that was sent: sent, delivered, read or failed."""
    body: Json = {
        "id": message_id,
        "status": name,
        "timestamp": str(int(time.time()) if timestamp_seconds is None else timestamp_seconds),
        "recipient_id": recipient,
    }
    if callback_data:
        body["biz_opaque_callback_data"] = callback_data
    if errors:
        body["errors"] = errors
    elif name == "sent":
        body["pricing"] = {"billable": False, "pricing_model": "PMP", "category": "service"}
    return body


def messages_change(
    phone_number_id: str, messages: Iterable[Json], names: dict[str, str] | None = None
) -> Json:
    """A change that carries customers' messages of one number."""
    found = list(messages)
    senders = dict.fromkeys(str(message["from"]) for message in found)
    contacts = [
        {"profile": {"name": (names or {}).get(sender, f"Customer {sender[-4:]}")}, "wa_id": sender}
        for sender in senders
    ]
    return _change(phone_number_id, {"contacts": contacts, "messages": found})


def statuses_change(phone_number_id: str, statuses: Iterable[Json]) -> Json:
    """A change that carries statuses of one number."""
    return _change(phone_number_id, {"statuses": list(statuses)})


def body_of(changes: Iterable[Json]) -> Json:
    """The webhook body with all changes in one entry."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT_ID, "changes": list(changes)}],
    }


def _message(sender: str, kind: str, message_id: str, timestamp_seconds: int | None) -> Json:
    return {
        "from": sender,
        "id": message_id or new_message_id(),
        "timestamp": str(int(time.time()) if timestamp_seconds is None else timestamp_seconds),
        "type": kind,
    }


def _change(phone_number_id: str, content: Json) -> Json:
    metadata = {"display_phone_number": DISPLAY_NUMBER, "phone_number_id": phone_number_id}
    return {
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **content},
        "field": "messages",
    }
