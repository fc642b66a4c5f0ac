"""Curated answers: words of a person, said as they stand when a customer asks for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.curated import (
    CuratedAnswer,
    KeepCuratedAnswer,
    ListCuratedAnswers,
    RemoveCuratedAnswer,
)
from gateway.api.conversations import Sought
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, Parts, Shape, With
from gateway.door import Principal
from gateway.repeats import new_id

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/curated-answers",
    tags=["curated answers"],
    route_class=GuardedRoute,
)

Asked = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
CuratedText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_192)
]
WebAddress = Annotated[
    str, StringConstraints(max_length=2_048, pattern=r"^https?://[^\s/?#@\\]+(?:[/?#]\S*)?$")
]
CuratedLimit = Annotated[int, Query(ge=1, le=20, description="Size of the page.")]


class CuratedAnswersShown(BaseModel):
    """A page of curated answers, the newest first."""

    items: list[CuratedAnswer]
    next_cursor: str | None


class CuratedAnswerWish(Shape):
    """A curated answer."""

    questions: list[Asked] = Field(
        min_length=1, max_length=50, description="Ways in which customers ask."
    )
    text: CuratedText = Field(description="Markdown, said as it stands.")
    source_url: WebAddress | None = Field(None, description="Where it can be read.")
    enabled: bool = Field(True, description="Whether it is used.")
    resolves_cluster_id: UUID | None = Field(
        None, description="The gathered questions that it answers (see `unanswered`)."
    )


@router.get("")
async def list_curated_answers(
    tenant_id: UUID,
    parts: With,
    query: Annotated[Sought | None, Query(description="Only those with these words.")] = None,
    cursor: PageCursor = None,
    limit: CuratedLimit = 20,
) -> CuratedAnswersShown:
    """The tenant's curated answers, the newest first."""
    name = f"curated-answers:{tenant_id}:{query or ''}"
    request = ListCuratedAnswers.make(
        tenant_id=tenant_id, query=query, cursor=parts.cursors.read(name, cursor), limit=limit
    )
    answer = await parts.ask(request)
    return CuratedAnswersShown(
        items=answer.answers, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.post("", status_code=201)
async def create_curated_answer(
    tenant_id: UUID, body: CuratedAnswerWish, request: Request, parts: With, who: Caller
) -> CuratedAnswer:
    """Make a curated answer; 409 `question_taken` where another one answers a question."""
    return await _keep(parts, who, tenant_id, new_id(request, who, "curated-answer"), body)


@router.put("/{curated_answer_id}")
async def put_curated_answer(
    tenant_id: UUID, curated_answer_id: UUID, body: CuratedAnswerWish, parts: With, who: Caller
) -> CuratedAnswer:
    """Change a curated answer, or make one under an id of your own; it counts at once."""
    return await _keep(parts, who, tenant_id, curated_answer_id, body)


@router.delete("/{curated_answer_id}", status_code=204)
async def delete_curated_answer(
    tenant_id: UUID, curated_answer_id: UUID, parts: With, who: Caller
) -> Response:
    """Delete a curated answer."""
    wish = RemoveCuratedAnswer.make(tenant_id=tenant_id, curated_answer_id=curated_answer_id)
    await parts.ask(wish)
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, "curated_answer.deleted", curated_answer_id)
    return Response(status_code=204)


async def _keep(
    parts: Parts, who: Principal, tenant_id: UUID, identity: UUID, body: CuratedAnswerWish
) -> CuratedAnswer:
    wish = KeepCuratedAnswer.make(
        tenant_id=tenant_id, curated_answer_id=identity, **body.model_dump()
    )
    kept = (await parts.ask(wish)).curated
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx, tenant_id, who, "curated_answer.kept", identity, question=kept.questions[0][:200]
        )
    return kept
