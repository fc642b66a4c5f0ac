"""Reads a WhatsApp send request as the Cloud API would: who, which kind, which text; or refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from simulators.meta.envelope import GraphError
from simulators.meta.limits import Json, required_list, required_object, required_text, within
from simulators.meta.whatsapp_interactive import interactive_text

MEDIA_KINDS = frozenset({"audio", "document", "image", "sticker", "video"})
KINDS = MEDIA_KINDS | {"text", "interactive", "template", "reaction", "location", "contacts"}
TEXT_LIMIT, CAPTION_LIMIT, CALLBACK_DATA_LIMIT = 4096, 1024, 512
CONTACTS_LIMIT = 5
BUSINESS_SCOPED_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""`CC.…`, or `CC.ENT.…` for a parent id."""
LINK = re.compile(r"https?://\S")


@dataclass(frozen=True, slots=True)
class WhatsAppMessage:
    """What the simulator needs to know of a send request."""

    recipient: str
    kind: str
    text: str
    callback_data: str
    reply_to: str = ""
    """The message that is answered or reacted to."""
    media_id: str = ""
    """The uploaded file that is sent, if one is."""
    link: str = ""
    """The file's address, if it is sent by link."""


def is_business_scoped(recipient: str) -> bool:
    """Whether this is a business-scoped user id rather than a phone number."""
    return BUSINESS_SCOPED_ID.fullmatch(recipient) is not None


def read_message(body: Json) -> WhatsAppMessage:
    """Check a send request; raises GraphError with the code that Meta uses."""
    recipient = _recipient(body)
    kind = body.get("type") or next((kind for kind in sorted(KINDS) if kind in body), "text")
    if kind not in KINDS:
        raise GraphError(131009, f"Param type must be one of {sorted(KINDS)}")
    if body.get("recipient_type", "individual") not in ("individual", "group"):
        raise GraphError(131009, "Param recipient_type must be one of individual, group")
    content = body.get(kind)
    if content is None:
        raise GraphError(131008, f"Required parameter '{kind}' is missing")
    callback_data = body.get("biz_opaque_callback_data", "")
    if not isinstance(callback_data, str) or len(callback_data) > CALLBACK_DATA_LIMIT:
        raise GraphError(100, "Param biz_opaque_callback_data must be at most 512 characters long.")
    text = _text_of(kind, content)
    media = content if kind in MEDIA_KINDS else {}
    return WhatsAppMessage(
        recipient=recipient,
        kind=kind,
        text=text,
        callback_data=callback_data,
        reply_to=_reply_to(body, kind, content),
        media_id=str(media.get("id", "")),
        link=str(media.get("link", "")),
    )


def _recipient(body: Json) -> str:
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and isinstance(recipient, str) and recipient:
        if not is_business_scoped(recipient):
            raise GraphError(131009, "Param recipient must be a business-scoped user id")
        return recipient
    if not isinstance(to, str) or not to:
        raise GraphError(131008, "The parameter to is required.")
    if is_business_scoped(to):
        raise GraphError(131009, "A business-scoped user id goes into recipient, not into to")
    return to


def _reply_to(body: Json, kind: str, content: Any) -> str:
    if kind == "reaction":
        return str(content.get("message_id", ""))
    context = body.get("context")
    if context is None:
        return ""
    return required_text(required_object(context, "context").get("message_id"), "message_id", 512)


def _text_of(kind: str, content: Any) -> str:
    if kind == "contacts":
        return _contact_names(content)
    if not isinstance(content, dict):
        raise GraphError(131009, f"Param {kind} must be an object")
    if kind in MEDIA_KINDS:
        return _caption_of(kind, content)
    match kind:
        case "text":
            return required_text(content.get("body"), "text['body']", TEXT_LIMIT)
        case "interactive":
            return interactive_text(content)
        case "template":
            return _template_name(content)
        case "reaction":
            required_text(content.get("message_id"), "reaction['message_id']", 512)
            return within(content.get("emoji"), "reaction['emoji']", 64)
        case _:
            return _place_name(content)


def _caption_of(kind: str, content: Json) -> str:
    if ("id" in content) == ("link" in content):
        raise GraphError(131008, f"{kind} needs exactly one of id and link")
    link = content.get("link", "https://absent")
    if not isinstance(link, str) or not LINK.match(link):
        raise GraphError(131009, f"{kind}['link'] is not a valid URL")
    if kind in ("audio", "sticker") and "caption" in content:
        raise GraphError(100, f"Unexpected key caption on param {kind}.")
    if kind != "document" and "filename" in content:
        raise GraphError(100, f"Unexpected key filename on param {kind}.")
    return within(content.get("caption"), f"{kind}['caption']", CAPTION_LIMIT)


def _template_name(content: Json) -> str:
    name, language = content.get("name"), content.get("language")
    if not isinstance(name, str) or not isinstance(language, dict) or "code" not in language:
        raise GraphError(131008, "template needs name and language")
    if not isinstance(content.get("components", []), list):
        raise GraphError(131009, "template['components'] must be a list")
    return name


def _place_name(content: Json) -> str:
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            degrees = float(content[name])
        except (KeyError, TypeError, ValueError):
            raise GraphError(131008, f"location['{name}'] is required and a number") from None
        if not -most <= degrees <= most:
            raise GraphError(131009, f"location['{name}'] must be between -{most} and {most}")
    return within(content.get("name"), "location['name']", 1000)


def _contact_names(content: Any) -> str:
    names = []
    for contact in required_list(content, "contacts", 1, CONTACTS_LIMIT):
        name = required_object(required_object(contact, "contact").get("name"), "name")
        names.append(required_text(name.get("formatted_name"), "name['formatted_name']", 1000))
    return ", ".join(names)
