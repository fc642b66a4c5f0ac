"""Messenger webhook bodies, as the Platform sends them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

INBOX_APP_ID = "263902037430900"
"""Meta's own page inbox, as thread control names it."""


def new_message_id() -> str:
    """A fresh `m_…` message id."""
    return "m_" + secrets.token_urlsafe(32)


def text_message(page_id: str, sender: str, text: str, *, message_id: str = "") -> Json:
    """A customer's text."""
    return item(sender, page_id, message={"mid": message_id or new_message_id(), "text": text})


def postback(page_id: str, sender: str, payload: str, title: str) -> Json:
    """A tap on a button with a payload."""
    content = {"mid": new_message_id(), "payload": payload, "title": title}
    return item(sender, page_id, postback=content)


def delivery(page_id: str, recipient: str, message_ids: list[str]) -> Json:
    """Everything up to now was delivered."""
    content = {"mids": message_ids, "watermark": _now_milliseconds()}
    return item(recipient, page_id, delivery=content)


def read(page_id: str, recipient: str) -> Json:
    """Everything up to now was read."""
    return item(recipient, page_id, read={"watermark": _now_milliseconds()})


def echo(
    page_id: str,
    recipient: str,
    text: str,
    *,
    message_id: str,
    app_id: str = "",
    metadata: str = "",
    attachments: list[Json] | None = None,
) -> Json:
    """What the page itself said; without `app_id`: a person in the page inbox."""
    message: Json = {"mid": message_id, "is_echo": True}
    if text or not attachments:
        message["text"] = text
    if attachments:
        message["attachments"] = attachments
    if app_id:
        message["app_id"] = int(app_id)
    if metadata:
        message["metadata"] = metadata
    return item(page_id, recipient, message=message)


def body_of(page_id: str, items: Iterable[Json], *, standby: bool = False) -> Json:
    """The webhook body of one page, one entry per item as the Platform does."""
    key = "standby" if standby else "messaging"
    now = _now_milliseconds()
    return {
        "object": "page",
        "entry": [{"id": page_id, "time": now, key: [item]} for item in items],
    }


def item(sender: str, recipient: str, **content: Any) -> Json:
    """One element of `messaging` or `standby`."""
    return {
        "sender": {"id": sender},
        "recipient": {"id": recipient},
        "timestamp": _now_milliseconds(),
        **content,
    }


def _now_milliseconds() -> int:
    return int(time.time() * 1000)
