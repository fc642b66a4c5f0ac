"""Messages of the WhatsApp Cloud API, without recipient."""

from __future__ import annotations

from channel_ingress.rendering.media_limits import (
    WHATSAPP,
    placeholder,
    reason_against,
    shapes_for,
)
from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.sources import joined
from channel_ingress.rendering.splitting import split
from contracts.v1.shapes import GeoPoint, OutgoingMedia, OutgoingReaction

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_CAPTIONED = frozenset({"image", "video", "document"})


def text_parts(text: str) -> list[Part]:
    """As many text messages as it takes."""
    return [text_part(one) for one in split(text, TEXT_LIMIT, marked=True)]


def text_part(text: str, warning: str | None = None) -> Part:
    """One text message."""
    message: Json = {"type": "text", "text": {"body": text, "preview_url": False}}
    return Part(message, warning=warning)


def takes_caption(media: OutgoingMedia, caption: str) -> bool:
    """Whether the text can stand below this file."""
    shape = next(shapes_for(media, WHATSAPP), "document")
    return shape in _CAPTIONED and len(caption) <= CAPTION_LIMIT


def media_part(media: OutgoingMedia, caption: str = "") -> Part:
    """A file in the wished shape; the next best ones, and at last its name, stand behind it."""
    shapes = list(shapes_for(media, WHATSAPP))
    reason = "media_refused" if shapes else reason_against(media, WHATSAPP)
    part = text_part(split(joined(placeholder(media), caption), TEXT_LIMIT)[0], reason)
    for shape in reversed(shapes):
        part = _media_part(media, shape, caption, part)
    return part


def _media_part(media: OutgoingMedia, shape: str, caption: str, fallback: Part) -> Part:
    kind = "audio" if shape == "voice" else shape
    content: Json = {}
    if shape == "voice":
        content["voice"] = True
    if caption and shape in _CAPTIONED:
        content["caption"] = caption
    if shape == "document" and media.file_name:
        content["filename"] = media.file_name
    return Part(
        {"type": kind, kind: content},
        needs_media=media.model_copy(update={"kind": shape}),
        media_path=(kind, "id"),
        fallback=fallback,
    )


def location_part(place: GeoPoint) -> Part:
    """A pin on the map."""
    location: Json = {"latitude": str(place.latitude), "longitude": str(place.longitude)}
    if place.name:
        location["name"] = place.name
    if place.address:
        location["address"] = place.address
    return Part({"type": "location", "location": location})


def reaction_part(reaction: OutgoingReaction) -> Part:
    """A reaction; an empty emoji takes it back."""
    content = {"message_id": reaction.about, "emoji": reaction.emoji}
    return Part({"type": "reaction", "reaction": content})
