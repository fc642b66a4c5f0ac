"""Documents: bytes go to blobs, then everybody who makes them searchable is told.

rag-indexer owns their states. gateway keeps the list of what was uploaded, so that a document can
be seen before its owner has heard of it, and is gone the moment it is deleted.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bus import AskFailed
from contracts.v1.documents import (
    Document,
    DocumentRemoved,
    DocumentStage,
    ForgetDocument,
    GetDocument,
    ListDocuments,
    ReindexDocument,
)
from gateway.api.guarded_route import MULTIPART, GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, With
from gateway.door import Principal
from gateway.file_types import media_type_of
from gateway.problems import not_found
from gateway.repeats import new_id
from gateway.upload_forms import Receiving, UploadForm
from gateway.upload_store import Upload
from observe import get_logger

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/documents", tags=["documents"], route_class=GuardedRoute
)

_ASKED_ABOUT_MAX: Final = 20
_RECEIVING: Final = Receiving(of_sender=8, in_memory=4)
_log = get_logger("documents")

_FORM: Final[dict[str, Any]] = {
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
                            "description": "PDF, DOCX, TXT or MD; 25 MB at most.",
                        },
                        "title": {"type": "string", "maxLength": 500},
                        "language": {"type": "string", "maxLength": 16},
                    },
                }
            }
        },
    }
}


class DocumentsShown(BaseModel):
    """A page of documents, the newest first."""

    items: list[Document]
    next_cursor: str | None


@router.post(
    "",
    status_code=201,
    response_model=Document,
    openapi_extra=_FORM,
    responses={200: {"model": Document, "description": "The tenant has these bytes already."}},
)
async def upload_document(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Upload a document. The same bytes again give the document that is already there (200)."""
    bytes_max = parts.settings.upload_bytes_max
    async with _RECEIVING.document(request, str(tenant_id), bytes_max) as form:
        media_type = await asyncio.to_thread(media_type_of, form.file_name, form.data)
        sha256 = await parts.blobs.put(form.data)
    document_id = new_id(request, who, f"document\0{sha256}")
    upload = _upload(tenant_id, document_id, form, media_type, sha256)
    content = "\0".join((sha256, form.title, form.language or "")).encode()
    return await parts.repeats.once(request, who, content, lambda: _keep(parts, who, upload))


@router.get("")
async def list_documents(
    tenant_id: UUID,
    parts: With,
    stage: Annotated[DocumentStage | None, Query(description="Only these.")] = None,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> DocumentsShown:
    """The tenant's documents, the newest first, with their states."""
    name = f"documents:{tenant_id}"
    answer = await parts.ask(
        ListDocuments.make(
            tenant_id=tenant_id,
            stage=stage,
            cursor=parts.cursors.read(name, cursor),
            limit=limit,
        )
    )
    ids = [document.document_id for document in answer.documents]
    async with parts.database.transaction(tenant_id) as tx:
        gone = await parts.uploads.removed_among(tx, tenant_id, ids)
        await parts.uploads.mark_seen(tx, tenant_id, ids)
        unseen = await parts.uploads.unseen(tx, tenant_id, 200) if cursor is None else []
    queued = await _still_queued(parts, unseen) if stage in {None, "queued"} else []
    known = [document for document in answer.documents if document.document_id not in gone]
    return DocumentsShown(
        items=(queued + known)[: max(limit, len(known))],
        next_cursor=parts.cursors.sign(name, answer.next_cursor),
    )


@router.get("/{document_id}")
async def get_document(tenant_id: UUID, document_id: UUID, parts: With) -> Document:
    """One document and its state."""
    return await _shown(parts, await _find(parts, tenant_id, document_id))


@router.delete("/{document_id}", status_code=204)
async def delete_document(tenant_id: UUID, document_id: UUID, parts: With, who: Caller) -> Response:
    """Delete a document: no search that begins after the answer sees it.

    202 instead of 204: it is deleted, but the index could not confirm yet that it has forgotten it.
    """
    async with parts.outbox.transaction(tenant_id) as tx:
        if not await parts.uploads.remove(tx, tenant_id, document_id):
            raise not_found()
        await parts.audit.note(tx, tenant_id, who, "document.removed", document_id)
        removed = DocumentRemoved.make(
            tenant_id=tenant_id, correlation_id=document_id, document_id=document_id
        )
        await parts.outbox.say(tx, removed)
    try:
        await parts.ask(ForgetDocument.after(removed, document_id=document_id))
    except AskFailed as error:
        _log.warning("the index has not confirmed yet", code=error.code)
        return Response(status_code=204 if error.code == "not_found" else 202)
    return Response(status_code=204)


@router.post("/{document_id}/reindex", status_code=202)
async def reindex_document(
    tenant_id: UUID, document_id: UUID, parts: With, who: Caller
) -> Document:
    """Read, split and embed it again; the old version answers meanwhile."""
    upload = await _find(parts, tenant_id, document_id)
    async with parts.outbox.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, "document.reindexed", document_id)
        command = ReindexDocument.make(
            tenant_id=tenant_id, correlation_id=document_id, document_id=document_id
        )
        await parts.outbox.say(tx, command)
    return await _shown(parts, upload)


async def _keep(parts: Parts, who: Principal, upload: Upload) -> Response:
    async with parts.outbox.transaction(upload.tenant_id) as tx:
        made = await parts.uploads.insert(tx, upload)
        if made is None:
            earlier = await parts.uploads.find_by_content(tx, upload.tenant_id, upload.sha256)
        else:
            await parts.audit.note(
                tx, upload.tenant_id, who, "document.uploaded", upload.document_id,
                file_name=upload.file_name, size_bytes=upload.size_bytes, sha256=upload.sha256,
            )  # fmt: skip
            await parts.outbox.say(tx, made.uploaded())
    if made is not None:
        return JSONResponse(made.queued().model_dump(mode="json"), status_code=201)
    if earlier is None:
        raise not_found()
    return JSONResponse((await _shown(parts, earlier)).model_dump(mode="json"))


async def _find(parts: Parts, tenant_id: UUID, document_id: UUID) -> Upload:
    async with parts.database.transaction(tenant_id) as tx:
        upload = await parts.uploads.find(tx, tenant_id, document_id)
    if upload is None:
        raise not_found()
    return upload


async def _shown(parts: Parts, upload: Upload) -> Document:
    """The state its owner knows; queued while the owner has not heard of it."""
    return await _owned(parts, upload) or upload.queued()


async def _owned(parts: Parts, upload: Upload) -> Document | None:
    """The document as its owner knows it; None while it has not heard of it."""
    request = GetDocument.make(tenant_id=upload.tenant_id, document_id=upload.document_id)
    try:
        return (await parts.ask(request)).document
    except AskFailed as error:
        if error.code == "not_found" or not upload.indexed_by_owner:
            return None
        raise


async def _still_queued(parts: Parts, unseen: list[Upload]) -> list[Document]:
    """Of uploads that the owner's page did not show, those it does not know at all."""
    asked, rest = unseen[:_ASKED_ABOUT_MAX], unseen[_ASKED_ABOUT_MAX:]
    found = await asyncio.gather(*(_owned(parts, upload) for upload in asked))
    known = [document.document_id for document in found if document is not None]
    if known:
        async with parts.database.transaction(unseen[0].tenant_id) as tx:
            await parts.uploads.mark_seen(tx, unseen[0].tenant_id, known)
    unknown = [upload for upload, document in zip(asked, found, strict=True) if document is None]
    return [upload.queued() for upload in (*unknown, *rest)]


def _upload(
    tenant_id: UUID, document_id: UUID, form: UploadForm, media_type: str, sha256: str
) -> Upload:
    return Upload(
        tenant_id=tenant_id,
        document_id=document_id,
        title=form.title,
        file_name=form.file_name,
        declared_type=form.declared_type,
        media_type=media_type,
        size_bytes=len(form.data),
        sha256=sha256,
        language=form.language,
        created_at=datetime.now(UTC),
    )
