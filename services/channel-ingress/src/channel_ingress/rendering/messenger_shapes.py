"""Messages of Messenger and Instagram: the `message` object, without recipient."""

from __future__ import annotations

from dataclasses import dataclass

from channel_ingress.rendering.markdown_text import PLAIN, channel_text
from channel_ingress.rendering.media_limits import (
    INSTAGRAM,
    MESSENGER,
    MediaLimit,
    placeholder,
    reason_against,
    shapes_for,
)
from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.sources import joined
from channel_ingress.rendering.splitting import Measure, split, utf8_bytes
from contracts.v1.shapes import GeoPoint, OutgoingMedia, OutgoingReaction

ATTACHMENT_TYPES = {"image": "image", "video": "video", "audio": "audio", "document": "file"}
_REACTIONS = {
    "❤": "love",
    "♥": "love",
    "😍": "love",
    "👍": "like",
    "👎": "dislike",
    "😆": "smile",
    "😂": "smile",
    "😮": "wow",
    "😢": "sad",
    "😠": "angry",
}
_VARIATION = "\ufe0f"


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between the two."""

    text_limit: int
    measure: Measure
    media: dict[str, MediaLimit]
    has_templates: bool
    """Whether a row of buttons below a text, and cards, are used."""


FACEBOOK_PAGE = Platform(2000, len, MESSENGER, has_templates=True)
INSTAGRAM_ACCOUNT = Platform(1000, utf8_bytes, INSTAGRAM, has_templates=False)


def platform_of(name: str | None) -> Platform:
    """The platform of a Messenger channel; null is facebook."""
    return INSTAGRAM_ACCOUNT if name == "instagram" else FACEBOOK_PAGE


def text_parts(text: str, platform: Platform) -> list[Part]:
    """As many text messages as it takes."""
    return [Part({"text": one}) for one in split(text, platform.text_limit, platform.measure)]


def media_part(media: OutgoingMedia, platform: Platform) -> Part:
    """A file in the wished shape; the next best ones, and at last its name, stand behind it."""
    shapes = list(shapes_for(media, platform.media))
    reason = "media_refused" if shapes else reason_against(media, platform.media)
    words = split(placeholder(media), platform.text_limit, platform.measure)[0]
    part = Part({"text": words}, warning=reason)
    for shape in reversed(shapes):
        message: Json = {"attachment": {"type": ATTACHMENT_TYPES[shape], "payload": {}}}
        part = Part(
            message,
            needs_media=media.model_copy(update={"kind": shape}),
            media_path=("attachment", "payload", "attachment_id"),
            fallback=part,
        )
    return part


def location_text(place: GeoPoint) -> str:
    """A place as lines: neither platform takes a pin."""
    address = f"https://www.google.com/maps?q={place.latitude},{place.longitude}"
    return "\n".join(line for line in (place.name, place.address, address) if line)


def reaction_part(reaction: OutgoingReaction) -> Part:
    """A reaction where the platform knows it; else the emoji as an answer to that message."""
    emoji = reaction.emoji.replace(_VARIATION, "").strip()
    if not emoji:
        payload = {"message_id": reaction.about}
        return Part({"sender_action": "unreact", "payload": payload})
    name = _REACTIONS.get(emoji)
    if name is None:
        return Part({"text": reaction.emoji, "reply_to": {"mid": reaction.about}})
    payload = {"message_id": reaction.about, "reaction": name}
    return Part({"sender_action": "react", "payload": payload})


def plain(markdown: str) -> str:
    """The words of a Markdown text."""
    return channel_text(markdown, PLAIN)


def framed(header: str | None, text: str, footer: str | None) -> str:
    """Header and footer are lines of the text here."""
    return joined(header or "", text, footer or "")
