"""Documents: bytes go to blobs, then everybody who makes them searchable is told.

rag-indexer owns their states. gateway keeps the list of what was uploaded and what its tenant says
of it, so that a document can be seen before its owner has heard of it, and is gone the moment it
is deleted.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, model_validator

from bus import AskFailed
from contracts.v1.documents import (
    Document,
    DocumentKind,
    DocumentRemoved,
    DocumentStage,
    ForgetDocument,
    ReindexDocument,
    ReindexTenant,
)
from gateway.api.document_forms import (
    FIELDS,
    RECEIVING,
    fingerprint,
    form_schema,
    read_fields,
    stored,
    wanted_of,
)
from gateway.api.documents_shown import DocumentList, found, listed, shown
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With
from gateway.document_words import Said, Title, changes_of
from gateway.door import Principal
from gateway.problems import Problem, not_found
from gateway.repeats import new_id
from gateway.upload_forms import FormRule
from gateway.uploads import Upload, Wanted, both, with_properties, with_title
from observe import get_logger

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/documents", tags=["documents"], route_class=GuardedRoute
)

_log = get_logger("documents")

_NO_NUL = r"^[^\x00]*$"
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_NUL),
]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_NO_NUL)
]


class DocumentChange(Shape, Said):
    """What is to change; absent fields stay."""

    title: Title | None = Field(
        None, description="Its passages are made again with it; the old ones answer meanwhile."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to change")
        return self


class ReindexBegun(BaseModel):
    """Every document is on its way through the indexer again."""

    documents: int = Field(description="So many; their old versions answer meanwhile.")


@router.post(
    "",
    status_code=201,
    response_model=Document,
    openapi_extra=form_schema("25 MB at most."),
    responses={200: {"model": Document, "description": "It is there already, or was replaced."}},
)
async def upload_document(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Upload a document. The same bytes again give the document that is already there (200)."""
    bytes_max = parts.settings.upload_bytes_max
    rule = FormRule(bytes_max, FIELDS)
    async with (
        RECEIVING.form(request, str(tenant_id), rule) as arrived,
        RECEIVING.opened(arrived, arrived.files[0], bytes_max) as form,
    ):
        said = read_fields(form.fields)
        content = await stored(parts.blobs, form, said)
    document_id = new_id(request, who, f"document\0{content.sha256}")
    wanted = wanted_of(document_id, content, said)
    return await parts.repeats.once(
        request, who, fingerprint(content, said), lambda: _kept(parts, who, tenant_id, wanted)
    )


@router.get("")
async def list_documents(
    tenant_id: UUID,
    parts: With,
    stage: Annotated[DocumentStage | None, Query(description="Only these.")] = None,
    kind: Annotated[DocumentKind | None, Query(description="Only of this kind.")] = None,
    tag: Annotated[Tag | None, Query(description="Only with this tag.")] = None,
    words: Annotated[Words | None, Query(description="In title or file name.")] = None,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> DocumentList:
    """The tenant's documents, the newest first, with their states.

    The first page shows, beside them, up to 20 that are still on their way to the indexer.
    """
    wish = {"stage": stage, "document_kind": kind, "tag": tag, "words": words}
    return await listed(parts, tenant_id, wish, cursor, limit)


@router.post("/reindex", status_code=202)
async def reindex_all(tenant_id: UUID, parts: With, who: Caller) -> ReindexBegun:
    """Read, split and embed every document again, a few at a time."""
    async with parts.outbox.transaction(tenant_id) as tx:
        use = await parts.uploads.use(tx, tenant_id)
        await parts.audit.note(tx, tenant_id, who, "documents.reindexed", tenant_id)
        await parts.outbox.say(tx, ReindexTenant.make(tenant_id=tenant_id, reason="asked"))
    return ReindexBegun(documents=use.documents)


@router.get("/{document_id}")
async def get_document(tenant_id: UUID, document_id: UUID, parts: With) -> Document:
    """One document and its state."""
    return await shown(parts, await found(parts, tenant_id, document_id))


@router.patch("/{document_id}")
async def change_document(
    tenant_id: UUID, document_id: UUID, body: DocumentChange, parts: With, who: Caller
) -> Document:
    """Change its title, tags, metadata, expiry, chunking, or whether searches may see it."""
    changes = changes_of(body)
    async with parts.outbox.transaction(tenant_id) as tx:
        await parts.uploads.lock(tx, tenant_id)
        there = await parts.uploads.find(tx, tenant_id, document_id)
        if there is None:
            raise not_found()
        change = with_properties(there, changes)
        if body.title is not None:
            _refuse_title_of(there)
            change = both(with_title(there, body.title, datetime.now(UTC)), changes)
        if change.outcome != "unchanged":
            await parts.audit.note(
                tx, tenant_id, who, "document.updated", document_id,
                changed=sorted(body.model_fields_set),
            )  # fmt: skip
        await parts.keeper.save(tx, tenant_id, [change], {document_id: there})
    return await shown(parts, change.upload)


@router.delete("/{document_id}", status_code=204)
async def delete_document(tenant_id: UUID, document_id: UUID, parts: With, who: Caller) -> Response:
    """Delete a document: no search that begins after the answer sees it.

    202 instead of 204: it is deleted, but the index could not confirm yet that it has forgotten it.
    """
    return await deleted(parts, who, tenant_id, document_id)


@router.post("/{document_id}/reindex", status_code=202)
async def reindex_document(
    tenant_id: UUID, document_id: UUID, parts: With, who: Caller
) -> Document:
    """Read, split and embed it again; the old version answers meanwhile."""
    upload = await found(parts, tenant_id, document_id)
    async with parts.outbox.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, "document.reindexed", document_id)
        command = ReindexDocument.make(
            tenant_id=tenant_id, correlation_id=document_id, document_id=document_id
        )
        await parts.outbox.say(tx, command)
    return await shown(parts, upload)


async def deleted(parts: Parts, who: Principal, tenant_id: UUID, document_id: UUID) -> Response:
    """Take a document away; 204, or 202 while the index has not confirmed it."""
    async with parts.outbox.transaction(tenant_id) as tx:
        # After whoever changes it just now: nothing of it is saved or said behind its removal.
        await parts.uploads.lock(tx, tenant_id)
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


async def kept(
    parts: Parts, who: Principal, tenant_id: UUID, wanted: Wanted
) -> tuple[int, dict[str, Any]]:
    """Keep a document; 201 when it is new, else 200, and how it is shown."""
    async with parts.outbox.transaction(tenant_id) as tx:
        (change,) = await parts.keeper.keep(tx, tenant_id, [wanted])
        upload = change.upload
        if change.outcome == "created":
            await parts.audit.note(
                tx, tenant_id, who, "document.uploaded", upload.document_id,
                file_name=upload.file_name, size_bytes=upload.size_bytes, sha256=upload.sha256,
            )  # fmt: skip
        elif change.events:
            await parts.audit.note(
                tx, tenant_id, who, f"document.{change.outcome}", upload.document_id,
                file_name=upload.file_name, size_bytes=upload.size_bytes, sha256=upload.sha256,
            )  # fmt: skip
    if change.outcome == "removed":
        raise not_found()
    if change.outcome == "created":
        return 201, upload.queued().model_dump(mode="json")
    return 200, (await shown(parts, upload)).model_dump(mode="json")


async def _kept(parts: Parts, who: Principal, tenant_id: UUID, wanted: Wanted) -> Response:
    status, body = await kept(parts, who, tenant_id, wanted)
    return JSONResponse(body, status_code=status)


def _refuse_title_of(there: Upload) -> None:
    if there.kind in {"qa", "web"}:
        place = "its question" if there.kind == "qa" else "the page"
        raise Problem(409, "wrong_kind", f"This document is called after {place}.")
    if there.is_rolled_back:
        # Its passages would be made again from the newest bytes: those it was rolled back from.
        detail = "An older version answers. Send the bytes that you want, with this title."
        raise Problem(409, "rolled_back", detail)
