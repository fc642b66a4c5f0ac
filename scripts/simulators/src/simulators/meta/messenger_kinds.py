"""Everything that a Messenger conversation can bring; each answers the item's content.

A function's keyword arguments are what `fields` of `POST /_sim/inbound` may hold for that kind.
Kinds with bytes get `media`: `{url}` of the customer's file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulators.meta.messenger_bodies import INBOX_APP_ID, new_message_id

Json = dict[str, Any]

MEDIA_KINDS = ("image", "audio", "video", "file")
"""Kinds that carry a file."""
FROM_PAGE = ("echo",)
"""Kinds that the page sends and the customer receives."""


def text(*, text: str, message_id: str = "") -> Json:
    """A text."""
    return _message(message_id, text=text)


def image(*, media: Json, message_id: str = "") -> Json:
    """A picture."""
    return attachments(attachments=[{"type": "image", "payload": media}], message_id=message_id)


def audio(*, media: Json, message_id: str = "") -> Json:
    """A sound or voice clip."""
    return attachments(attachments=[{"type": "audio", "payload": media}], message_id=message_id)


def video(*, media: Json, message_id: str = "") -> Json:
    """A video."""
    return attachments(attachments=[{"type": "video", "payload": media}], message_id=message_id)


def file(*, media: Json, message_id: str = "") -> Json:
    """A document."""
    return attachments(attachments=[{"type": "file", "payload": media}], message_id=message_id)


def attachments(*, attachments: list[Json], text: str = "", message_id: str = "") -> Json:
    """Several attachments at once, as Meta words them: `{type, payload}`."""
    content: Json = {"attachments": attachments}
    return _message(message_id, **({"text": text, **content} if text else content))


def sticker(*, sticker_id: int = 369239263222822, message_id: str = "") -> Json:
    """A sticker, which is an image with an id."""
    payload = {"url": "https://scontent.example/sticker.png", "sticker_id": sticker_id}
    return attachments(attachments=[{"type": "image", "payload": payload}], message_id=message_id)


def location(*, latitude: float, longitude: float, title: str = "Pinned location") -> Json:
    """A place."""
    payload = {"coordinates": {"lat": latitude, "long": longitude}}
    return attachments(attachments=[{"type": "location", "title": title, "payload": payload}])


def fallback(*, url: str = "https://example.org/", title: str = "A link") -> Json:
    """A link with its preview."""
    one = {"type": "fallback", "title": title, "url": url, "payload": None}
    return attachments(attachments=[one], text=url)


def quick_reply(*, payload: str, text: str, message_id: str = "") -> Json:
    """A tap on a quick reply."""
    return _message(message_id, text=text, quick_reply={"payload": payload})


def postback(*, payload: str, title: str = "", referral: Json | None = None) -> Json:
    """A tap on a button or on Get Started."""
    content: Json = {"mid": new_message_id(), "title": title or payload, "payload": payload}
    return {"postback": {**content, **({"referral": referral} if referral else {})}}


def referral(
    *, ref: str = "spring", source: str = "SHORTLINK", name: str = "OPEN_THREAD", ad_id: str = ""
) -> Json:
    """Somebody we know came back by a link or an ad."""
    content: Json = {"ref": ref, "source": source, "type": name}
    return {"referral": {**content, **({"ad_id": ad_id} if ad_id else {})}}


def optin(*, name: str = "notification_messages", payload: str = "news", ref: str = "") -> Json:
    """The customer allowed something."""
    content: Json = {"type": name, "payload": payload}
    if name == "notification_messages":
        content |= {
            "notification_messages_token": "simulated-token",
            "notification_messages_timezone": "Europe/Zagreb",
            "token_expiry_timestamp": int(time.time() + 86_400) * 1000,
            "user_token_status": "NOT_REFRESHED",
        }
    return {"optin": {**content, **({"ref": ref} if ref else {})}}


def reaction(*, message_id: str, emoji: str = "👍", reaction: str = "like") -> Json:
    """A reaction to a message."""
    content = {"mid": message_id, "action": "react", "emoji": emoji, "reaction": reaction}
    return {"reaction": content}


def reaction_removed(*, message_id: str) -> Json:
    """The reaction is taken back."""
    return {"reaction": {"mid": message_id, "action": "unreact"}}


def edit(*, message_id: str, text: str, num_edit: int = 1) -> Json:
    """The customer changed an earlier message."""
    return {"message_edit": {"mid": message_id, "text": text, "num_edit": num_edit}}


def revoke(*, message_id: str) -> Json:
    """The customer deleted an earlier message."""
    return {"message": {"mid": message_id, "is_deleted": True}}


def delivery(*, message_ids: list[str] | None = None) -> Json:
    """Everything up to now was delivered."""
    content: Json = {"watermark": _now_milliseconds()}
    return {"delivery": {"mids": message_ids, **content} if message_ids else content}


def read() -> Json:
    """Everything up to now was read."""
    return {"read": {"watermark": _now_milliseconds()}}


def echo(*, text: str, app_id: str = "", metadata: str = "", message_id: str = "") -> Json:
    """What somebody else wrote as the page: a person in the inbox, or another app."""
    more: Json = {"is_echo": True}
    if app_id:
        more["app_id"] = int(app_id)
    if metadata:
        more["metadata"] = metadata
    return _message(message_id, text=text, **more)


def pass_thread_control(
    *, new_owner: str, previous_owner: str = INBOX_APP_ID, metadata: str = ""
) -> Json:
    """The thread was passed to an app."""
    content = {"previous_owner_app_id": previous_owner, "new_owner_app_id": new_owner}
    return {"pass_thread_control": {**content, "metadata": metadata}}


def take_thread_control(
    *, previous_owner: str, new_owner: str = INBOX_APP_ID, metadata: str = ""
) -> Json:
    """The thread was taken from an app."""
    content = {"previous_owner_app_id": previous_owner, "new_owner_app_id": new_owner}
    return {"take_thread_control": {**content, "metadata": metadata}}


def request_thread_control(*, requester: str = INBOX_APP_ID, metadata: str = "") -> Json:
    """Another app asks for the thread."""
    content = {"requested_owner_app_id": requester, "metadata": metadata}
    return {"request_thread_control": content}


def policy_enforcement(*, action: str = "warning", reason: str = "A simulated warning") -> Json:
    """Meta warns, blocks or unblocks the page."""
    return {"policy_enforcement": {"action": action, "reason": reason}}


def account_linking(*, status: str = "linked", code: str = "simulated") -> Json:
    """The customer linked or unlinked their account at the shop."""
    content = {"status": status, **({"authorization_code": code} if status == "linked" else {})}
    return {"account_linking": content}


def unknown(*, name: str = "hologram", content: Json | None = None) -> Json:
    """An event that nobody has heard of yet."""
    return {name: content or {"depth_metres": 3}}


KINDS: dict[str, Callable[..., Json]] = {
    kind.__name__: kind
    for kind in (
        text, image, audio, video, file, attachments, sticker, location, fallback, quick_reply,
        postback, referral, optin, reaction, reaction_removed, edit, revoke, delivery, read, echo,
        pass_thread_control, take_thread_control, request_thread_control, policy_enforcement,
        account_linking, unknown,
    )
}  # fmt: skip
"""Name -> function."""


def _message(message_id: str, **content: Any) -> Json:
    return {"message": {"mid": message_id or new_message_id(), **content}}


def _now_milliseconds() -> int:
    return int(time.time() * 1000)
