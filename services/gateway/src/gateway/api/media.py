"""Files for messages: uploaded by people, opened by everybody who was given a link."""

import asyncio
import io
import re
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from blobs import BlobMissing
from gateway.api.guarded_route import MULTIPART, GuardedRoute, OpenRoute
from gateway.api.parts import Caller, Parts, With
from gateway.door import Principal
from gateway.media_links import LINK_SECONDS, StoredMedia
from gateway.media_store import UploadedMedia
from gateway.media_types import INLINE, MediaKind, kind_of, media_type
from gateway.problems import Problem, not_found
from gateway.repeats import new_id
from gateway.upload_forms import FileForm, Receiving

router = APIRouter(tags=["media"])
_guarded = APIRouter(prefix="/api/tenants/{tenant_id}/media", route_class=GuardedRoute)
_open = APIRouter(prefix="/media", route_class=OpenRoute)

_RECEIVING: Final = Receiving(of_sender=8, in_memory=2)
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "Image, audio, video, PDF, Office document or text.",
                        },
                        "kind": {
                            "type": "string",
                            "enum": ["voice", "sticker", "document"],
                            "description": "Instead of what its type suggests.",
                        },
                    },
                }
            }
        },
    }
}


class MediaShown(BaseModel):
    """A stored file, to be named in a message."""

    media_id: UUID
    kind: MediaKind
    mime_type: str = Field(description="As its content says.")
    file_name: str
    size_bytes: int
    sha256: str
    url: str = Field(description=f"Opens it for {LINK_SECONDS // 60} minutes without a key.")


@_guarded.post(
    "", status_code=201, response_model=MediaShown, openapi_extra=FORM, summary="Upload Media"
)
async def upload_media(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Upload a file for a message; name its `media_id` when you post the message."""
    bytes_max = parts.settings.media_bytes_max
    async with _RECEIVING.file(request, str(tenant_id), bytes_max, {"kind"}) as form:
        mime_type = await asyncio.to_thread(media_type, form.data)
        kind = kind_of(mime_type, form.fields["kind"] or None)
        sha256 = await parts.blobs.put_file(io.BytesIO(form.data))
    media = UploadedMedia(
        tenant_id=tenant_id,
        media_id=new_id(request, who, f"media\0{sha256}\0{kind}"),
        channel_id=None,
        visitor_id=None,
        kind=kind,
        sha256=sha256,
        mime_type=mime_type,
        file_name=file_name(form, mime_type),
        size_bytes=len(form.data),
    )
    content = "\0".join((sha256, kind)).encode()
    return await parts.repeats.once(request, who, content, lambda: _keep(parts, who, media))


async def _keep(parts: Parts, who: Principal, media: UploadedMedia) -> Response:
    async with parts.database.transaction(media.tenant_id) as tx:
        if await parts.media.insert(tx, media):
            await parts.audit.note(
                tx, media.tenant_id, who, "media.uploaded", media.media_id,
                file_name=media.file_name, size_bytes=media.size_bytes, sha256=media.sha256,
            )  # fmt: skip
    shown = MediaShown(
        media_id=media.media_id,
        kind=media.kind,
        mime_type=media.mime_type,
        file_name=media.file_name,
        size_bytes=media.size_bytes,
        sha256=media.sha256,
        url=parts.links.url(stored(media)),
    )
    return JSONResponse(shown.model_dump(mode="json"), status_code=201)


@_open.get(
    "/{token}",
    response_class=Response,
    responses={
        200: {"description": "The bytes.", "content": {"*/*": {}}},
        206: {"description": "A part of them, for `Range: bytes=…`."},
        416: {"description": "The range lies outside."},
    },
)
async def open_media(
    token: Annotated[str, Path(max_length=4_096)], request: Request, parts: With
) -> Response:
    """The file behind a link of a message; 404 once the link is too old: read the message again."""
    media = parts.links.read(token)
    if media is None:
        raise not_found()
    headers = _headers(media)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    try:
        size = await parts.blobs.size(media.sha256)
    except BlobMissing:
        raise not_found() from None
    given = _range(request.headers, headers["ETag"], size)
    if given is None:
        headers["Content-Length"] = str(size)
        return StreamingResponse(parts.blobs.pieces(media.sha256), headers=headers)
    start, end = given
    headers |= {
        "Content-Range": f"bytes {start}-{end - 1}/{size}",
        "Content-Length": str(end - start),
    }
    part = parts.blobs.pieces(media.sha256, start, end)
    return StreamingResponse(part, status_code=206, headers=headers)


def stored(media: UploadedMedia) -> StoredMedia:
    """What a link to it holds."""
    return StoredMedia(media.tenant_id, media.sha256, media.mime_type, media.file_name)


def file_name(form: FileForm, mime_type: str) -> str:
    """The sender's name of the file; a nameless one is called after its kind."""
    return form.file_name if form.file_name != "document" else mime_type.partition("/")[0]


def _headers(media: StoredMedia) -> dict[str, str]:
    """A stored file runs nothing, is nobody's type but ours, and is saved unless it is harmless."""
    is_inline = INLINE.fullmatch(media.mime_type) is not None
    is_pdf = media.mime_type == "application/pdf"
    place = "inline" if is_inline else "attachment"
    name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_"
                   for c in media.file_name)  # fmt: skip
    headers = {
        "Content-Type": media.mime_type if is_inline else "application/octet-stream",
        "Content-Disposition": f'{place}; filename="{name}"; '
        f"filename*=UTF-8''{quote(media.file_name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": f"private, max-age={LINK_SECONDS}",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "Accept-Ranges": "bytes",
        "ETag": f'"{media.sha256}"',
    }
    # A browser's own PDF viewer does not open in a sandbox; it runs no script of the page.
    headers["Content-Security-Policy"] = _CSP.removesuffix("; sandbox") if is_pdf else _CSP
    return headers


def _range(given: Headers, etag: str, size: int) -> tuple[int, int] | None:
    """One range as [start, end); None for the whole file or what we do not read."""
    match = _RANGE.fullmatch(given.get("range", "").strip())
    if match is None or match.group() == "bytes=-" or given.get("if-range", etag) != etag:
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise Problem(
            416, "invalid_range", "The file is shorter.",
            headers={"Content-Range": f"bytes */{size}"},
        )  # fmt: skip
    return start, end


router.include_router(_guarded)
router.include_router(_open)
