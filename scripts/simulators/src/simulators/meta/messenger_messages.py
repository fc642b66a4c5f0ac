"""Reads a Messenger send request as the Platform would: who, which kind, which text; or refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.limits import Json
from simulators.meta.messenger_templates import template_text

TEXT_LIMIT, METADATA_LIMIT = 2000, 1000
QUICK_REPLIES_LIMIT, QUICK_REPLY_TITLE_LIMIT, PAYLOAD_LIMIT = 13, 20, 1000
MESSAGING_TYPES = frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"})
TAGS = frozenset({"HUMAN_AGENT", "CUSTOMER_FEEDBACK"})
RETIRED_TAGS = frozenset({"CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "ACCOUNT_UPDATE"})
SENDER_ACTIONS = frozenset({"typing_on", "typing_off", "mark_seen", "react", "unreact"})
ATTACHMENT_KINDS = frozenset({"audio", "file", "image", "video", "template"})


@dataclass(frozen=True, slots=True)
class MessengerMessage:
    """What the simulator needs to know of a send request."""

    recipient: str
    kind: str
    """`text`, `image`, `audio`, `video`, `file`, `template` or `sender_action`."""
    text: str
    metadata: str
    reply_to: str = ""
    """The `mid` that is answered or reacted to."""
    attachment_id: str = ""
    """The uploaded file that is sent, if one is."""
    link: str = ""
    """The file's address, if it is sent by link."""
    tag: str = ""
    """The message tag, for sends outside the window."""


def read_message(body: Json, *, uploaded: bool = False) -> MessengerMessage:
    """Check a send request; `uploaded`: its file came along. Raises GraphError as Meta would."""
    recipient = _recipient(body.get("recipient"))
    if "sender_action" in body:
        return _sender_action(recipient, body)
    message = body.get("message")
    if not isinstance(message, dict):
        raise GraphError(100, "(#100) Param message must be non-empty.")
    tag = _tag(body)
    metadata = str(message.get("metadata", ""))
    if len(metadata) > METADATA_LIMIT:
        raise GraphError(100, "(#100) Length of param message[metadata] must be at most 1000")
    _check_quick_replies(message.get("quick_replies"))
    reply_to = str((body.get("reply_to") or {}).get("mid", ""))
    if "attachment" in message and "text" in message:
        raise GraphError(100, "(#100) Message cannot contain both text and attachment")
    if "attachment" in message:
        kind, text, attachment_id, link = _attachment(message["attachment"], uploaded)
        return MessengerMessage(recipient, kind, text, metadata, reply_to, attachment_id, link, tag)
    text = _text(message.get("text"))
    return MessengerMessage(recipient, "text", text, metadata, reply_to, tag=tag)


def _text(text: Any) -> str:
    if not isinstance(text, str) or not text:
        raise GraphError(100, "(#100) Param message[text] must be non-empty.")
    if len(text) > TEXT_LIMIT:
        raise GraphError(100, "(#100) Length of param message[text] must be at most 2000")
    return text


def choices_of(message: Json) -> list[Json]:
    """What the customer can tap: `{kind, id, title}` in the order shown."""
    found = [
        {"kind": "quick_reply", "id": one.get("payload", ""), "title": one.get("title", "")}
        for one in message.get("quick_replies") or []
    ]
    payload = (message.get("attachment") or {}).get("payload") or {}
    elements = payload.get("elements") or [payload]
    for element in elements:
        for button in element.get("buttons") or []:
            kind = "url" if button.get("type") == "web_url" else "postback"
            identifier = button.get("payload") or button.get("url", "")
            found.append({"kind": kind, "id": identifier, "title": button.get("title", "")})
    return found


def _recipient(recipient: Any) -> str:
    if isinstance(recipient, dict):
        for name in ("id", "user_ref", "comment_id", "post_id"):
            if isinstance(recipient.get(name), str) and recipient[name]:
                return str(recipient[name])
    raise GraphError(100, "(#100) Param recipient must be non-empty.")


def _sender_action(recipient: str, body: Json) -> MessengerMessage:
    action = str(body["sender_action"])
    if action not in SENDER_ACTIONS:
        raise GraphError(100, f"(#100) Param sender_action must be one of {sorted(SENDER_ACTIONS)}")
    if "message" in body:
        raise GraphError(100, "(#100) A sender_action goes alone, without message")
    reacted = str((body.get("payload") or {}).get("message_id", ""))
    return MessengerMessage(recipient, "sender_action", action, "", reacted)


def _tag(body: Json) -> str:
    kind, tag = body.get("messaging_type", "RESPONSE"), str(body.get("tag", ""))
    if kind not in MESSAGING_TYPES:
        raise GraphError(100, "(#100) Param messaging_type is not valid.")
    if kind == "MESSAGE_TAG" and not tag:
        raise GraphError(100, "(#100) Param tag is required with messaging_type MESSAGE_TAG")
    if tag in RETIRED_TAGS:
        raise GraphError(100, f"(#100) The message tag {tag} has been retired; use UTILITY")
    if tag and tag not in TAGS:
        raise GraphError(100, "(#100) Param tag is not valid.")
    return tag


def _attachment(attachment: Any, uploaded: bool) -> tuple[str, str, str, str]:
    """Kind, text, attachment id, link."""
    if not isinstance(attachment, dict) or attachment.get("type") not in ATTACHMENT_KINDS:
        raise GraphError(100, "(#100) Param message[attachment][type] is not valid.")
    kind, payload = str(attachment["type"]), attachment.get("payload") or {}
    if not isinstance(payload, dict):
        raise GraphError(100, "(#100) Param message[attachment][payload] must be an object")
    if kind == "template":
        return kind, template_text(payload), "", ""
    attachment_id, link = str(payload.get("attachment_id", "")), str(payload.get("url", ""))
    if not (attachment_id or link or uploaded):
        raise GraphError(100, "(#100) An attachment needs url, attachment_id or filedata")
    if link and not link.startswith(("http://", "https://")):
        raise GraphError(100, "(#100) Param message[attachment][payload][url] is not a valid URL")
    return kind, "", attachment_id, link


def _check_quick_replies(replies: Any) -> None:
    if replies is None:
        return
    if not isinstance(replies, list) or not 1 <= len(replies) <= QUICK_REPLIES_LIMIT:
        raise GraphError(100, f"(#100) quick_replies must have 1 to {QUICK_REPLIES_LIMIT} entries")
    for reply in replies:
        kind = reply.get("content_type") if isinstance(reply, dict) else None
        if kind not in ("text", "user_phone_number", "user_email"):
            raise GraphError(100, "(#100) Param quick_replies[content_type] is not valid.")
        if kind != "text":
            continue
        title, payload = reply.get("title"), reply.get("payload", "")
        if not isinstance(title, str) or not title:
            raise GraphError(100, "(#100) Param quick_replies[title] must be non-empty.")
        if len(title) > QUICK_REPLY_TITLE_LIMIT:
            raise GraphError(100, "(#100) Length of param quick_replies[title] must be at most 20")
        if not isinstance(payload, str) or len(payload) > PAYLOAD_LIMIT:
            raise GraphError(
                100, "(#100) Length of param quick_replies[payload] must be at most 1000"
            )
