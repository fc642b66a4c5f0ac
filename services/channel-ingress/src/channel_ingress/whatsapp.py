"""WhatsApp Cloud API: its webhook bodies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from channel_ingress.items import CustomerMessage, Item, Payload, Person, Status, StatusName, Update
from channel_ingress.reading import (
    MALFORMED,
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
from channel_ingress.whatsapp_content import NAME_LIMIT, content_of

_STATUSES: dict[str, StatusName] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_UPDATE_KINDS = frozenset({"reaction", "edit", "revoke", "system", "request_welcome"})
_FIELD_KINDS = {
    "smb_message_echoes": "echo",
    "smb_app_state_sync": "system",
    "history": "history",
    "standby": "standby",
    "user_id_update": "system",
    "account_update": "account",
    "account_alerts": "account",
    "phone_number_quality_update": "account",
    "business_capability_update": "account",
    "message_template_status_update": "template",
    "message_template_quality_update": "template",
    "message_template_components_update": "template",
    "template_category_update": "template",
    "messaging_handovers": "handover",
}
_WARNING_FIELDS = frozenset({"account_update", "account_alerts", "phone_number_quality_update"})


class WhatsAppAdapter:
    """Normalises WhatsApp bodies."""

    channel_type = "whatsapp"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """Every entry × change × item; one bad item never loses the others."""
        if body.get("object") != "whatsapp_business_account":
            yield _update_item("", "body", body, Update("unknown", severity="warning"))
            return
        for entry in listed(body.get("entry")):
            try:
                changes = listed(entry.get("changes"))
            except MALFORMED as error:
                yield unreadable_item("", entry, error)
                continue
            for change in changes:
                yield from _walk_change(change, received_at)


def _walk_change(change: Any, received_at: datetime) -> Iterator[Item]:
    address = ""
    try:
        value, field = change["value"], change["field"]
        address = identifier(value["metadata"]["phone_number_id"]) if "metadata" in value else ""
        if field != "messages":
            kind = _FIELD_KINDS.get(field, "unknown")
            warns = field in _WARNING_FIELDS
            update = Update(kind, severity="warning" if warns else "info")
            yield _update_item(address, kind, change, update)
            return
        people = _people(value)
        groups = (
            (listed(value.get("messages")), "message"),
            (listed(value.get("statuses")), "status"),
            (listed(value.get("errors")), "error"),
        )
    except MALFORMED as error:
        yield unreadable_item(address, change, error)
        return
    found = False
    for sources, what in groups:
        for source in sources:
            found = True
            yield _read_item(address, what, source, people, received_at)
    if not found:
        yield _update_item(address, "unknown", change, Update("unknown"))


def _read_item(
    address: str, what: str, source: Any, people: dict[str, Json], received_at: datetime
) -> Item:
    try:
        if what == "message":
            return _read_message(address, source, people, received_at)
        if what == "status":
            return _read_status(address, source, received_at)
        return _update_item(address, "error", source, Update("error", severity="warning"))
    except MALFORMED as error:
        return unreadable_item(address, source, error)


def _read_message(
    address: str, source: Json, people: dict[str, Json], received_at: datetime
) -> Item:
    message_id, kind = identifier(source["id"]), source.get("type")
    contact = _contact_of(source)
    if kind in _UPDATE_KINDS:
        about = source.get(kind, {}).get("message_id")
        update = Update(kind, contact, optional_identifier(about))
        return item_of(address, message_id, source, update)
    if source.get("group_id"):
        return item_of(address, message_id, source, Update("group", contact, message_id))
    content = content_of(kind, source) if isinstance(kind, str) else None
    if content is None:
        unknown = "unsupported" if kind in ("unsupported", "unknown") else "unknown"
        return item_of(address, message_id, source, Update(unknown, contact, message_id))
    if contact is None:
        raise ValueError("nobody is named as the sender")
    sent_at, mended = moment(source.get("timestamp"), received_at)
    person = people.get(contact, {})
    payload = CustomerMessage(
        person=Person(
            contact, clipped(_profile(person).get("name"), NAME_LIMIT), phone=_phone_of(source)
        ),
        provider_message_id=message_id,
        sent_at=sent_at,
        content=content,
        reply_to=_reply_to(source),
    )
    return _flagged(item_of(address, message_id, source, payload), mended)


def _read_status(address: str, source: Json, received_at: datetime) -> Item:
    message_id, name = identifier(source["id"]), str(source["status"])[:64]
    status = _STATUSES.get(name)
    if status is None:
        update = Update("status", None, message_id)
        return _update_item(address, f"status:{name}", source, update)
    at, mended = moment(source.get("timestamp"), received_at)
    errors = listed(source.get("errors"))
    error: Json = errors[0] if errors else {}
    payload: Payload = Status(
        provider_message_id=message_id,
        status=status,
        at=at,
        reference=clipped(source.get("biz_opaque_callback_data"), NAME_LIMIT) or "",
        provider_code=error.get("code") if isinstance(error.get("code"), int) else None,
        detail=clipped(error.get("title") or error.get("message"), NAME_LIMIT) or "",
    )
    return _flagged(item_of(address, _status_key(message_id, status), source, payload), mended)


def _status_key(message_id: str, status: str) -> str:
    key = f"status:{status}:{message_id}"
    return key if len(key) <= NAME_LIMIT else digest_key("status", key)


def _update_item(address: str, kind: str, source: Any, update: Update) -> Item:
    return item_of(address, digest_key(kind, json_text(source)), source, update)


def _flagged(item: Item, mended: bool) -> Item:
    if not mended:
        return item
    flags = (*item.flags, "timestamp_mended")
    return Item(item.address, item.provider_key, item.raw, item.payload, flags)


def _people(value: Json) -> dict[str, Json]:
    people: dict[str, Json] = {}
    for person in listed(value.get("contacts")):
        if isinstance(person, dict):
            for key in ("wa_id", "user_id"):
                if isinstance(person.get(key), str):
                    people[person[key]] = person
    return people


def _profile(person: Json) -> Json:
    profile = person.get("profile")
    return profile if isinstance(profile, dict) else {}


def _contact_of(source: Json) -> str | None:
    """The number where it is known, else the business-scoped user id."""
    return optional_identifier(source.get("from") or source.get("from_user_id"))


def _phone_of(source: Json) -> str | None:
    number = source.get("from")
    return number if isinstance(number, str) and number.isdecimal() and len(number) < 33 else None


def _reply_to(source: Json) -> str | None:
    context = source.get("context")
    return optional_identifier(context.get("id")) if isinstance(context, dict) else None
