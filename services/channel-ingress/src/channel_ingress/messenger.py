"""Messenger Platform, Instagram included: its webhook bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

from channel_ingress.content import NAME_LIMIT
from channel_ingress.domain import parse_reference
from channel_ingress.items import Change, CustomerMessage, Echo, Item, Person, Status, Watermark
from channel_ingress.messenger_content import contents_of, echo_contents_of, postback_content
from channel_ingress.messenger_control import (
    PAGE_INBOX,
    person_of,
    read_optin,
    read_other,
    read_thread_control,
    update_item,
)
from channel_ingress.reading import (
    MALFORMED,
    TEXT_LIMIT,
    Json,
    cleaned,
    clipped,
    digest_key,
    flagged,
    identifier,
    item_of,
    json_text,
    listed,
    moment,
    optional_identifier,
    unreadable_item,
)

OBJECTS = frozenset({"page", "instagram"})
EMOJI_LIMIT = 64
_FEEDS = frozenset({"comments", "feed", "live_comments", "mentions"})


class MessengerAdapter:
    """Normalises Messenger and Instagram bodies."""

    channel_type = "messenger"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """Every entry × messaging or standby item; one bad item never loses the others."""
        if body.get("object") not in OBJECTS:
            yield update_item("", "unknown", body)
            return
        for entry in listed(body.get("entry")):
            try:
                address = identifier(entry["id"])
            except MALFORMED as error:
                yield unreadable_item("", entry, error)
                continue
            yield from _read_entry(address, entry, received_at)


def _read_entry(address: str, entry: Json, received_at: datetime) -> Iterator[Item]:
    found = False
    for key, read in _LISTS.items():
        try:
            sources = listed(entry.get(key))
        except TypeError as error:
            found = True
            yield unreadable_item(address, {key: entry[key]}, error)
            continue
        for source in sources:
            found = True
            yield from _each(read, address, source, received_at)
    if not found:
        yield update_item(address, "unknown", entry)


def _each(
    read: Callable[[str, Any, datetime], Iterator[Item]],
    address: str,
    source: Any,
    received_at: datetime,
) -> Iterator[Item]:
    try:
        has_time = moment(source.get("timestamp"), received_at)[0] is not received_at
        for item in list(read(address, source, received_at)):
            yield flagged(item, "timestamp" in source and not has_time)
    except MALFORMED as error:
        yield unreadable_item(address, source, error)


def _read_messaging(address: str, source: Json, received_at: datetime) -> Iterator[Item]:
    at, _ = moment(source.get("timestamp"), received_at)
    if "message" in source:
        yield from _read_message(address, source, at)
    elif "postback" in source:
        yield _read_postback(address, source, at)
    elif "reaction" in source:
        yield _read_reaction(address, source, at)
    elif "message_edit" in source:
        yield _read_edit(address, source, at)
    elif "delivery" in source:
        yield from _read_delivery(address, source, received_at)
    elif "read" in source:
        yield _read_mark(address, source, received_at)
    elif "optin" in source:
        yield read_optin(address, source, at)
    elif "pass_thread_control" in source:
        yield read_thread_control(address, "pass_thread_control", source, at)
    elif "take_thread_control" in source:
        yield read_thread_control(address, "take_thread_control", source, at)
    else:
        yield read_other(address, source)


def _read_standby(address: str, source: Any, _: datetime) -> Iterator[Item]:
    """Another app holds the thread: for information only."""
    yield update_item(address, "standby", source)


def _read_change(address: str, source: Any, received_at: datetime) -> Iterator[Item]:
    """Instagram's own login sends messages as changes; comments and the rest are only shown."""
    field, value = source["field"], source.get("value")
    if field == "messages" and isinstance(value, dict):
        yield from _read_messaging(address, value, received_at)
    else:
        yield update_item(address, "feed" if field in _FEEDS else "unknown", source)


_LISTS: dict[str, Callable[[str, Any, datetime], Iterator[Item]]] = {
    "messaging": _read_messaging,
    "standby": _read_standby,
    "changes": _read_change,
}


def _read_message(address: str, source: Json, at: datetime) -> Iterator[Item]:
    message = source["message"]
    message_id = identifier(message["mid"])
    if message.get("is_deleted"):
        by: Literal["customer", "business"] = "business" if message.get("is_echo") else "customer"
        gone = Change(message_id, "revoke", by, at, person=person_of(source, address))
        yield item_of(address, f"revoke:{message_id}", source, gone)
    elif message.get("is_echo"):
        yield from _read_echo(address, source, message_id, at)
    else:
        person = Person(identifier(source["sender"]["id"]))
        reply_to = message.get("reply_to")
        answered = reply_to.get("mid") if isinstance(reply_to, dict) else None
        for place, content in enumerate(contents_of(message)):
            part_id = _part_id(message_id, place)
            payload = CustomerMessage(
                person, part_id, at, content, reply_to=optional_identifier(answered)
            )
            yield item_of(address, part_id, source, payload)


def _read_echo(address: str, source: Json, message_id: str, at: datetime) -> Iterator[Item]:
    """Somebody wrote for the page; whether it was us is known with the channel."""
    message = source["message"]
    person = Person(identifier(source["recipient"]["id"]))
    app_id = optional_identifier(message.get("app_id"))
    by_inbox = app_id is None or app_id == PAGE_INBOX
    reference = clipped(message.get("metadata"), NAME_LIMIT) or ""
    if parse_reference(reference) is None:
        reference = ""
    contents = echo_contents_of(message)
    # Our own sends are known already: one piece of evidence is enough.
    for place, content in enumerate(contents[:1] if reference else contents):
        part_id = _part_id(message_id, place)
        payload = Echo(
            person,
            part_id,
            at,
            content,
            "page_inbox" if by_inbox else "other_app",
            app_id=app_id,
            reference=reference,
        )
        yield item_of(address, digest_key("echo", part_id), source, payload)


def _read_postback(address: str, source: Json, at: datetime) -> Item:
    postback = source["postback"]
    person = Person(identifier(source["sender"]["id"]))
    stamp = json_text([person.external_id, source.get("timestamp"), postback])
    key = optional_identifier(postback.get("mid")) or digest_key("postback", stamp)
    payload = CustomerMessage(person, key, at, postback_content(postback))
    return item_of(address, key, source, payload)


def _read_reaction(address: str, source: Json, at: datetime) -> Item:
    reaction = source["reaction"]
    emoji = clipped(reaction.get("emoji") or reaction.get("reaction"), EMOJI_LIMIT)
    change = Change(
        identifier(reaction["mid"]),
        "reaction",
        _author(address, source),
        at,
        person=person_of(source, address),
        emoji=None if reaction.get("action") == "unreact" else emoji,
    )
    return item_of(address, digest_key("reaction", json_text(source)), source, change)


def _read_edit(address: str, source: Json, at: datetime) -> Item:
    edit = source["message_edit"]
    text = edit.get("text")
    change = Change(
        identifier(edit["mid"]),
        "edit",
        _author(address, source),
        at,
        person=person_of(source, address),
        text=cleaned(text[:TEXT_LIMIT]) if isinstance(text, str) else None,
    )
    return item_of(address, digest_key("edit", json_text(source)), source, change)


def _read_delivery(address: str, source: Json, received_at: datetime) -> Iterator[Item]:
    """Ids where they are given; else everything up to the watermark."""
    delivery = source["delivery"]
    message_ids = listed(delivery.get("mids"))
    at, _ = moment(delivery.get("watermark"), received_at)
    person = person_of(source, address)
    for value in message_ids:
        try:
            message_id = identifier(value)
        except ValueError as error:
            yield unreadable_item(address, {"delivery": value}, error)
            continue
        payload = Status(message_id, "delivered", at, person=person)
        yield item_of(address, digest_key("delivered", message_id), source, payload)
    if not message_ids:
        yield _watermark(address, "delivered", source, delivery["watermark"], received_at)


def _read_mark(address: str, source: Json, received_at: datetime) -> Item:
    """Messenger says up to when, Instagram which message was read."""
    mark = source["read"]
    if "watermark" in mark:
        return _watermark(address, "read", source, mark["watermark"], received_at)
    message_id = identifier(mark["mid"])
    at, _ = moment(source.get("timestamp"), received_at)
    payload = Status(message_id, "read", at, person=person_of(source, address))
    return item_of(address, digest_key("read", message_id), source, payload)


def _watermark(
    address: str,
    status: Literal["delivered", "read"],
    source: Json,
    mark: object,
    received_at: datetime,
) -> Item:
    contact = identifier(source["sender"]["id"])
    up_to, _ = moment(mark, received_at)
    key = digest_key(status, f"{contact}:{mark}")
    return item_of(address, key, source, Watermark(contact, status, up_to))


def _author(address: str, source: Json) -> Literal["customer", "business"]:
    sender = source.get("sender")
    is_page = isinstance(sender, dict) and sender.get("id") == address
    return "business" if is_page else "customer"


def _part_id(message_id: str, place: int) -> str:
    """The first attachment is the message; each further one is a message beside it."""
    return f"{message_id}#{place}" if place else message_id
