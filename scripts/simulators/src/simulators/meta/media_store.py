"""Files by id, with the lives that Meta gives to ids and links."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

from simulators.meta.clock import SimulatedClock
from simulators.meta.settings import Settings

Origin = Literal["upload", "webhook", "attachment"]
"""We uploaded it for WhatsApp; a customer sent it; we uploaded it for Messenger."""


@dataclass(frozen=True, slots=True)
class Media:
    """One stored file."""

    media_id: str
    phone_number_id: str
    """Who uploaded it; empty for a customer's file."""
    content_type: str
    content: bytes
    sha256: str
    """Hex, as `GET /{media_id}` says it."""
    dies_at: float
    """Unix time in seconds (simulated)."""
    origin: Origin = "upload"
    filename: str = ""

    @property
    def sha256_base64(self) -> str:
        """The hash as webhooks say it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class MediaStore:
    """Keeps files and download links until they die."""

    def __init__(self, settings: Settings, clock: SimulatedClock) -> None:
        self._settings, self._clock = settings, clock
        self._media: dict[str, Media] = {}
        self._links: dict[str, tuple[str, float]] = {}

    def clear(self) -> None:
        """Forget every file and link."""
        self._media.clear()
        self._links.clear()

    def add(
        self,
        content: bytes,
        content_type: str,
        *,
        phone_number_id: str = "",
        origin: Origin = "upload",
        filename: str = "",
        sha256: str = "",
    ) -> Media:
        """Keep a file; `sha256` is for a hash that lies."""
        s = self._settings
        life = s.media_webhook_life_seconds if origin == "webhook" else s.media_upload_life_seconds
        media_id = str(secrets.randbelow(9 * 10**15) + 10**15)
        media = Media(
            media_id,
            phone_number_id,
            content_type,
            content,
            sha256 or hashlib.sha256(content).hexdigest(),
            self._clock.now() + life,
            origin,
            filename,
        )
        self._media[media_id] = media
        return media

    def find(self, media_id: str) -> Media | None:
        """A file that is alive."""
        media = self._media.get(media_id)
        return media if media is not None and media.dies_at > self._clock.now() else None

    def delete(self, media_id: str) -> None:
        """Forget one file."""
        self._media.pop(media_id, None)

    def new_link(self, media_id: str, life_seconds: float | None = None) -> str:
        """The secret part of a download address; it lives five minutes unless told otherwise."""
        life = self._settings.media_url_life_seconds if life_seconds is None else life_seconds
        link = secrets.token_urlsafe(24)
        self._links[link] = (media_id, self._clock.now() + life)
        return link

    def behind(self, link: str) -> Media | None:
        """The file behind a link that is alive."""
        media_id, dies_at = self._links.get(link, ("", 0.0))
        return self.find(media_id) if dies_at > self._clock.now() else None
