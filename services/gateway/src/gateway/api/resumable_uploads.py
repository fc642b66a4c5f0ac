"""Large files in pieces, by the tus 1.0 protocol: a broken connection goes on where it stopped."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from uuid_utils.compat import uuid7

from blobs import BlobCorrupt, BlobMissing
from gateway import refusals
from gateway.api.document_forms import FIELDS, DocumentForm, read_fields, wanted_of
from gateway.api.guarded_route import StreamRoute, media_type
from gateway.api.parts import Caller, Parts, With
from gateway.door import Principal
from gateway.file_types import media_type_of
from gateway.json_bodies import too_large
from gateway.keeper import NotKept
from gateway.problems import Problem, not_found
from gateway.quotas import Quota, QuotaExceeded
from gateway.resumable import (
    CHECKSUMS,
    EXTENSIONS,
    PIECE_TYPE,
    VERSION,
    ResumableUpload,
    need_version,
    number,
    read_checksum,
    read_metadata,
)
from gateway.resumable_pieces import PiecesMissing, probe
from gateway.resumable_store import Piece
from gateway.resumable_writing import Writing, begin_writing
from gateway.turns import Turns
from gateway.upload_forms import safe_name, wrong_field
from gateway.uploads import Content


class TusRoute(StreamRoute):
    """Every answer names the version of the protocol."""

    answer_headers = {"Tus-Resumable": VERSION}  # noqa: RUF012 - never changed


router = APIRouter(
    prefix="/api/tenants/{tenant_id}/uploads", tags=["large uploads"], route_class=TusRoute
)

_ON_THEIR_WAY_MAX: Final = 200
_TURNS: Final = Turns(4)
_NAMES: Final = ("filename", "name")


def _headers(*names: str, **described: str) -> dict[str, Any]:
    """OpenAPI of request headers, all of them needed."""
    words = {"Tus-Resumable": f"{VERSION}", **described}
    return {
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": words.get(name, ""),
            }
            for name in ("Tus-Resumable", *names)
        ]
    }


_BYTES: Final[dict[str, Any]] = {
    **_headers("Upload-Offset"),
    "requestBody": {
        "required": True,
        "content": {PIECE_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.options("", status_code=204)
async def describe_uploads(tenant_id: UUID, parts: With) -> Response:  # noqa: ARG001 - of the address
    """What of the protocol is spoken here."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(parts.settings.resumable_bytes_max),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        },
    )


@router.post("", status_code=201, openapi_extra=_headers("Upload-Length", "Upload-Metadata"))
async def begin_upload(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Announce a file: `Upload-Length` bytes, its name and more in `Upload-Metadata`.

    Metadata, each in base64: filename, and title, language, tags and the other fields of
    `POST /documents` if you like. `Location` takes its bytes.
    """
    need_version(request.headers)
    size_bytes = number(request.headers, "Upload-Length")
    bytes_max = parts.settings.resumable_bytes_max
    if size_bytes > bytes_max:
        raise too_large(bytes_max, "file_too_large")
    metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
    _said(metadata)
    name = _file_name(metadata)
    if "." in name:
        media_type_of(name, b"")  # a kind that is not read here is refused before its bytes come
    async with parts.database.transaction(tenant_id) as tx:
        if await parts.resumables.count(tx, tenant_id) >= _ON_THEIR_WAY_MAX:
            detail = f"{_ON_THEIR_WAY_MAX} uploads are on their way; end some of them."
            raise Problem(409, "too_many_uploads", detail)
        await _check_quota(parts, tx, tenant_id, size_bytes)
        upload = await parts.resumables.insert(
            tx, tenant_id, uuid7(), who.actor, size_bytes, metadata
        )
    if size_bytes == 0:
        upload = await _written(parts, who, upload, 0, _nothing(), request)
    location = f"/api/tenants/{tenant_id}/uploads/{upload.upload_id}"
    return Response(status_code=201, headers={"Location": location, **upload.headers()})


@router.head("/{upload_id}", openapi_extra=_headers())
async def look_at_upload(
    tenant_id: UUID, upload_id: UUID, request: Request, parts: With
) -> Response:
    """How many bytes have arrived; when it is whole, which document it is (`Chat-Document-Id`)."""
    need_version(request.headers)
    upload = await _found(parts, tenant_id, upload_id)
    headers = {"Upload-Length": str(upload.size_bytes), "Cache-Control": "no-store"}
    return Response(status_code=200, headers={**headers, **upload.headers()})


@router.patch("/{upload_id}", status_code=204, openapi_extra=_BYTES)
async def add_bytes(
    tenant_id: UUID, upload_id: UUID, request: Request, parts: With, who: Caller
) -> Response:
    """Bytes from `Upload-Offset` on; `Upload-Checksum` (sha1, sha256) is checked if it is there.

    The last ones make it a document, or are refused as by `POST /documents`.
    """
    need_version(request.headers)
    if media_type(request) != PIECE_TYPE:
        raise Problem(415, "unsupported_media_type", f"Send the bytes as {PIECE_TYPE}.")
    offset_bytes = number(request.headers, "Upload-Offset")
    upload = await _found(parts, tenant_id, upload_id)
    if upload.document_id is None:
        async with _TURNS.of(str(tenant_id)):
            stream = request.stream()
            upload = await _written(parts, who, upload, offset_bytes, stream, request)
    elif offset_bytes != upload.size_bytes:
        raise Problem(409, "wrong_offset", "It is whole already.")
    return Response(status_code=204, headers=upload.headers())


@router.delete("/{upload_id}", status_code=204, openapi_extra=_headers())
async def end_upload(tenant_id: UUID, upload_id: UUID, request: Request, parts: With) -> Response:
    """Forget what has arrived; a document it has become stays."""
    need_version(request.headers)
    await _end(parts, tenant_id, upload_id)
    return Response(status_code=204)


async def _written(
    parts: Parts,
    who: Principal,
    upload: ResumableUpload,
    offset_bytes: int,
    stream: AsyncIterator[bytes],
    request: Request,
) -> ResumableUpload:
    checksum = read_checksum(request.headers.get("Upload-Checksum"))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and offset_bytes + int(declared) > upload.size_bytes:
        raise Problem(413, "too_large", "These are more bytes than Upload-Length said.")
    place = upload.tenant_id, upload.upload_id
    writing = await begin_writing(parts.outbox, parts.resumables, parts.pieces, place, offset_bytes)

    async def finish(
        whole: ResumableUpload, pieces: list[Piece], writing: Writing
    ) -> ResumableUpload:
        try:
            return await _become_document(parts, who, whole, pieces, writing)
        except (BlobMissing, BlobCorrupt, PiecesMissing):
            await _end(parts, *place)
            raise Problem(409, "upload_lost", "Its bytes are gone. Begin it again.") from None
        except (HTTPException, QuotaExceeded, NotKept) as error:
            problem = error if isinstance(error, HTTPException) else refusals.problem_of(error)
            if problem.status_code not in {423, 429} and problem.status_code < 500:
                await _end(parts, *place)  # what it is will not change
            raise problem from None

    async with writing.held():
        upload = await writing.write(stream, checksum, finish)
    if upload.document_id is not None:
        await parts.pieces.clear(*place)
    return upload


async def _become_document(
    parts: Parts, who: Principal, upload: ResumableUpload, pieces: list[Piece], writing: Writing
) -> ResumableUpload:
    said, name = _said(upload.metadata), _file_name(upload.metadata)
    async with parts.pieces.assembled(pieces, upload.size_bytes) as file:
        whole_max = parts.settings.upload_bytes_max
        looked_at = await asyncio.to_thread(probe, file, upload.size_bytes, whole_max)
        found_type = await asyncio.to_thread(media_type_of, name, looked_at)
        sha256 = await parts.blobs.put_file(file)
    content = Content(
        sha256=sha256,
        size_bytes=upload.size_bytes,
        file_name=name,
        media_type=found_type,
        declared_type=upload.metadata.get("filetype", "")[:255] or None,
        title=said.title,
        language=said.language,
    )
    async with parts.outbox.transaction(upload.tenant_id) as tx:
        wanted = wanted_of(upload.upload_id, content, said)
        (change,) = await parts.keeper.keep(tx, upload.tenant_id, [wanted])
        document = change.upload
        finished = await writing.finished(tx, document.document_id)
        if change.events:
            action = "uploaded" if change.outcome == "created" else change.outcome
            await parts.audit.note(
                tx, upload.tenant_id, who, f"document.{action}", document.document_id,
                file_name=name, size_bytes=upload.size_bytes, sha256=sha256,
            )  # fmt: skip
    return finished


async def _check_quota(parts: Parts, tx: Any, tenant_id: UUID, size_bytes: int) -> None:
    use = await parts.uploads.use(tx, tenant_id)
    quota = await parts.keeper.quota(tx, tenant_id)
    try:
        quota.check(Quota(use.documents, use.size_bytes), Quota(1, size_bytes))
    except QuotaExceeded as error:
        raise refusals.problem_of(error) from None


async def _found(parts: Parts, tenant_id: UUID, upload_id: UUID) -> ResumableUpload:
    async with parts.database.transaction(tenant_id) as tx:
        upload = await parts.resumables.find(tx, tenant_id, upload_id)
    if upload is None:
        raise not_found()
    return upload


async def _end(parts: Parts, tenant_id: UUID, upload_id: UUID) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        if not await parts.resumables.end(tx, tenant_id, upload_id):
            raise not_found()
    await parts.pieces.clear(tenant_id, upload_id)
    async with parts.database.transaction(tenant_id) as tx:
        await parts.resumables.delete(tx, tenant_id, upload_id)


def _said(metadata: dict[str, str]) -> DocumentForm:
    fields = {name: metadata.get(name, "").strip() for name in FIELDS}
    for name, longest in FIELDS.items():
        if len(fields[name]) > longest:
            raise wrong_field(name, f"At most {longest} characters.")
    return read_fields(fields)


def _file_name(metadata: dict[str, str]) -> str:
    given = next((metadata[name] for name in _NAMES if metadata.get(name)), "")
    return safe_name(given)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
