"""Reads a WhatsApp send request as the Cloud API would: who, which kind, which text; or refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.meta.envelope import GraphError

MEDIA_KINDS = frozenset({"audio", "document", "image", "sticker", "video"})
KINDS = MEDIA_KINDS | {"text", "interactive", "template", "reaction", "location", "contacts"}
TEXT_LIMIT = 4096
INTERACTIVE_TEXT_LIMIT = 1024
CALLBACK_DATA_LIMIT = 512


@dataclass(frozen=True, slots=True)
class WhatsAppMessage:
    """What the simulator needs to know of a send request."""

    recipient: str
    kind: str
    text: str
    callback_data: str


def read_message(body: dict[str, Any]) -> WhatsAppMessage:
    """Check a send request; raises GraphError with the code that Meta uses."""
    recipient = body.get("to") or body.get("recipient")
    if not isinstance(recipient, str):
        raise GraphError(131008, "The parameter to is required.")
    kind = body.get("type") or next((kind for kind in sorted(KINDS) if kind in body), "text")
    if kind not in KINDS:
        raise GraphError(131009, f"Param type must be one of {sorted(KINDS)}")
    content = body.get(kind)
    if content is None:
        raise GraphError(131008, f"Required parameter '{kind}' is missing")
    callback_data = body.get("biz_opaque_callback_data", "")
    if not isinstance(callback_data, str) or len(callback_data) > CALLBACK_DATA_LIMIT:
        raise GraphError(100, "Param biz_opaque_callback_data must be at most 512 characters long.")
    return WhatsAppMessage(recipient, kind, _text_of(kind, content), callback_data)


def _text_of(kind: str, content: Any) -> str:
    if kind == "contacts":
        return ""
    if not isinstance(content, dict):
        raise GraphError(131009, f"Param {kind} must be an object")
    if kind in MEDIA_KINDS:
        return _caption_of(kind, content)
    if kind == "text":
        return _limited(content.get("body"), "text['body']", TEXT_LIMIT)
    if kind == "interactive":
        return _interactive_text(content)
    if kind == "template":
        name, language = content.get("name"), content.get("language")
        if not isinstance(name, str) or not isinstance(language, dict):
            raise GraphError(131008, "template needs name and language")
        return name
    if kind == "reaction":
        if not isinstance(content.get("message_id"), str):
            raise GraphError(131008, "reaction needs message_id")
        return str(content.get("emoji", ""))
    return str(content.get("name", ""))


def _caption_of(kind: str, content: dict[str, Any]) -> str:
    if ("id" in content) == ("link" in content):
        raise GraphError(131008, f"{kind} needs exactly one of id and link")
    return str(content.get("caption", ""))


def _interactive_text(content: dict[str, Any]) -> str:
    if not isinstance(content.get("action"), dict) or "type" not in content:
        raise GraphError(131008, "interactive needs type and action")
    limit = TEXT_LIMIT if content["type"] == "list" else INTERACTIVE_TEXT_LIMIT
    buttons = content["action"].get("buttons", [])
    if content["type"] == "button" and not 1 <= len(buttons) <= 3:
        raise GraphError(131009, "Invalid buttons count. Min allowed buttons: 1, max: 3")
    body = content.get("body")
    return _limited(body.get("text") if isinstance(body, dict) else None, "body text", limit)


def _limited(text: Any, name: str, limit: int) -> str:
    if not isinstance(text, str) or not text:
        raise GraphError(131008, f"Param {name} is required")
    if len(text) > limit:
        raise GraphError(100, f"Param {name} must be at most {limit} characters long.")
    return text
