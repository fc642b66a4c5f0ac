"""WhatsApp's media calls: upload, look up, expiring download link, delete."""

from __future__ import annotations

from aiohttp import web

from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.error_codes import NO_SUCH_OBJECT_SUBCODE
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import answer_with_fault
from simulators.meta.media_store import Media, MediaStore
from simulators.meta.tokens import TokenBook
from simulators.meta.uploads import check_whatsapp_file, read_upload


class MediaEndpoint:
    """Files up and down."""

    def __init__(self, store: MediaStore, faults: Faults, tokens: TokenBook) -> None:
        self._store, self._faults, self._tokens = store, faults, tokens

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """`POST /{version}/{phone_number_id}/media` (multipart: messaging_product, file)."""
        self._tokens.check(request)
        sender = request.match_info["sender"]
        form = await read_upload(request)
        if form.fields.get("messaging_product") != "whatsapp":
            raise GraphError(100, "(#100) The parameter messaging_product is required.")
        content = form.content
        if content is None:
            raise GraphError(100, "(#100) The parameter file is required.")
        content_type = form.fields.get("type") or form.content_type
        check_whatsapp_file(content, content_type)

        async def accept(_: bool) -> web.Response:
            media = self._store.add(
                content, content_type, phone_number_id=sender, filename=form.filename
            )
            return json_answer({"id": media.media_id})

        fault = self._faults.take(sender, "", "media")
        return await answer_with_fault(request, fault, accept)

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        """`GET /{version}/{media_id}`: size, type, hash and a link that dies."""
        media = self.find(request)
        version = request.match_info["version"]

        async def accept(_: bool) -> web.Response:
            link = self._store.new_link(media.media_id)
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

        fault = self._faults.take(media.media_id, "", "media")
        return await answer_with_fault(request, fault, accept)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`DELETE /{version}/{media_id}`."""
        self._store.delete(self.find(request).media_id)
        return json_answer({"success": True})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The bytes behind a link; needs the token; 404 when the link has died."""
        self._tokens.check(request)
        media = self._store.behind(request.match_info["link"])
        if media is None:
            return web.Response(status=404, text="URL signature expired")

        async def accept(_: bool) -> web.Response:
            return web.Response(body=media.content, headers={"Content-Type": media.content_type})

        fault = self._faults.take(media.media_id, "", "download")
        return await answer_with_fault(request, fault, accept)

    def find(self, request: web.Request) -> Media:
        """The file that is asked for; refused when dead, or asked through a foreign number."""
        media = self._store.find(request.match_info["node"])
        asked_number = request.query.get("phone_number_id", "")
        if media is None or asked_number not in ("", media.phone_number_id):
            raise no_such_object(request.match_info["node"])
        return media


def no_such_object(node: str) -> GraphError:
    """Graph's answer about an id that does not exist, or that the token may not see."""
    details = (
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation."
    )
    return GraphError(100, details, subcode=NO_SUCH_OBJECT_SUBCODE)
