"""The content of a WhatsApp message, kind by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from channel_ingress.reading import TEXT_LIMIT, Json, clipped, json_text
from contracts.v1.shapes import MediaRef, MessageContent

NAME_LIMIT = 512

ContentKind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "document",
    "sticker",
    "location",
    "contacts",
    "button_reply",
    "list_reply",
    "form_reply",
    "order",
]


def content_of(kind: str, message: Json) -> MessageContent | None:
    """The content in our shape; None for a kind that is no customer's content."""
    read = _READERS.get(kind)
    return read(kind, message) if read else None


def _content(
    kind: ContentKind, text: object = None, media: MediaRef | None = None, data: Any = None
) -> MessageContent:
    return MessageContent(
        kind=kind,
        text=clipped(text, TEXT_LIMIT),
        media=media,
        data=None if data is None else json_text(data),
    )


def _text(_: str, message: Json) -> MessageContent:
    return _content("text", message["text"]["body"])


def _media(kind: str, message: Json) -> MessageContent:
    source = message[kind]
    media = MediaRef(
        provider_media_id=clipped(source.get("id"), NAME_LIMIT),
        mime_type=clipped(source.get("mime_type"), NAME_LIMIT),
        file_name=clipped(source.get("filename"), NAME_LIMIT),
        sha256=None,
        size_bytes=None,
    )
    own_kind = "voice" if kind == "audio" and source.get("voice") is True else kind
    return _content(own_kind, source.get("caption"), media, source)  # type: ignore[arg-type]


def _location(_: str, message: Json) -> MessageContent:
    place = message["location"]
    return _content("location", place.get("name") or place.get("address"), data=place)


def _contacts(_: str, message: Json) -> MessageContent:
    cards = message["contacts"]
    names = [card.get("name", {}).get("formatted_name", "") for card in cards]
    return _content("contacts", ", ".join(filter(None, names)), data=cards)


def _interactive(_: str, message: Json) -> MessageContent | None:
    interactive = message["interactive"]
    match interactive["type"]:
        case "button_reply":
            reply = interactive["button_reply"]
            return _content("button_reply", reply.get("title"), data=reply)
        case "list_reply":
            reply = interactive["list_reply"]
            return _content("list_reply", reply.get("title"), data=reply)
        case "nfm_reply":
            reply = interactive["nfm_reply"]
            return _content("form_reply", reply.get("body"), data=reply)
    return None


def _button(_: str, message: Json) -> MessageContent:
    button = message["button"]
    return _content("button_reply", button.get("text"), data=button)


def _order(_: str, message: Json) -> MessageContent:
    return _content("order", message["order"].get("text"), data=message["order"])


_READERS: dict[str, Callable[[str, Json], MessageContent | None]] = {
    "text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
