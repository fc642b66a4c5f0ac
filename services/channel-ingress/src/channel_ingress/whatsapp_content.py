"""The content of a WhatsApp message, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from channel_ingress.content import ContentKind, content, file_of
from channel_ingress.reading import TEXT_LIMIT, Json, cleaned
from contracts.v1.shapes import MessageContent

_CONTEXT_KEYS = ("forwarded", "frequently_forwarded", "referred_product")


def content_of(
    message: Json, extra_context: Mapping[str, Any] | None = None
) -> MessageContent | None:
    """The content in our shape; None for a kind that is not known."""
    kind = message.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    found = read(kind or "", message) if read else None
    context = {**_context_of(message), **(extra_context or {})}
    referral = message.get("referral")
    if found is None or not (context or referral):
        return found
    origin = content(found.kind, referral=referral, context=context)
    return found.model_copy(update={"referral": origin.referral, "context": origin.context})


def unsupported(source: Json) -> MessageContent:
    """What cannot be shown, with everything that is said about it."""
    return content("unsupported", data=source)


def edited_text(edit: Json) -> str | None:
    """The new words of an edited message: its text or its caption."""
    message = edit.get("message")
    message = message if isinstance(message, dict) else edit
    body = message.get(str(message.get("type") or "text"))
    if isinstance(body, dict):
        body = body.get("body", body.get("caption"))
    return cleaned(body[:TEXT_LIMIT]) if isinstance(body, str) else None


def _context_of(message: Json) -> Json:
    context = message.get("context")
    if not isinstance(context, dict):
        return {}
    return {key: context[key] for key in _CONTEXT_KEYS if context.get(key)}


def _text(_: str, message: Json) -> MessageContent:
    body = message["text"]["body"]
    if not isinstance(body, str):
        raise TypeError("a text is something else")
    return content("text", body)


def _media(kind: str, message: Json) -> MessageContent:
    source = message[kind]
    media = file_of(source.get("id"), source.get("mime_type"), source.get("filename"))
    is_voice = kind == "audio" and source.get("voice") is True
    return content("voice" if is_voice else _MEDIA[kind], source.get("caption"), media, source)


def _location(_: str, message: Json) -> MessageContent:
    place = message["location"]
    return content("location", place.get("name") or place.get("address"), data=place)


def _contacts(_: str, message: Json) -> MessageContent:
    cards = message["contacts"]
    names = [(card.get("name") or {}).get("formatted_name") for card in cards]
    return content("contacts", ", ".join(name for name in names if name), data=cards)


def _interactive(_: str, message: Json) -> MessageContent | None:
    interactive = message["interactive"]
    kind = interactive["type"]
    reply = interactive.get(kind)
    match kind:
        case "button_reply":
            return content("button_reply", reply.get("title"), data=reply)
        case "list_reply":
            return content("list_reply", reply.get("title"), data=reply)
        case "nfm_reply":
            return content("form_reply", reply.get("body"), data=reply)
        case "call_permission_reply":
            return content("button_reply", reply.get("response"), data=reply)
    return None


def _button(_: str, message: Json) -> MessageContent:
    button = message["button"]
    return content("button_reply", button.get("text"), data=button)


def _order(_: str, message: Json) -> MessageContent:
    """The customer's words, else the lines of the order."""
    order = message["order"]
    lines = [
        f"{line.get('quantity', 1)} × {line.get('product_retailer_id')}"
        for line in order.get("product_items") or ()
    ]
    return content("order", order.get("text") or "\n".join(lines), data=order)


def _unsupported(_: str, message: Json) -> MessageContent:
    return unsupported({key: message[key] for key in _UNSUPPORTED_KEYS if key in message})


_UNSUPPORTED_KEYS = ("type", "errors", "unsupported", "unknown")
_MEDIA: dict[str, ContentKind] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "document": "document",
    "sticker": "sticker",
}
_READERS: dict[str, Callable[[str, Json], MessageContent | None]] = {
    "text": _text,
    **dict.fromkeys(_MEDIA, _media),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
    "unsupported": _unsupported,
    "unknown": _unsupported,
    "media_placeholder": _unsupported,
}
