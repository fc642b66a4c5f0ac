"""`POST /widget/uploads`: a visitor's file or voice note, to be named in a message."""

import asyncio
import io
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from gateway.api.guarded_route import MULTIPART, OpenRoute, refuse_other_than_form
from gateway.api.media import file_name, stored
from gateway.api.parts import Parts, With
from gateway.domain import normal_origin
from gateway.media_store import UploadedMedia
from gateway.media_types import MediaKind, fits, kind_of, media_type
from gateway.problems import Problem
from gateway.upload_forms import FileForm, Receiving
from gateway.widget.tokens import InvalidToken, WidgetSession

router = APIRouter(prefix="/widget", tags=["widget"], route_class=OpenRoute)

_RECEIVING: Final = Receiving(of_sender=32, in_memory=8)
_VISITORS_OF_AN_ADDRESS: Final = 10
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class UploadShown(BaseModel):
    """A visitor's stored file; its `media_id` goes with a message within a day."""

    media_id: UUID
    kind: MediaKind
    mime_type: str = Field(description="As its content says.")
    file_name: str
    size_bytes: int
    url: str = Field(description="A path of this server, good for ten minutes.")


@router.post("/uploads", status_code=201, openapi_extra=_FORM)
async def upload_file(request: Request, parts: With) -> UploadShown:
    """Upload a file or a voice note, with the session's token as bearer."""
    session = _session(parts, request)
    subject = f"{session.channel_id}:{session.visitor_id}"
    per_minute = parts.settings.widget_uploads_per_minute
    await parts.limits.spend("uploads", subject, per_minute)
    # Visitors are free to be had, addresses are not.
    address = request.client.host if request.client else "unknown"
    await parts.limits.spend("uploads", address, _VISITORS_OF_AN_ADDRESS * per_minute)
    refuse_other_than_form(request)
    bytes_max = parts.settings.widget_upload_bytes_max
    async with _RECEIVING.file(request, address, bytes_max, set()) as form:
        mime_type = await asyncio.to_thread(_type, parts, form)
        sha256 = await parts.blobs.put_file(io.BytesIO(form.data))
    is_voice = mime_type.startswith("audio/")
    media = UploadedMedia(
        tenant_id=session.tenant_id,
        media_id=uuid7(),
        channel_id=session.channel_id,
        visitor_id=session.visitor_id,
        kind=kind_of(mime_type, "voice" if is_voice else None),
        sha256=sha256,
        mime_type=mime_type,
        file_name=file_name(form, mime_type),
        size_bytes=len(form.data),
    )
    async with parts.database.transaction(session.tenant_id) as tx:
        await parts.media.insert(tx, media)
    return UploadShown(
        media_id=media.media_id,
        kind=media.kind,
        mime_type=mime_type,
        file_name=media.file_name,
        size_bytes=media.size_bytes,
        url=parts.links.path(stored(media)),
    )


def _session(parts: Parts, request: Request) -> WidgetSession:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        session = parts.tokens.read_session(token.strip() if scheme.lower() == "bearer" else None)
    except InvalidToken:
        raise Problem(
            401, "unauthorized", "Open a session first: its token is the bearer.",
            headers={"WWW-Authenticate": "Bearer"},
        ) from None  # fmt: skip
    origin = request.headers.get("origin")
    if origin and session.origin and normal_origin(origin) != session.origin:
        raise Problem(403, "origin_not_allowed", "This session belongs to another page.")
    return session


def _type(parts: Parts, form: FileForm) -> str:
    found = media_type(form.data)
    if not fits(found, parts.settings.upload_types):
        raise Problem(415, "unsupported_type", "Files of this kind are not taken here.")
    return found
