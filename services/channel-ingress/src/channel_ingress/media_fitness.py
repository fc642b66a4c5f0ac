"""Whether a file's bytes are what its shape on the channel needs; pure."""

from __future__ import annotations

from channel_ingress.media_types import HEAD_BYTES, TypeMismatch, checked_type, detected_type
from channel_ingress.rendering.media_limits import (
    INSTAGRAM,
    MESSENGER,
    STILL_STICKER_BYTES,
    WHATSAPP,
    MediaLimit,
)
from contracts.v1.shapes import OutgoingMedia

_ANIMATED_FLAG = 0x02
_FLAGS_AT = 20


def limits_of(channel_type: str, platform: str | None) -> dict[str, MediaLimit]:
    """What the channel takes, by shape."""
    if channel_type == "whatsapp":
        return WHATSAPP
    return INSTAGRAM if platform == "instagram" else MESSENGER


def unfit_because(
    media: OutgoingMedia, content: bytes, limits: dict[str, MediaLimit]
) -> str | None:
    """Why these bytes cannot go out in this shape (`media.kind`); None when they can."""
    limit = limits[media.kind]
    if len(content) > limit.size_bytes:
        return f"{len(content)} bytes, the channel takes {limit.size_bytes}"
    if not content:
        return "the file is empty"
    head = content[:HEAD_BYTES]
    try:
        checked_type(media.kind, media.mime_type, head)
    except TypeMismatch as error:
        return str(error)
    found = detected_type(head)
    # The image decoders of the providers look at the bytes, not at the declared type.
    shown_as_image = media.kind in ("image", "sticker") and limit.mime_types is not None
    if shown_as_image and limit.mime_types is not None and found not in limit.mime_types:
        return f"its content is {found or 'unknown'}"
    is_still_sticker = media.kind == "sticker" and not _is_animated(content)
    if is_still_sticker and len(content) > STILL_STICKER_BYTES:
        return f"{len(content)} bytes, a still sticker may have {STILL_STICKER_BYTES}"
    return None


def _is_animated(content: bytes) -> bool:
    """Whether a WebP image moves: a flag of its extended header."""
    has_flags = content[12:16] == b"VP8X" and len(content) > _FLAGS_AT
    return has_flags and bool(content[_FLAGS_AT] & _ANIMATED_FLAG)
