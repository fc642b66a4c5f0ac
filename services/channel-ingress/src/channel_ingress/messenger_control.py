"""Who holds a Messenger thread, and the rest that is no message: referrals, opt-ins, policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from channel_ingress.items import Item, Person, Preference, ThreadControl, Update
from channel_ingress.reading import Json, digest_key, item_of, json_text, optional_identifier

PAGE_INBOX = "263902037430900"
"""App id of the page's own inbox."""
_KINDS = {
    "referral": "referral",
    "optin": "optin",
    "account_linking": "account",
    "policy_enforcement": "policy",
    "request_thread_control": "handover",
    "release_thread_control": "handover",
    "app_roles": "handover",
    "game_play": "game",
    "pre_checkout": "payment",
    "payment": "payment",
    "group_feed": "group",
}
_WARNINGS = frozenset({"policy", "unknown"})
_WISHES = {"STOP_NOTIFICATIONS": False, "RESUME_NOTIFICATIONS": True}


def read_thread_control(address: str, kind: str, source: Json, at: datetime) -> Item:
    """The thread was passed to an app, or taken from ours; whose app is known with the channel."""
    control = source[kind]
    app_id = optional_identifier(control.get("new_owner_app_id"))
    person = person_of(source, address)
    if person is None:
        raise ValueError("nobody is named as the customer of the thread")
    holder: Literal["us", "page_inbox", "other_app"]
    if app_id == PAGE_INBOX:
        holder = "page_inbox"
    else:
        # The app that gets a thread hears of a pass, the one that loses it of a take.
        holder = "us" if kind == "pass_thread_control" else "other_app"
    payload = ThreadControl(person, holder, at, app_id)
    return item_of(address, _key(kind, source), source, payload)


def read_optin(address: str, source: Json, at: datetime) -> Item:
    """An opt-in; one that stops or resumes marketing messages is a preference."""
    optin, person = source["optin"], person_of(source, address)
    status = optin.get("notification_messages_status") if isinstance(optin, dict) else None
    wish = _WISHES.get(status) if isinstance(status, str) else None
    if wish is None or person is None:
        return update_item(address, "optin", source)
    return item_of(address, _key("optin", source), source, Preference(person, wish, at))


def read_other(address: str, source: Json) -> Item:
    """Anything else, also what does not exist yet."""
    key = next((key for key in _KINDS if key in source), "")
    return update_item(address, _KINDS.get(key, "unknown"), source)


def update_item(address: str, kind: str, source: Any) -> Item:
    """An item that is only kept and shown."""
    person = person_of(source, address) if isinstance(source, dict) else None
    contact = person.external_id if person else None
    severity: Literal["info", "warning"] = "warning" if kind in _WARNINGS else "info"
    update = Update(kind, contact, _about(source), severity, person)
    return item_of(address, _key(kind, source), source, update)


def person_of(source: Json, address: str) -> Person | None:
    """The customer: whoever of sender and recipient is not the page."""
    for side in ("sender", "recipient"):
        external_id = _id_in(source.get(side), "id")
        if external_id and external_id != address:
            return Person(external_id)
    return None


def _about(source: Any) -> str | None:
    return _id_in(source.get("message") if isinstance(source, dict) else None, "mid")


def _id_in(holder: object, key: str) -> str | None:
    try:
        return optional_identifier(holder.get(key)) if isinstance(holder, dict) else None
    except ValueError:
        return None


def _key(kind: str, source: Any) -> str:
    return digest_key(kind, json_text(source))
