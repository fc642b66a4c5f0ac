"""Questions that a tenant answers itself: each is a document, found like any other."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from gateway.api.documents import Tag, Words, deleted
from gateway.api.guarded_route import MULTIPART, GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, With, position
from gateway.api.qa_keeping import PairDraft, keep_pairs
from gateway.api.qa_shapes import (
    Imported,
    NewPair,
    PairChange,
    PairShown,
    PairsShown,
    RowProblem,
    pair_shown,
)
from gateway.document_words import changes_of
from gateway.problems import Problem, not_found
from gateway.qa_pairs import NotATable, TableRow, question_key, read_table
from gateway.repeats import new_id
from gateway.upload_forms import Receiving

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/qa-pairs", tags=["qa pairs"], route_class=GuardedRoute
)

_RECEIVING = Receiving(of_sender=2, in_memory=2)
_TABLE_BYTES_MAX = 5 * 1024 * 1024
_PROBLEMS_SHOWN = 100
_FORM: dict[str, Any] = {
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
                            "description": "CSV in UTF-8, 5 MB and 2,000 rows at most; columns "
                            "question, answer, and alternatives, language, tags.",
                        }
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=201,
    response_model=PairShown,
    responses={200: {"model": PairShown, "description": "The pair is there already."}},
)
async def create_pair(
    tenant_id: UUID, body: NewPair, request: Request, parts: With, who: Caller
) -> Response:
    """Keep a question and its answer; 409 when another pair answers the question."""
    draft = _draft(body, new_id(request, who, f"qa\0{question_key(body.question)}"))
    (kept,) = await keep_pairs(parts, who, tenant_id, [draft], replaces=False)
    shown = pair_shown(kept.pair, kept.change.upload)
    status = 201 if kept.change.outcome == "created" else 200
    return JSONResponse(shown.model_dump(mode="json"), status_code=status)


@router.get("")
async def list_pairs(
    tenant_id: UUID,
    parts: With,
    tag: Annotated[Tag | None, Query(description="Only with this tag.")] = None,
    words: Annotated[Words | None, Query(description="In question or answer.")] = None,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> PairsShown:
    """The tenant's pairs, the newest first."""
    name = f"qa-pairs:{tenant_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        rows = await parts.pairs.page(tx, tenant_id, before, limit + 1, tag, words)
        uploads = await parts.uploads.find_many(tx, tenant_id, [row.document_id for row in rows])
    page = parts.page(name, rows, limit, lambda pair: pair.document_id)
    items = [pair_shown(pair, uploads[pair.document_id]) for pair in page["items"]]
    return PairsShown(items=items, next_cursor=page["next_cursor"])


@router.post("/import", openapi_extra=_FORM)
async def import_pairs(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Take a table of questions and answers: new ones are added, known questions replaced.

    All rows that are right are kept at once; those that are not are named by their line.
    """
    async with _RECEIVING.file(request, str(tenant_id), _TABLE_BYTES_MAX, set()) as form:
        data = form.data

    async def answer() -> Response:
        imported = await _imported(parts, request, who, tenant_id, data)
        return JSONResponse(imported.model_dump())

    return await parts.repeats.once(request, who, data, answer)


@router.get("/{document_id}")
async def get_pair(tenant_id: UUID, document_id: UUID, parts: With) -> PairShown:
    """One pair."""
    async with parts.database.transaction(tenant_id) as tx:
        pair = await parts.pairs.find(tx, tenant_id, document_id)
        upload = await parts.uploads.find(tx, tenant_id, document_id)
    if pair is None or upload is None:
        raise not_found()
    return pair_shown(pair, upload)


@router.patch("/{document_id}")
async def change_pair(
    tenant_id: UUID, document_id: UUID, body: PairChange, parts: With, who: Caller
) -> PairShown:
    """Change words, tags or whether searches may see it; the old words answer meanwhile."""
    draft = _draft(body, document_id, is_change=True)
    (kept,) = await keep_pairs(parts, who, tenant_id, [draft], replaces=False)
    return pair_shown(kept.pair, kept.change.upload)


@router.delete("/{document_id}", status_code=204)
async def delete_pair(tenant_id: UUID, document_id: UUID, parts: With, who: Caller) -> Response:
    """Delete a pair: no search that begins after the answer sees it (202: not confirmed yet)."""
    async with parts.database.transaction(tenant_id) as tx:
        pair = await parts.pairs.find(tx, tenant_id, document_id)
    if pair is None:
        raise not_found()
    return await deleted(parts, who, tenant_id, document_id)


async def _imported(
    parts: Parts, request: Request, who: Caller, tenant_id: UUID, data: bytes
) -> Imported:
    drafts: list[PairDraft] = []
    problems: list[RowProblem] = []
    lines: dict[str, int] = {}
    try:
        for row in read_table(data):
            pair = _pair_of(row, problems)
            if pair is None:
                continue
            first = lines.setdefault(question_key(pair.question), row.line)
            if first != row.line:
                detail = f"line {first} has the same question"
                problems.append(RowProblem(line=row.line, detail=detail))
                continue
            drafts.append(_draft(pair, new_id(request, who, f"qa\0{question_key(pair.question)}")))
    except NotATable as error:
        raise Problem(422, "invalid_table", str(error)) from None
    kept = await keep_pairs(parts, who, tenant_id, drafts, replaces=True) if drafts else []
    outcomes = [each.change.outcome for each in kept]
    return Imported(
        created=outcomes.count("created"),
        replaced=outcomes.count("replaced"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
        failed=len(problems),
        problems=problems[:_PROBLEMS_SHOWN],
    )


def _pair_of(row: TableRow, problems: list[RowProblem]) -> NewPair | None:
    try:
        return NewPair.model_validate(row.cells)
    except ValidationError as error:
        wrong = error.errors()[0]
        detail = f"{'.'.join(str(part) for part in wrong['loc'])}: {wrong['msg']}"
        problems.append(RowProblem(line=row.line, detail=detail[:500]))
        return None


def _draft(body: NewPair | PairChange, document_id: UUID, *, is_change: bool = False) -> PairDraft:
    return PairDraft(
        document_id=document_id,
        question=body.question,
        answer=body.answer,
        alternatives=None if body.alternatives is None else tuple(body.alternatives),
        language=body.language,
        changes=changes_of(body),
        is_change=is_change,
    )
