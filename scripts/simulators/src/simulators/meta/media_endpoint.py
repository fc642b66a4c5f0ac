"""Media up and down: upload, look up, expiring download link, delete."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

import orjson
from aiohttp import BodyPartReader, web

from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import answer_with_fault, check_token
from simulators.meta.settings import Settings


@dataclass(frozen=True, slots=True)
class Media:
    """One stored file."""

    media_id: str
    phone_number_id: str
    content_type: str
    content: bytes
    sha256: str


class MediaEndpoint:
    """Files by id; links that die."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings, self._faults = settings, faults
        self._media: dict[str, Media] = {}
        self._links: dict[str, tuple[str, float]] = {}

    def clear(self) -> None:
        """Forget every file and link."""
        self._media.clear()
        self._links.clear()

    def add(self, content: bytes, content_type: str, phone_number_id: str = "") -> Media:
        """Store a file, as if a customer had sent it."""
        media_id = str(secrets.randbelow(9 * 10**15) + 10**15)
        digest = hashlib.sha256(content).hexdigest()
        media = Media(media_id, phone_number_id, content_type, content, digest)
        self._media[media_id] = media
        return media

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """`POST /{version}/{phone_number_id}/media` (multipart: messaging_product, file)."""
        check_token(request, self._settings.access_tokens)
        sender = request.match_info["sender"]
        content, content_type, product = await _read_upload(request)
        if product != "whatsapp":
            raise GraphError(100, "(#100) The parameter messaging_product is required.")
        if content is None:
            raise GraphError(100, "(#100) The parameter file is required.")

        async def accept(_: bool) -> web.Response:
            return json_answer({"id": self.add(content, content_type, sender).media_id})

        return await answer_with_fault(request, self._faults.take(sender, ""), accept)

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        """`GET /{version}/{media_id}`: size, type, hash and a link that dies."""
        check_token(request, self._settings.access_tokens)
        media = self._find(request)
        link = secrets.token_urlsafe(24)
        self._links[link] = (media.media_id, time.time() + self._settings.media_url_life_seconds)
        version = request.match_info["version"]

        async def accept(_: bool) -> web.Response:
            return json_answer(
                {
                    "url": str(request.url.origin() / version / "_media" / link),
                    "mime_type": media.content_type,
                    "sha256": media.sha256,
                    "file_size": str(len(media.content)),
                    "id": media.media_id,
                    "messaging_product": "whatsapp",
                }
            )

        return await answer_with_fault(request, self._faults.take(media.media_id, ""), accept)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`DELETE /{version}/{media_id}`."""
        check_token(request, self._settings.access_tokens)
        del self._media[self._find(request).media_id]
        return json_answer({"success": True})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The bytes behind a link; needs the token; 404 when the link has died."""
        check_token(request, self._settings.access_tokens)
        media_id, dies = self._links.get(request.match_info["link"], ("", 0.0))
        media = self._media.get(media_id)
        if media is None or time.time() > dies:
            return web.Response(status=404, text="URL signature expired")
        return web.Response(body=media.content, content_type=media.content_type)

    def _find(self, request: web.Request) -> Media:
        media = self._media.get(request.match_info["media"])
        asked_number = request.query.get("phone_number_id", "")
        if media is None or asked_number not in ("", media.phone_number_id):
            details = "Unsupported get request. Object does not exist."
            raise GraphError(100, details, subcode=33)
        return media


async def _read_upload(request: web.Request) -> tuple[bytes | None, str, str]:
    """Content, its type and the product, from multipart or the JSON form of Meta's examples."""
    if not request.content_type.startswith("multipart/"):
        fields = orjson.loads(await request.read())
        content = str(fields.get("file", "")).encode() or None
        return content, "text/plain", str(fields.get("messaging_product", ""))
    content, content_type, product = None, "application/octet-stream", ""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "file":
            content = bytes(await part.read())
            content_type = part.headers.get("Content-Type", content_type)
        elif part.name == "messaging_product":
            product = await part.text()
    return content, content_type, product
