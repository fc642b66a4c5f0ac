"""WhatsApp says that a person has a new number or user id."""

from __future__ import annotations

import re
from datetime import datetime

from channel_ingress.items import IdentityChange, Item, Person, Update
from channel_ingress.reading import Json, flagged, identifier, item_of, moment, optional_identifier
from channel_ingress.whatsapp_frame import Frame, phone_of

_FROM_TO = re.compile(r"\bchanged from (\S{1,512}) to (\S{1,512})")


def identity_change(source: Json, at: datetime) -> IdentityChange | None:
    """What a `system` message says; None where it does not say both the old and the new id."""
    system = source.get("system")
    if not isinstance(system, dict):
        return None
    match system.get("type"):
        case "user_changed_number" | "customer_changed_number":
            old = optional_identifier(source.get("from") or system.get("customer"))
            new = optional_identifier(system.get("wa_id") or system.get("new_wa_id"))
            if old and new and old != new:
                return IdentityChange("phone", old, new, at, Person(old, phone=phone_of(old)))
        case "user_changed_user_id":
            old = optional_identifier(
                system.get("previous_user_id") or source.get("from_user_id") or _old_of(system)
            )
            new = optional_identifier(system.get("user_id"))
            if old and new and old != new:
                return IdentityChange("user_id", old, new, at, Person(old, user_id=old))
    return None


def read_user_id_update(frame: Frame, source: Json) -> Item:
    """An element of the field `user_id_update`: previous and current user id."""
    ids = source["user_id"]
    old, new = identifier(ids["previous"]), identifier(ids["current"])
    at, mended = moment(source.get("timestamp"), frame.received_at)
    change = IdentityChange("user_id", old, new, at, Person(old, user_id=old))
    key = frame.update(source, Update("identity")).provider_key
    return flagged(item_of(frame.address, key, source, change), mended)


def _old_of(system: Json) -> str | None:
    """Only the sentence for people names the old id in some bodies."""
    body = system.get("body")
    found = _FROM_TO.search(body) if isinstance(body, str) else None
    return found.group(1) if found else None
