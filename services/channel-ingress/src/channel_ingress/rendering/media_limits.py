"""Which files a channel takes in which shape; facts as of 2026-11, sizes as Meta documents them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.v1.shapes import OutgoingMedia

KILOBYTE, MEGABYTE = 1024, 1024 * 1024

MEDIA_TOO_LARGE = "media_too_large"
MEDIA_UNSUPPORTED = "media_unsupported"


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """What one shape of a channel takes."""

    mime_types: frozenset[str] | None
    """None: every type."""
    size_bytes: int

    def takes(self, media: OutgoingMedia) -> bool:
        """Whether the file may be sent in this shape."""
        return self.takes_type(media) and media.size_bytes <= self.size_bytes

    def takes_type(self, media: OutgoingMedia) -> bool:
        """Whether the file's type is right, whatever its size."""
        return self.mime_types is None or base_type(media.mime_type) in self.mime_types


def base_type(mime_type: str) -> str:
    """`audio/ogg` for `Audio/OGG; codecs=opus`."""
    return mime_type.partition(";")[0].strip().lower()


_WHATSAPP_AUDIO = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
WHATSAPP = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 5 * MEGABYTE),
    "voice": MediaLimit(frozenset({"audio/ogg", "audio/opus"}), 16 * MEGABYTE),
    "audio": MediaLimit(_WHATSAPP_AUDIO, 16 * MEGABYTE),
    "video": MediaLimit(frozenset({"video/mp4", "video/3gpp"}), 16 * MEGABYTE),
    "sticker": MediaLimit(frozenset({"image/webp"}), 500 * KILOBYTE),
    "document": MediaLimit(None, 100 * MEGABYTE),
}
STILL_STICKER_BYTES = 100 * KILOBYTE
"""Only a moving sticker may be larger; whether it moves is seen in its bytes."""

MESSENGER = {
    "image": MediaLimit(
        frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}), 25 * MEGABYTE
    ),
    "audio": MediaLimit(
        frozenset(
            {
                *_WHATSAPP_AUDIO,
                "audio/wav",
                "audio/x-wav",
                "audio/webm",
                "audio/x-m4a",
                "audio/opus",
            }
        ),
        25 * MEGABYTE,
    ),
    "video": MediaLimit(
        frozenset({"video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/ogg"}),
        25 * MEGABYTE,
    ),
    "document": MediaLimit(None, 25 * MEGABYTE),
}
INSTAGRAM = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png", "image/gif"}), 8 * MEGABYTE),
    "audio": MediaLimit(
        frozenset({"audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav"}),
        25 * MEGABYTE,
    ),
    "video": MediaLimit(
        frozenset({"video/mp4", "video/ogg", "video/quicktime", "video/webm", "video/x-msvideo"}),
        25 * MEGABYTE,
    ),
    "document": MediaLimit(frozenset({"application/pdf"}), 25 * MEGABYTE),
}

_NEXT_BEST = {
    "sticker": ("sticker", "image", "document"),
    "voice": ("voice", "audio", "document"),
    "image": ("image", "document"),
    "audio": ("audio", "document"),
    "video": ("video", "document"),
    "document": ("document",),
}


def shapes_for(media: OutgoingMedia, limits: dict[str, MediaLimit]) -> Iterator[str]:
    """The shapes in which the channel takes the file, the wished one first; may be none."""
    for kind in _NEXT_BEST[media.kind]:
        limit = limits.get(kind)
        if limit is not None and limit.takes(media):
            yield kind


def reason_against(media: OutgoingMedia, limits: dict[str, MediaLimit]) -> str:
    """Code of why the channel takes the file in no shape."""
    kinds = [limits[kind] for kind in _NEXT_BEST[media.kind] if kind in limits]
    is_right_type = any(limit.takes_type(media) for limit in kinds)
    return MEDIA_TOO_LARGE if is_right_type else MEDIA_UNSUPPORTED


def placeholder(media: OutgoingMedia) -> str:
    """What stands for a file that cannot be sent: its name and size, in no language."""
    name = media.file_name or base_type(media.mime_type)
    if media.size_bytes >= MEGABYTE:
        return f"📎 {name} ({media.size_bytes / MEGABYTE:.0f} MB)"
    return f"📎 {name} ({max(1, media.size_bytes // KILOBYTE)} KB)"
