"""The bytes of a document: downloaded, replaced, and what was made of them."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from blobs import BlobMissing
from bus import AskFailed
from contracts.v1.documents import (
    Document,
    DocumentVersion,
    IndexedPassage,
    ListPassages,
    ListVersions,
    RollbackDocument,
)
from gateway.api.document_forms import FIELDS, RECEIVING, form_schema, read_fields, stored
from gateway.api.documents_shown import found, shown
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, Parts, Shape, With
from gateway.document_words import changes_of
from gateway.problems import Problem, not_found
from gateway.upload_forms import FormRule
from gateway.uploads import Upload, Wanted

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/documents/{document_id}",
    tags=["documents"],
    route_class=GuardedRoute,
)

_PUT_FIELDS = {name: longest for name, longest in FIELDS.items() if name != "external_id"}
_PLACES = {
    "text": "Send the text again to /documents/texts, under its external_id.",
    "qa": "Change the pair at /qa-pairs.",
    "web": "The page is fetched again by its web source.",
}

_VERSION_MAX = 2**31 - 1
VersionNumber = Annotated[
    int | None, Query(ge=1, le=_VERSION_MAX, description="Of an earlier version.")
]


class VersionsShown(BaseModel):
    """A document's versions, the newest first."""

    items: list[DocumentVersion]
    next_cursor: str | None = None


class PassagesShown(BaseModel):
    """What of a document can be found, in order."""

    document_version: int = Field(description="The version that answers; 0 while none does.")
    items: list[IndexedPassage]
    next_cursor: str | None


class Rollback(Shape):
    """Which version should answer again."""

    document_version: Annotated[int, Field(ge=1, le=_VERSION_MAX)] | None = Field(
        None, description="The one before the present one if absent."
    )


class RolledBack(BaseModel):
    """The version that answers from now on."""

    document_version: int
    passages: int


@router.get(
    "/content",
    response_class=Response,
    responses={200: {"description": "The bytes, to be saved.", "content": {"*/*": {}}}},
)
async def download_document(
    tenant_id: UUID, document_id: UUID, parts: With, document_version: VersionNumber = None
) -> Response:
    """The bytes as they were uploaded last, or those an earlier version was made from."""
    upload = await found(parts, tenant_id, document_id)
    sha256, file_name = upload.sha256, upload.file_name
    if document_version is not None:
        version = await _version(parts, upload, document_version)
        sha256, file_name = version.sha256, version.file_name
    try:
        size = await parts.blobs.size(sha256)
    except BlobMissing:
        raise not_found() from None
    headers = {**saved_as(file_name), "Content-Length": str(size), "ETag": f'"{sha256}"'}
    return StreamingResponse(parts.blobs.pieces(sha256), headers=headers)


@router.put("/content", openapi_extra=form_schema("25 MB at most."))
async def replace_document(
    tenant_id: UUID, document_id: UUID, request: Request, parts: With, who: Caller
) -> Document:
    """Replace the bytes; the old version answers until the new one is whole, then never again.

    The same bytes: nothing happens.
    """
    there = await found(parts, tenant_id, document_id)
    if there.kind != "file":
        raise Problem(409, "wrong_kind", f"This document is no file. {_PLACES[there.kind]}")
    bytes_max = parts.settings.upload_bytes_max
    async with (
        RECEIVING.form(request, str(tenant_id), FormRule(bytes_max, _PUT_FIELDS)) as arrived,
        RECEIVING.opened(arrived, arrived.files[0], bytes_max) as form,
    ):
        said = read_fields(form.fields)
        content = await stored(parts.blobs, form, said)
    wanted = Wanted(document_id=document_id, content=content, changes=changes_of(said))
    async with parts.outbox.transaction(tenant_id) as tx:
        (change,) = await parts.keeper.keep(tx, tenant_id, [wanted])
        if change.events:
            await parts.audit.note(
                tx, tenant_id, who, f"document.{change.outcome}", document_id,
                file_name=content.file_name, size_bytes=content.size_bytes, sha256=content.sha256,
            )  # fmt: skip
    if change.outcome == "removed":
        raise not_found()
    return await shown(parts, change.upload)


@router.get("/versions")
async def list_versions(tenant_id: UUID, document_id: UUID, parts: With) -> VersionsShown:
    """Its versions, the newest first; one that is `kept` can be brought back."""
    return VersionsShown(items=await _versions(parts, await found(parts, tenant_id, document_id)))


@router.post("/rollback")
async def roll_back(
    tenant_id: UUID, document_id: UUID, body: Rollback, parts: With, who: Caller
) -> RolledBack:
    """Bring a kept version back: the next question is answered from it."""
    await found(parts, tenant_id, document_id)
    request = RollbackDocument.make(
        tenant_id=tenant_id, document_id=document_id, document_version=body.document_version
    )
    answer = await parts.ask(request)
    async with parts.database.transaction(tenant_id) as tx:
        await parts.uploads.mark_rolled_back(tx, tenant_id, document_id)
        await parts.audit.note(
            tx, tenant_id, who, "document.rolled_back", document_id,
            document_version=answer.document_version,
        )  # fmt: skip
    return RolledBack(document_version=answer.document_version, passages=answer.passages)


@router.get("/passages")
async def list_passages(
    tenant_id: UUID,
    document_id: UUID,
    parts: With,
    cursor: PageCursor = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Size of the page.")] = 50,
) -> PassagesShown:
    """What of it can be found, in order: the words as they were split."""
    await found(parts, tenant_id, document_id)
    name = f"passages:{document_id}"
    begin = int(parts.cursors.read(name, cursor) or 0)
    request = ListPassages.make(
        tenant_id=tenant_id, document_id=document_id, from_ordinal=begin, limit=limit
    )
    try:
        answer = await parts.ask(request)
    except AskFailed as error:
        if error.code != "not_found":
            raise
        return PassagesShown(document_version=0, items=[], next_cursor=None)
    after = None if answer.next_ordinal is None else str(answer.next_ordinal)
    return PassagesShown(
        document_version=answer.document_version,
        items=answer.passages,
        next_cursor=parts.cursors.sign(name, after),
    )


def saved_as(file_name: str) -> dict[str, str]:
    """Headers of a file that is saved and never shown: nobody's type, a name that is only text."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_"
                    for c in file_name)  # fmt: skip
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{plain}"; '
        f"filename*=UTF-8''{quote(file_name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


async def _versions(parts: Parts, upload: Upload) -> list[DocumentVersion]:
    request = ListVersions.make(tenant_id=upload.tenant_id, document_id=upload.document_id)
    try:
        return (await parts.ask(request)).versions
    except AskFailed as error:
        if error.code != "not_found":
            raise
        return []  # its owner has not heard of it yet


async def _version(parts: Parts, upload: Upload, number: int) -> DocumentVersion:
    for version in await _versions(parts, upload):
        if version.document_version == number:
            return version
    raise not_found()
