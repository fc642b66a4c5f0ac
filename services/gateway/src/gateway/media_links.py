"""Links to stored files that need no header: signed, and dead after ten minutes.

Every gateway with the same secret reads them; nothing is kept.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

LINK_SECONDS: Final = 600
PATH: Final = "/media/"
_MAC_BYTES: Final = 16
_TOKEN_CHARACTERS_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A file that a link opens."""

    tenant_id: UUID
    sha256: str
    mime_type: str
    file_name: str


class MediaLinks:
    """Makes and reads links; the key is derived from the process's signing secret."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._key = hmac.digest(secret, b"media-link", "sha256")
        self._public_url = public_url.rstrip("/")

    def path(self, media: StoredMedia) -> str:
        """`/media/…`, good for LINK_SECONDS."""
        body = orjson.dumps(
            [
                str(media.tenant_id),
                media.sha256,
                media.mime_type,
                media.file_name,
                int(time.time()) + LINK_SECONDS,
            ]
        )
        return PATH + _encode(self._mac(body) + body)

    def url(self, media: StoredMedia) -> str:
        """The same as an absolute address."""
        return self._public_url + self.path(media)

    def read(self, token: str) -> StoredMedia | None:
        """The file behind a token; None when it is forged, damaged or too old."""
        if len(token) > _TOKEN_CHARACTERS_MAX:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        tenant_id, sha256, mime_type, file_name, expires_at = orjson.loads(body)
        if time.time() >= expires_at:
            return None
        return StoredMedia(UUID(tenant_id), sha256, mime_type, file_name)

    def with_url(
        self, tenant_id: UUID, media: Mapping[str, Any], *, absolute: bool
    ) -> dict[str, Any]:
        """A message's `media` and its fresh `url`; null while the bytes are not in our storage."""
        if not media.get("sha256"):
            return {**media, "url": None}
        stored = StoredMedia(
            tenant_id,
            media["sha256"],
            media.get("mime_type") or "application/octet-stream",
            media.get("file_name") or "file",
        )
        return {**media, "url": self.url(stored) if absolute else self.path(stored)}

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
