"""What WhatsApp says beside messages: statuses, preferences, calls, account and templates."""

from __future__ import annotations

from typing import Any, Literal

from channel_ingress.content import NAME_LIMIT
from channel_ingress.items import Change, Item, Preference, Prices, Status, StatusName, Update
from channel_ingress.reading import (
    Json,
    clipped,
    digest_key,
    flagged,
    identifier,
    item_of,
    listed,
    moment,
    optional_identifier,
)
from channel_ingress.whatsapp_frame import Frame

CODE_MAX = 2**31
"""No error code is longer; what is comes from nowhere."""
_STATUSES: dict[str, StatusName] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_KINDS = {
    "account_update": "account",
    "account_alerts": "account",
    "account_review_update": "account",
    "account_settings_update": "account",
    "business_capability_update": "account",
    "business_status_update": "account",
    "partner_solutions": "account",
    "phone_number_name_update": "account",
    "phone_number_quality_update": "account",
    "security": "account",
    "message_template_status_update": "template",
    "message_template_quality_update": "template",
    "message_template_components_update": "template",
    "template_category_update": "template",
    "template_correct_category_detection": "template",
    "messaging_handovers": "handover",
    "payment_configuration_update": "payment",
    "automatic_events": "event",
    "tracking_events": "event",
    "flows": "flow",
    "group_lifecycle_update": "group",
    "group_participants_update": "group",
    "group_settings_update": "group",
    "group_status_update": "group",
}
_WARNING_FIELDS = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "phone_number_quality_update",
        "security",
    }
)
_WARNING_EVENTS = frozenset({"DISABLED", "FLAGGED", "LIMIT_EXCEEDED", "PAUSED", "REJECTED"})


def read_status(frame: Frame, source: Json) -> Item:
    """How far a message that we sent has come, what it costs and who has it."""
    message_id, name = identifier(source["id"]), str(source["status"])[:64]
    at, mended = moment(source.get("timestamp"), frame.received_at)
    person = None
    if source.get("recipient_type") != "group":
        person = frame.people.person(source.get("recipient_id"), source.get("recipient_user_id"))
    status = _STATUSES.get(name)
    if status is None and name == "deleted":
        gone = Change(message_id, "revoke", "customer", at, person=person)
        return flagged(item_of(frame.address, _key(message_id, name), source, gone), mended)
    if status is None:
        contact = person.external_id if person else None
        return frame.update(source, Update("status", contact, message_id, "info", person))
    errors = listed(source.get("errors"))
    error: Json = errors[0] if errors else {}
    code = error.get("code")
    payload = Status(
        provider_message_id=message_id,
        status=status,
        at=at,
        reference=clipped(source.get("biz_opaque_callback_data"), NAME_LIMIT) or "",
        provider_code=code if type(code) is int and abs(code) <= CODE_MAX else None,
        detail=_detail_of(error),
        price=_price_of(source.get("pricing")),
        person=person,
    )
    return flagged(item_of(frame.address, _key(message_id, name), source, payload), mended)


def read_error(frame: Frame, source: Any) -> Item:
    """A trouble of the number itself, without a message."""
    return frame.update(source, Update("error", severity="warning"))


def read_standby(frame: Frame, source: Json) -> Item:
    """Somebody else holds the conversation: for information only."""
    person = frame.people.person(source.get("from"), source.get("from_user_id"))
    contact = person.external_id if person else None
    about = optional_identifier(source.get("id"))
    return frame.update(source, Update("standby", contact, about, "info", person))


def read_call(frame: Frame, source: Json) -> Item:
    """A call, or how far one has come."""
    person = frame.people.person(source.get("from"), source.get("from_user_id"))
    contact = person.external_id if person else None
    return frame.update(source, Update("call", contact, None, "info", person))


def read_contact_sync(frame: Frame, source: Any) -> Item:
    """The phone app's address book changed."""
    return frame.update(source, Update("contact_sync"))


def read_preference(frame: Frame, source: Json) -> Item:
    """A person stops or resumes marketing messages; another preference is shown only."""
    person = frame.people.person(source.get("wa_id"), source.get("user_id"))
    if person is None:
        raise ValueError("nobody is named as the one who prefers")
    wish = {"stop": False, "resume": True}.get(str(source.get("value")).lower())
    if wish is None or source.get("category", "marketing_messages") != "marketing_messages":
        update = Update("preference", person.external_id, None, "warning", person)
        return frame.update(source, update)
    at, mended = moment(source.get("timestamp"), frame.received_at)
    key = frame.update(source, Update("preference")).provider_key
    item = item_of(frame.address, key, source, Preference(person, wish, at))
    return flagged(item, mended)


def read_notice(frame: Frame) -> Item:
    """A whole change of any other field, also of one that does not exist yet."""
    kind = _KINDS.get(frame.field, "unknown")
    warns = (
        kind == "unknown"
        or frame.field in _WARNING_FIELDS
        or str(frame.value.get("event")).upper() in _WARNING_EVENTS
    )
    severity: Literal["info", "warning"] = "warning" if warns else "info"
    return frame.update(frame.change, Update(kind, severity=severity))


def _price_of(pricing: object) -> Prices | None:
    if not isinstance(pricing, dict):
        return None
    category = clipped(pricing.get("category"), NAME_LIMIT)
    if category is None:
        return None
    billable = pricing.get("billable")
    return Prices(
        category,
        pricing_model=clipped(pricing.get("pricing_model"), NAME_LIMIT),
        type=clipped(pricing.get("type"), NAME_LIMIT),
        billable=billable if isinstance(billable, bool) else None,
    )


def _detail_of(error: Json) -> str:
    """Title and details; one sentence of at most 512 characters."""
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    title = error.get("title") or error.get("message")
    said = [part for part in (title, details) if isinstance(part, str) and part]
    return clipped(": ".join(dict.fromkeys(said)), NAME_LIMIT) or ""


def _key(message_id: str, status: str) -> str:
    key = f"status:{status}:{message_id}"
    return key if len(key) <= NAME_LIMIT else digest_key("status", key)
