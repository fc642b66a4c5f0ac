"""A message's content within the bounds of a message on the bus, whatever a customer sends."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from channel_ingress.reading import TEXT_LIMIT, clipped, json_text
from contracts.v1.shapes import MediaRef, MessageContent

NAME_LIMIT = 512
DATA_LIMIT = 20_000
"""Characters of `data`; with the other limits the longest message stays below 256 KiB as UTF-8."""
ORIGIN_LIMIT = 4_096
"""Characters of `referral` and of `context`."""

ContentKind: TypeAlias = Literal[
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
    "postback",
    "order",
    "unsupported",
]


def content(
    kind: ContentKind,
    text: object = None,
    media: MediaRef | None = None,
    data: Any = None,
    *,
    referral: Any = None,
    context: Any = None,
) -> MessageContent:
    """Cleaned and cut text, and JSON texts that only name what is too long."""
    return MessageContent(
        kind=kind,
        text=clipped(text, TEXT_LIMIT),
        media=media,
        data=None if data is None else json_text(data, DATA_LIMIT),
        referral=json_text(referral, ORIGIN_LIMIT) if referral else None,
        context=json_text(context, ORIGIN_LIMIT) if context else None,
    )


def file_of(provider_media_id: object, mime_type: object, file_name: object) -> MediaRef:
    """A file that somebody else has."""
    return MediaRef(
        provider_media_id=clipped(provider_media_id, NAME_LIMIT),
        mime_type=clipped(mime_type, NAME_LIMIT),
        file_name=clipped(file_name, NAME_LIMIT),
        sha256=None,
        size_bytes=None,
    )
