"""WhatsApp Cloud API: its webhook bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from channel_ingress.content import NAME_LIMIT
from channel_ingress.items import Item, Update
from channel_ingress.reading import (
    MALFORMED,
    Json,
    cleaned,
    digest_key,
    item_of,
    json_text,
    listed,
    unreadable_item,
)
from channel_ingress.whatsapp_frame import Frame
from channel_ingress.whatsapp_identity import read_user_id_update
from channel_ingress.whatsapp_messages import read_echo, read_history, read_message
from channel_ingress.whatsapp_notices import (
    read_call,
    read_contact_sync,
    read_error,
    read_notice,
    read_preference,
    read_standby,
    read_status,
)

_LISTS: dict[str, dict[str, Callable[[Frame, Any], Item]]] = {
    "messages": {"messages": read_message, "statuses": read_status, "errors": read_error},
    "smb_message_echoes": {"message_echoes": read_echo, "errors": read_error},
    "smb_app_state_sync": {"state_sync": read_contact_sync, "errors": read_error},
    "standby": {"messages": read_standby, "statuses": read_standby, "errors": read_error},
    "user_preferences": {"user_preferences": read_preference},
    "user_id_update": {"user_id_update": read_user_id_update},
    "calls": {"calls": read_call, "statuses": read_call, "errors": read_error},
}
"""Which lists a field's value holds, and who reads their elements."""
_SHARED_KEYS = frozenset({"metadata", "contacts"})


class WhatsAppAdapter:
    """Normalises WhatsApp bodies."""

    channel_type = "whatsapp"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """Every entry × change × item; one bad item never loses the others."""
        if body.get("object") != "whatsapp_business_account":
            update = Update("unknown", severity="warning")
            yield item_of("", digest_key("body", json_text(body)), body, update)
            return
        for entry in listed(body.get("entry")):
            try:
                changes = listed(entry.get("changes"))
                account, stamp = _account_of(entry), entry.get("time")
            except MALFORMED as error:
                yield unreadable_item("", entry, error)
                continue
            for change in changes:
                yield from _walk_change(change, account, stamp, received_at)


def _walk_change(change: Any, account: str, stamp: object, received_at: datetime) -> Iterator[Item]:
    try:
        frame = Frame.of(change, account, stamp, received_at)
    except MALFORMED as error:
        yield unreadable_item("", change, error)
        return
    found = False
    for item in _items_of(frame):
        found = True
        yield item
    if not found:
        yield read_notice(frame)


def _items_of(frame: Frame) -> Iterator[Item]:
    """Nothing where the value has none of the lists of its field."""
    if frame.field == "history":
        yield from read_history(frame)
        return
    lists = _LISTS.get(frame.field)
    if lists is None:
        return
    for key, read in lists.items():
        yield from frame.each(key, read)
    for key, others in frame.value.items():
        if key not in lists and key not in _SHARED_KEYS and isinstance(others, list):
            yield from frame.each(key, partial(_read_unknown, key=key))


def _read_unknown(frame: Frame, source: Any, key: str) -> Item:
    """An element of a list that does not exist yet."""
    return frame.update({key: source}, Update("unknown", severity="warning"))


def _account_of(entry: Json) -> str:
    account = entry.get("id")
    if isinstance(account, int) and not isinstance(account, bool):
        account = str(account)
    return cleaned(account) if isinstance(account, str) and len(account) <= NAME_LIMIT else ""
