"""What people say on WhatsApp: customers' messages, echoes of the phone app, history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from channel_ingress.items import (
    Change,
    CustomerMessage,
    Echo,
    Item,
    Payload,
    Person,
    Update,
)
from channel_ingress.reading import (
    MALFORMED,
    Json,
    clipped,
    digest_key,
    flagged,
    identifier,
    item_of,
    json_text,
    moment,
    optional_identifier,
    unreadable_item,
)
from channel_ingress.whatsapp_content import content_of, edited_text, unsupported
from channel_ingress.whatsapp_frame import Frame
from channel_ingress.whatsapp_identity import identity_change
from contracts.v1.shapes import MessageContent

EMOJI_LIMIT = 64
PLACEHOLDER_FOLLOWED_FOR = timedelta(days=14)
"""Files of history younger than this are told again, with their content."""

By = Literal["customer", "business"]


def read_message(frame: Frame, source: Json) -> Item:
    """A customer's message, as it comes."""
    return _customer_item(frame, source, _sender(frame, source))


def read_echo(frame: Frame, source: Json) -> Item:
    """What the business wrote in its phone app."""
    person = frame.people.person(source.get("to"), source.get("to_user_id"))
    return _echo_item(frame, source, person)


def read_history(frame: Frame) -> Iterator[Item]:
    """Every message of every thread, and files that follow their placeholder."""
    chunks = frame.value.get("history")
    for chunk in chunks if isinstance(chunks, list) else ():
        yield from _read_chunk(frame, chunk)
    yield from frame.each("messages", partial(_history_item, thread={}))
    yield from frame.each("message_echoes", partial(_history_item, thread={}))


def _read_chunk(frame: Frame, chunk: Any) -> Iterator[Item]:
    try:
        threads = chunk.get("threads") or []
        if chunk.get("metadata") or not threads:
            progress = {key: chunk[key] for key in chunk if key != "threads"}
            warns = bool(chunk.get("errors"))
            severity: Literal["info", "warning"] = "warning" if warns else "info"
            yield frame.update(progress, Update("history", severity=severity))
        for thread in threads:
            if not isinstance(thread, dict):
                yield unreadable_item(frame.address, thread, TypeError("a thread is no object"))
                continue
            yield from frame.each_of(thread, "messages", partial(_history_item, thread=thread))
    except MALFORMED as error:
        yield unreadable_item(frame.address, chunk, error)


def _history_item(frame: Frame, source: Json, thread: Json) -> Item:
    context = thread.get("context")
    user_id = context.get("user_id") if isinstance(context, dict) else None
    person = None
    if thread:
        person = frame.people.person(thread.get("id"), user_id)
    if source.get("to") or source.get("to_user_id") or frame.is_business(source.get("from")):
        to = frame.people.person(source.get("to"), source.get("to_user_id"))
        return _echo_item(frame, source, person or to, is_imported=True)
    return _customer_item(frame, source, person or _sender(frame, source), is_imported=True)


def _customer_item(
    frame: Frame, source: Json, person: Person | None, *, is_imported: bool = False
) -> Item:
    message_id = identifier(source["id"])
    at, mended = moment(source.get("timestamp"), frame.received_at)
    special = _special(frame, source, message_id, person, "customer")
    if special is not None:
        return flagged(special, mended)
    found = _content(source, is_imported)
    if found is None or _is_automatic(source):
        unknown = _update(source, "unknown" if found is None else "call", person, message_id)
        return item_of(frame.address, message_id, source, unknown)
    if person is None:
        raise ValueError("nobody is named as the sender")
    payload = CustomerMessage(
        person, message_id, at, found, reply_to=_reply_to(source), is_imported=is_imported
    )
    return flagged(item_of(frame.address, message_id, source, payload), mended)


def _echo_item(
    frame: Frame, source: Json, person: Person | None, *, is_imported: bool = False
) -> Item:
    message_id = identifier(source["id"])
    at, mended = moment(source.get("timestamp"), frame.received_at)
    special = _special(frame, source, message_id, person, "business")
    if special is not None:
        return flagged(special, mended)
    if person is None:
        raise ValueError("nobody is named as the recipient")
    found = _content(source, is_imported) or unsupported(source)
    payload = Echo(person, message_id, at, found, "phone_app", is_imported=is_imported)
    return flagged(item_of(frame.address, message_id, source, payload), mended)


def _special(
    frame: Frame, source: Json, message_id: str, person: Person | None, by: By
) -> Item | None:
    """The kinds that are no message of the conversation."""
    kind = source.get("type")
    if source.get("group_id"):
        update = Update("group", about=message_id)
        return item_of(frame.address, message_id, source, update)
    if kind in ("reaction", "edit", "revoke"):
        return _change_item(frame, source, message_id, person, by)
    if kind == "system":
        at, _ = moment(source.get("timestamp"), frame.received_at)
        changed = identity_change(source, at)
        payload: Payload = changed or _update(source, "system", person, message_id)
        return item_of(frame.address, message_id, source, payload)
    if kind == "request_welcome":
        update = _update(source, "request_welcome", person, message_id)
        return item_of(frame.address, message_id, source, update)
    if kind == "media_placeholder" and _is_followed(frame, source):
        update = _update(source, "history", None, message_id)
        return item_of(frame.address, f"placeholder:{message_id}", source, update)
    return None


def _change_item(
    frame: Frame, source: Json, message_id: str, person: Person | None, by: By
) -> Item:
    kind = source["type"]
    detail = source[kind]
    about = identifier(detail.get("message_id") or detail.get("original_message_id"))
    at, _ = moment(source.get("timestamp"), frame.received_at)
    text = edited_text(detail) if kind == "edit" else None
    emoji = clipped(detail.get("emoji"), EMOJI_LIMIT) if kind == "reaction" else None
    change = Change(about, kind, by, at, person=person, text=text, emoji=emoji)
    # Should an edit come under the id of its message, it must not pass for a copy of it.
    key = message_id if message_id != about else digest_key(kind, json_text(source))
    return item_of(frame.address, key, source, change)


def _content(source: Json, is_imported: bool) -> MessageContent | None:
    history = source.get("history_context") if is_imported else None
    status = history.get("status") if isinstance(history, dict) else None
    return content_of(source, {"history_status": status} if isinstance(status, str) else None)


def _is_followed(frame: Frame, source: Json) -> bool:
    at, _ = moment(source.get("timestamp"), frame.received_at)
    return at > frame.received_at - PLACEHOLDER_FOLLOWED_FOR


def _is_automatic(source: Json) -> bool:
    """A permission to call that nobody gave by hand is no word of the customer."""
    interactive = source.get("interactive")
    reply = interactive.get("call_permission_reply") if isinstance(interactive, dict) else None
    return isinstance(reply, dict) and reply.get("response_source") == "automatic"


def _sender(frame: Frame, source: Json) -> Person | None:
    return frame.people.person(source.get("from"), source.get("from_user_id"))


def _update(source: Json, kind: str, person: Person | None, message_id: str) -> Update:
    about = source.get(str(source.get("type")))
    about = about.get("message_id") if isinstance(about, dict) else None
    severity: Literal["info", "warning"] = "warning" if kind == "unknown" else "info"
    contact = person.external_id if person else None
    return Update(kind, contact, optional_identifier(about) or message_id, severity, person)


def _reply_to(source: Json) -> str | None:
    context = source.get("context")
    return optional_identifier(context.get("id")) if isinstance(context, dict) else None
