"""Messenger Platform: its webhook bodies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from channel_ingress.items import CustomerMessage, Item, Payload, Person, Status, Update, Watermark
from channel_ingress.reading import (
    MALFORMED,
    TEXT_LIMIT,
    Json,
    clipped,
    digest_key,
    identifier,
    item_of,
    json_text,
    listed,
    moment,
    optional_identifier,
    unreadable_item,
)
from contracts.v1.shapes import MediaRef, MessageContent

_ATTACHMENT_KINDS = {"image": "image", "video": "video", "audio": "audio", "file": "document"}
_UPDATE_KINDS = {
    "reaction": "reaction",
    "message_edit": "edit",
    "referral": "referral",
    "optin": "optin",
    "account_linking": "account",
    "policy_enforcement": "account",
    "pass_thread_control": "handover",
    "take_thread_control": "handover",
    "request_thread_control": "handover",
    "app_roles": "handover",
}


class MessengerAdapter:
    """Normalises Messenger bodies."""

    channel_type = "messenger"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """Every entry × messaging or standby item; one bad item never loses the others."""
        if body.get("object") != "page":
            update = Update("unknown", severity="warning")
            yield item_of("", digest_key("body", json_text(body)), body, update)
            return
        for entry in listed(body.get("entry")):
            address = ""
            try:
                address = identifier(entry["id"])
                messaging = listed(entry.get("messaging"))
                standby = listed(entry.get("standby"))
                changes = listed(entry.get("changes"))
            except MALFORMED as error:
                yield unreadable_item(address, entry, error)
                continue
            for source in messaging:
                yield from _read_items(address, source, received_at)
            for source in standby:
                yield _update(address, "standby", source)
            for source in changes:
                yield _update(address, "unknown", source)


def _read_items(address: str, source: Any, received_at: datetime) -> Iterator[Item]:
    try:
        yield from list(_items_of(address, source, received_at))
    except MALFORMED as error:
        yield unreadable_item(address, source, error)


def _items_of(address: str, source: Json, received_at: datetime) -> Iterator[Item]:
    at, _ = moment(source.get("timestamp"), received_at)
    if "message" in source:
        yield _read_message(address, source, at)
    elif "postback" in source:
        yield _read_postback(address, source, at)
    elif "delivery" in source:
        yield from _read_delivery(address, source, received_at)
    elif "read" in source:
        yield _read_watermark(address, "read", source, received_at)
    else:
        kind = next((kind for kind in _UPDATE_KINDS if kind in source), "")
        yield _update(address, _UPDATE_KINDS.get(kind, "unknown"), source, about=kind)


def _read_message(address: str, source: Json, at: datetime) -> Item:
    message = source["message"]
    message_id = identifier(message["mid"])
    if message.get("is_echo"):
        return _read_echo(address, source, message_id, at)
    contact = identifier(source["sender"]["id"])
    if message.get("is_deleted"):
        return item_of(address, f"revoke:{message_id}", source, Update("revoke", contact))
    if message.get("is_unsupported"):
        return item_of(address, message_id, source, Update("unsupported", contact, message_id))
    reply_to = message.get("reply_to")
    payload = CustomerMessage(
        person=Person(contact),
        provider_message_id=message_id,
        sent_at=at,
        content=_content_of(message),
        reply_to=optional_identifier(reply_to.get("mid")) if isinstance(reply_to, dict) else None,
    )
    return item_of(address, message_id, source, payload)


def _content_of(message: Json) -> MessageContent:
    text = clipped(message.get("text"), TEXT_LIMIT)
    quick_reply = message.get("quick_reply")
    if isinstance(quick_reply, dict):
        data = json_text(quick_reply)
        return MessageContent(kind="button_reply", text=text, media=None, data=data)
    attachments = listed(message.get("attachments"))
    if not attachments:
        if text is None:
            raise ValueError("a message without text and attachments")
        return MessageContent(kind="text", text=text, media=None, data=None)
    kind = _ATTACHMENT_KINDS.get(str(attachments[0].get("type")), "unsupported")
    media = None
    if kind != "unsupported":
        media = MediaRef(
            provider_media_id=None, mime_type=None, file_name=None, sha256=None, size_bytes=None
        )
    data = json_text(attachments)
    return MessageContent.model_validate({"kind": kind, "text": text, "media": media, "data": data})


def _read_echo(address: str, source: Json, message_id: str, at: datetime) -> Item:
    """Our own words come back with our metadata: evidence. Anything else: somebody else spoke."""
    contact = identifier(source["recipient"]["id"])
    reference = clipped(source["message"].get("metadata"), 512) or ""
    key = digest_key("echo", message_id)
    if reference:
        return item_of(address, key, source, Status(message_id, "sent", at, reference))
    return item_of(address, key, source, Update("echo", contact, message_id))


def _read_postback(address: str, source: Json, at: datetime) -> Item:
    postback = source["postback"]
    contact = identifier(source["sender"]["id"])
    stamp = json_text([contact, source.get("timestamp"), postback])
    key = optional_identifier(postback.get("mid")) or digest_key("postback", stamp)
    text = clipped(postback.get("title") or postback.get("payload"), TEXT_LIMIT)
    data = json_text(postback)
    payload = CustomerMessage(
        person=Person(contact),
        provider_message_id=key,
        sent_at=at,
        content=MessageContent(kind="postback", text=text, media=None, data=data),
    )
    return item_of(address, key, source, payload)


def _read_delivery(address: str, source: Json, received_at: datetime) -> Iterator[Item]:
    """Ids where they are given; else everything up to the watermark."""
    delivery = source["delivery"]
    message_ids = listed(delivery.get("mids"))
    if not message_ids:
        yield _read_watermark(address, "delivery", source, received_at)
        return
    at, _ = moment(delivery.get("watermark"), received_at)
    for value in message_ids:
        message_id = identifier(value)
        payload: Payload = Status(message_id, "delivered", at)
        yield item_of(address, digest_key("delivered", message_id), source, payload)


def _read_watermark(address: str, field: str, source: Json, received_at: datetime) -> Item:
    contact = identifier(source["sender"]["id"])
    up_to, _ = moment(source[field]["watermark"], received_at)
    status = "read" if field == "read" else "delivered"
    key = digest_key(field, f"{contact}:{source[field]['watermark']}")
    return item_of(
        address,
        key,
        source,
        Watermark(contact, "read" if status == "read" else "delivered", up_to),
    )


def _update(address: str, kind: str, source: Any, *, about: str = "") -> Item:
    contact = message_id = None
    severity: str = "warning" if about == "policy_enforcement" else "info"
    if isinstance(source, dict):
        sender = source.get("sender")
        contact = optional_identifier(sender.get("id")) if isinstance(sender, dict) else None
        detail = source.get(about)
        message_id = optional_identifier(detail.get("mid")) if isinstance(detail, dict) else None
    key = digest_key(kind, json_text(source))
    update = Update(kind, contact, message_id, "warning" if severity == "warning" else "info")
    return item_of(address, key, source, update)
