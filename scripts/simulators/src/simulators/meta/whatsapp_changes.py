"""WhatsApp changes of one number that are no customer's message; each is `(field, content)`.

A function's keyword arguments are what `fields` of `POST /_sim/inbound` may hold for that kind;
`person` is the customer, who is given by the request's own fields.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulators.meta.whatsapp_bodies import DISPLAY_NUMBER, Person, new_message_id

Json = dict[str, Any]
Change = tuple[str, Json]


def echo(
    person: Person, *, text: str = "", message: Json | None = None, message_id: str = ""
) -> Change:
    """What the business wrote in its phone app (coexistence); `message` for another kind."""
    content = message or {"type": "text", "text": {"body": text}}
    found: Json = {
        "from": DISPLAY_NUMBER,
        "id": message_id or new_message_id(),
        "timestamp": _now(),
        **_addressee(person),
        **content,
    }
    return "smb_message_echoes", {"message_echoes": [found]}


def history(
    person: Person, *, messages: list[Json] | None = None, phase: int = 0, progress: int = 100
) -> Change:
    """A chunk of the phone app's past conversations; of one customer here."""
    said = [
        {"from": person.wa_id, "id": new_message_id(), "timestamp": _now(-86_400), "type": "text",
         "text": {"body": "Do you ship to Split?"}, "history_context": {"status": "READ"}},
        {"from": DISPLAY_NUMBER, "to": person.wa_id, "id": new_message_id(),
         "timestamp": _now(-86_000), "type": "text", "text": {"body": "We do."},
         "history_context": {"status": "READ"}},
    ]  # fmt: skip
    chunk = {
        "metadata": {"phase": phase, "chunk_order": 1, "progress": progress},
        "threads": [{"id": person.wa_id, "messages": messages or said}],
    }
    return "history", {"history": [chunk]}


def history_declined(person: Person) -> Change:
    """The business does not share the past."""
    del person
    error = {
        "code": 2593109,
        "title": "History sync is turned off by the business from the WhatsApp Business App",
        "message": "History sync is turned off by the business from the WhatsApp Business App",
        "error_data": {"details": "History sharing is turned off by the business"},
    }
    return "history", {"history": [{"errors": [error]}]}


def contact_sync(person: Person, *, action: str = "add") -> Change:
    """The phone app's address book changed: `add`, `edit` or `remove`."""
    name = person.contact()["profile"]["name"]
    contact = {"full_name": name, "first_name": name.partition(" ")[0]}
    entry = {
        "type": "contact",
        "contact": {**contact, "phone_number": person.wa_id},
        "action": action,
        "metadata": {"timestamp": _now()},
    }
    return "smb_app_state_sync", {"state_sync": [entry]}


def user_id_update(person: Person, *, previous: str, current: str) -> Change:
    """The person's business-scoped user id changed."""
    update: Json = {
        "detail": "User ID updated",
        "user_id": {"previous": previous, "current": current},
        "timestamp": _now(),
    }
    if person.wa_id:
        update["wa_id"] = person.wa_id
    contact = {**person.contact(), "user_id": current}
    return "user_id_update", {"contacts": [contact], "user_id_update": [update]}


def user_preferences(
    person: Person, *, value: str = "stop", category: str = "marketing_messages"
) -> Change:
    """The person stopped or resumed marketing messages."""
    word = "stop" if value == "stop" else "resume"
    preference: Json = {
        **{key: of for key, of in (("wa_id", person.wa_id), ("user_id", person.user_id)) if of},
        "detail": f"User requested to {word} marketing messages",
        "category": category,
        "value": value,
        "timestamp": int(time.time()),
    }
    content = {"contacts": [person.contact()], "user_preferences": [preference]}
    return "user_preferences", content


def standby(person: Person, *, text: str, message_id: str = "") -> Change:
    """A customer's message while another holds the thread."""
    message = {
        **person.author(),
        "id": message_id or new_message_id(),
        "timestamp": _now(),
        "type": "text",
        "text": {"body": text},
    }
    return "standby", {"contacts": [person.contact()], "messages": [message]}


def handover(
    person: Person, *, event: str = "pass", new_owner: str = "", previous_owner: str = ""
) -> Change:
    """The thread is passed, taken or asked for."""
    content: Json = {"previous_owner_app_id": previous_owner, "new_owner_app_id": new_owner}
    found = {
        **{key: of for key, of in (("wa_id", person.wa_id), ("user_id", person.user_id)) if of},
        "timestamp": _now(),
        "type": f"{event}_thread_control",
        f"{event}_thread_control": {key: value for key, value in content.items() if value},
    }
    return "messaging_handovers", {"messaging_handovers": [found]}


def group_created(
    person: Person, *, group_id: str = "Y2FwaV9ncm91cDox", subject: str = "A group"
) -> Change:
    """A group was made, with this customer in it."""
    group = {
        "timestamp": _now(),
        "group_id": group_id,
        "type": "group_create",
        "request_id": "784D93D0C468593037EA0B1ECA245D9C",
        "subject": subject,
        "description": "",
        "added_participants": [{"input": person.wa_id, "wa_id": person.wa_id}],
    }
    return "group_lifecycle_update", {"groups": [group]}


def value_error(
    person: Person, *, code: int = 130429, title: str = "Rate limit hit"
) -> Change:  # fmt: skip
    """Errors of the number itself, without any message."""
    del person
    error = {"code": code, "title": title, "message": title, "error_data": {"details": title}}
    return "messages", {"errors": [error]}


CHANGES: dict[str, Callable[..., Change]] = {
    change.__name__: change
    for change in (
        echo, history, history_declined, contact_sync, user_id_update, user_preferences, standby,
        handover, group_created, value_error,
    )
}  # fmt: skip
"""Name -> function."""


def _addressee(person: Person) -> Json:
    ids = {
        "to": person.wa_id,
        "to_user_id": person.user_id,
        "to_parent_user_id": person.parent_user_id,
    }
    return {key: value for key, value in ids.items() if value}


def _now(offset_seconds: int = 0) -> str:
    return str(int(time.time()) + offset_seconds)
