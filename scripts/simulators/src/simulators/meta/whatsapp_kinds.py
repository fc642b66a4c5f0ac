"""Every kind of message that a WhatsApp customer can write; each answers the message's content.

A function's keyword arguments are what `fields` of `POST /_sim/inbound` may hold for that kind.
Kinds with bytes get `media`: the file as a webhook shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from simulators.meta.error_codes import known_code

Json = dict[str, Any]
Kind = Callable[..., Json]

MEDIA_KINDS = ("image", "video", "audio", "voice", "document", "sticker")
"""Kinds that carry a file."""
SYSTEM_KINDS = ("number_changed", "user_id_changed")
"""Kinds that come without contacts."""


def text(*, text: str) -> Json:
    """A text."""
    return {"type": "text", "text": {"body": text}}


def image(*, media: Json, caption: str = "") -> Json:
    """A picture."""
    return _file("image", media, caption=caption)


def video(*, media: Json, caption: str = "") -> Json:
    """A video."""
    return _file("video", media, caption=caption)


def audio(*, media: Json) -> Json:
    """A sound file."""
    return _file("audio", media, voice=False)


def voice(*, media: Json) -> Json:
    """A voice note."""
    return _file("audio", media, voice=True)


def document(*, media: Json, filename: str = "", caption: str = "") -> Json:
    """A document."""
    return _file("document", media, filename=filename, caption=caption)


def sticker(*, media: Json, animated: bool = False) -> Json:
    """A sticker."""
    return _file("sticker", media, animated=animated)


def location(
    *, latitude: float, longitude: float, name: str = "", address: str = "", url: str = ""
) -> Json:
    """A place."""
    more = {"name": name, "address": address, "url": url}
    found: Json = {"latitude": latitude, "longitude": longitude}
    return {"type": "location", "location": found | {k: v for k, v in more.items() if v}}


def contacts(
    *, contacts: list[Json] | None = None, name: str = "Ana Horvat", phone: str = "+385 91 555 0101"
) -> Json:
    """Address cards: Meta's own objects, or one with a name and a number."""
    digits = "".join(character for character in phone if character.isdigit())
    one: Json = {
        "name": {"formatted_name": name, "first_name": name.partition(" ")[0]},
        "phones": [{"phone": phone, "wa_id": digits, "type": "MOBILE"}],
    }
    return {"type": "contacts", "contacts": contacts or [one]}


def button_reply(*, reply_id: str, title: str) -> Json:
    """A tap on a reply button; `reply_to` names our message."""
    return _interactive("button_reply", {"id": reply_id, "title": title})


def list_reply(*, reply_id: str, title: str, description: str = "") -> Json:
    """A choice from a list; `reply_to` names our message."""
    row = {"id": reply_id, "title": title}
    return _interactive("list_reply", {**row, "description": description} if description else row)


def flow_reply(*, response: Json, name: str = "flow", body: str = "Sent") -> Json:
    """A flow that was filled in (`nfm_reply`)."""
    answer = orjson.dumps({"flow_token": "unused", **response}).decode()
    return _interactive("nfm_reply", {"name": name, "body": body, "response_json": answer})


def call_permission_reply(*, response: str = "accept") -> Json:
    """Whether we may call."""
    return _interactive("call_permission_reply", {"response": response, "is_permanent": False})


def button(*, text: str, payload: str = "") -> Json:
    """A tap on a template's quick reply; `reply_to` names our message."""
    return {"type": "button", "button": {"payload": payload or text, "text": text}}


def reaction(*, message_id: str, emoji: str = "👍") -> Json:
    """A reaction to a message of ours or theirs."""
    return {"type": "reaction", "reaction": {"message_id": message_id, "emoji": emoji}}


def reaction_removed(*, message_id: str) -> Json:
    """The reaction is taken back: it comes without an emoji."""
    return {"type": "reaction", "reaction": {"message_id": message_id}}


def order(
    *, catalog_id: str = "194836987003835", text: str = "", items: list[Json] | None = None
) -> Json:
    """An order from the catalogue."""
    one = {
        "product_retailer_id": "di9ozbzfi4",
        "quantity": 2,
        "item_price": 30,
        "currency": "USD",
    }
    content = {"catalog_id": catalog_id, "text": text, "product_items": items or [one]}
    return {"type": "order", "order": content}


def number_changed(*, new_wa_id: str, new_user_id: str = "", body: str = "") -> Json:
    """The person has another number from now on."""
    system = {
        "body": body or f"User changed their number to {new_wa_id}",
        "wa_id": new_wa_id,
        "type": "user_changed_number",
    }
    return {"type": "system", "system": {**system, **_given(user_id=new_user_id)}}


def user_id_changed(*, new_user_id: str, new_parent_user_id: str = "", wa_id: str = "") -> Json:
    """The person has another business-scoped id from now on."""
    system = {
        "body": f"User changed their user id to {new_user_id}",
        "user_id": new_user_id,
        "type": "user_changed_user_id",
    }
    more = _given(parent_user_id=new_parent_user_id, wa_id=wa_id)
    return {"type": "system", "system": {**system, **more}}


def edit(*, message_id: str, text: str = "", message: Json | None = None) -> Json:
    """The customer changed an earlier message; `message` for one that is not a text."""
    changed = message or {"type": "text", "text": {"body": text}}
    return {"type": "edit", "edit": {"original_message_id": message_id, "message": changed}}


def revoke(*, message_id: str) -> Json:
    """The customer deleted an earlier message for everyone."""
    return {"type": "revoke", "revoke": {"original_message_id": message_id}}


def unsupported(*, code: int = 131051, kind: str = "") -> Json:
    """Something that the Cloud API cannot show: polls, view-once media …"""
    title = known_code(code).title
    error = {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": "Message type is currently not supported."},
    }
    found: Json = {"type": "unsupported", "errors": [error]}
    return {**found, "unsupported": {"type": kind}} if kind else found


def request_welcome() -> Json:
    """The person opened the chat for the first time and has written nothing."""
    return {"type": "request_welcome"}


def unknown(*, name: str = "hologram", content: Json | None = None) -> Json:
    """A kind that nobody has heard of yet."""
    return {"type": name, name: content or {"depth_metres": 3}}


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        text, image, video, audio, voice, document, sticker, location, contacts, button_reply,
        list_reply, flow_reply, call_permission_reply, button, reaction, reaction_removed, order,
        number_changed, user_id_changed, edit, revoke, unsupported, request_welcome, unknown,
    )
}  # fmt: skip
"""Name -> function."""


def _file(kind: str, media: Json, **more: Any) -> Json:
    found = {key: value for key, value in more.items() if value != ""}
    return {"type": kind, kind: {**media, **found}}


def _interactive(kind: str, content: Json) -> Json:
    return {"type": "interactive", "interactive": {"type": kind, kind: content}}


def _given(**fields: str) -> Json:
    return {key: value for key, value in fields.items() if value}
