"""How documents are shown: what their owner knows of them, with what their tenant said last."""

import asyncio
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from bus import AskFailed
from contracts.v1.documents import Document, GetDocument, ListDocuments
from gateway.api.parts import Parts
from gateway.problems import not_found
from gateway.upload_store import UnseenFilter
from gateway.uploads import Upload

_UNSEEN_MAX: Final = 20


class DocumentList(BaseModel):
    """A page of documents, the newest first."""

    items: list[Document]
    next_cursor: str | None


async def found(parts: Parts, tenant_id: UUID, document_id: UUID) -> Upload:
    """The document; a 404 problem when there is none."""
    async with parts.database.transaction(tenant_id) as tx:
        upload = await parts.uploads.find(tx, tenant_id, document_id)
    if upload is None:
        raise not_found()
    return upload


async def shown(parts: Parts, upload: Upload) -> Document:
    """The state its owner knows; queued while the owner has not heard of it."""
    document = await _owned(parts, upload)
    return upload.queued() if document is None else upload.shown(document)


async def listed(
    parts: Parts, tenant_id: UUID, wish: dict[str, Any], cursor: str | None, limit: int
) -> DocumentList:
    """A page of the owner's list, and before it the newest that the owner has not heard of."""
    name = f"documents:{tenant_id}"
    answer = await parts.ask(
        ListDocuments.make(
            tenant_id=tenant_id, cursor=parts.cursors.read(name, cursor), limit=limit, **wish
        )
    )
    ids = [document.document_id for document in answer.documents]
    which = UnseenFilter(wish["document_kind"], wish["tag"], wish["words"])
    is_first = cursor is None and wish["stage"] in {None, "queued"}
    async with parts.database.transaction(tenant_id) as tx:
        uploads = await parts.uploads.find_many(tx, tenant_id, ids)
        await parts.uploads.mark_seen(tx, tenant_id, ids)
        unseen = await parts.uploads.unseen(tx, tenant_id, _UNSEEN_MAX, which) if is_first else []
    known = [
        uploads[document.document_id].shown(document)
        if document.document_id in uploads
        else document
        for document in answer.documents
        if not (document.document_id in uploads and uploads[document.document_id].is_removed)
    ]
    queued = await _still_queued(parts, unseen)
    return DocumentList(
        # Beside the owner's page: it goes on after its last document, so none may be cut off.
        items=queued + known,
        next_cursor=parts.cursors.sign(name, answer.next_cursor),
    )


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
    owned = await asyncio.gather(*(_owned(parts, upload) for upload in unseen))
    known = [document.document_id for document in owned if document is not None]
    if known:
        async with parts.database.transaction(unseen[0].tenant_id) as tx:
            await parts.uploads.mark_seen(tx, unseen[0].tenant_id, known)
    return [
        upload.queued() for upload, document in zip(unseen, owned, strict=True) if document is None
    ]
