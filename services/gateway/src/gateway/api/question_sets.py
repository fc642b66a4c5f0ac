"""A tenant's own questions with the documents that answer them, and what was measured with them.

Whoever measures (`chatctl eval --set`) asks the search and hands the figures in; they are kept so
that a change of the documents or of the settings can be compared with how it was before.
"""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With, position
from gateway.problems import Problem, not_found
from gateway.question_store import Judged, QuestionSet
from gateway.repeats import new_id
from gateway.words import Name, Note
from postgres import Transaction

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/question-sets",
    tags=["question sets"],
    route_class=GuardedRoute,
)

SETS_MAX: Final = 50
QUESTIONS_MAX: Final = 1_000
RUNS_MAX: Final = 100
FIGURES_BYTES_MAX: Final = 64 * 1024
_QUESTIONS_A_REQUEST: Final = 200

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_192)
]


def _small_enough(figures: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(figures)) > FIGURES_BYTES_MAX:
        raise ValueError(f"at most {FIGURES_BYTES_MAX // 1024} KiB of JSON")
    return figures


class Relevant(Shape):
    """A document that answers the question."""

    document_id: UUID = Field(description="The document.")
    grade: float = Field(1.0, gt=0, le=100, description="How well; a higher one answers better.")


class RelevantShown(BaseModel):
    """A document that answers the question."""

    document_id: UUID
    grade: float


class NewQuestion(Shape):
    """A question and the documents that answer it."""

    question: QuestionText = Field(description="As a customer would ask it.")
    relevant: Annotated[list[Relevant], Field(min_length=1, max_length=200)] = Field(
        description="The documents that answer it, each once."
    )


NewQuestions = Annotated[list[NewQuestion], Field(max_length=_QUESTIONS_A_REQUEST)]


class NewSet(Shape):
    """A set to be made."""

    name: Name = Field(description="Unique within the tenant.")
    questions: NewQuestions = Field([], description="Its first questions; more can be added.")


class MoreQuestions(Shape):
    """Questions to be added; one that is there already gets these judgements."""

    items: Annotated[NewQuestions, Field(min_length=1)] = Field(description="200 at most at once.")


class NewRun(Shape):
    """What was measured with the set."""

    note: Note = Field("", description="What was changed before this run.")
    figures: Annotated[dict[str, Any], AfterValidator(_small_enough)] = Field(
        description="As the client measured them; 64 KiB of JSON at most."
    )


class SetShown(BaseModel):
    """A set."""

    set_id: UUID
    name: str
    questions: int = Field(description="How many it has.")
    created_at: datetime


class SetsShown(BaseModel):
    """A page of sets, the newest first."""

    items: list[SetShown]
    next_cursor: str | None


class QuestionShown(BaseModel):
    """A question of a set."""

    question_id: UUID
    question: str
    relevant: list[RelevantShown]
    created_at: datetime


class QuestionsShown(BaseModel):
    """A page of questions, the oldest first."""

    items: list[QuestionShown]
    next_cursor: str | None


class RunShown(BaseModel):
    """What was measured once."""

    run_id: UUID
    note: str
    figures: dict[str, Any]
    created_at: datetime


class RunsShown(BaseModel):
    """A page of runs, the newest first."""

    items: list[RunShown]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_question_set(
    tenant_id: UUID, body: NewSet, request: Request, parts: With, who: Caller
) -> SetShown:
    """Make a set; 409 when the name is taken."""
    set_id = new_id(request, who, "question-set")
    async with parts.database.transaction(tenant_id) as tx:
        await parts.questions.alone(tx, tenant_id)
        again = await parts.questions.find(tx, tenant_id, set_id)
        if again is not None:
            return _shown(again)
        if await parts.questions.count(tx, tenant_id) >= SETS_MAX:
            raise Problem(409, "too_many", f"A tenant may have {SETS_MAX} question sets.")
        made = await parts.questions.insert(tx, tenant_id, set_id, body.name)
        if made is None:
            raise Problem(409, "name_taken", "Another set of this tenant has this name.")
        shown = await _added(tx, parts, tenant_id, made, body.questions)
        await parts.audit.note(tx, tenant_id, who, "question_set.created", set_id, name=body.name)
    return _shown(shown)


@router.get("")
async def list_question_sets(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> SetsShown:
    """The tenant's sets, the newest first."""
    name = f"question-sets:{tenant_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        rows = await parts.questions.page(tx, tenant_id, before, limit + 1)
    page = parts.page(name, rows, limit, lambda row: row.set_id)
    return SetsShown(items=[_shown(row) for row in page["items"]], next_cursor=page["next_cursor"])


@router.get("/{set_id}")
async def get_question_set(tenant_id: UUID, set_id: UUID, parts: With) -> SetShown:
    """One set; its questions stand under `/questions`."""
    async with parts.database.transaction(tenant_id) as tx:
        return _shown(await _found(tx, parts, tenant_id, set_id))


@router.delete("/{set_id}", status_code=204)
async def delete_question_set(tenant_id: UUID, set_id: UUID, parts: With, who: Caller) -> Response:
    """Delete a set with its questions and runs."""
    async with parts.database.transaction(tenant_id) as tx:
        await parts.questions.alone(tx, tenant_id)
        if not await parts.questions.delete(tx, tenant_id, set_id):
            raise not_found()
        await parts.audit.note(tx, tenant_id, who, "question_set.deleted", set_id)
    return Response(status_code=204)


@router.post("/{set_id}/questions")
async def add_questions(
    tenant_id: UUID, set_id: UUID, body: MoreQuestions, parts: With, who: Caller
) -> SetShown:
    """Add questions; one that is there already gets the judgements given now."""
    async with parts.database.transaction(tenant_id) as tx:
        await parts.questions.alone(tx, tenant_id)
        found = await _found(tx, parts, tenant_id, set_id)
        shown = await _added(tx, parts, tenant_id, found, body.items)
        changed = len(body.items)
        await parts.audit.note(tx, tenant_id, who, "question_set.added", set_id, questions=changed)
    return _shown(shown)


@router.get("/{set_id}/questions")
async def list_questions(
    tenant_id: UUID,
    set_id: UUID,
    parts: With,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> QuestionsShown:
    """The set's questions, the oldest first."""
    name = f"questions:{set_id}"
    after = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        await _found(tx, parts, tenant_id, set_id)
        rows = await parts.questions.questions(tx, tenant_id, set_id, after, limit + 1)
    page = parts.page(name, rows, limit, lambda row: row.question_id)
    items = [
        QuestionShown(
            question_id=row.question_id,
            question=row.question,
            relevant=[
                RelevantShown(document_id=one.document_id, grade=one.grade) for one in row.relevant
            ],
            created_at=row.created_at,
        )
        for row in page["items"]
    ]
    return QuestionsShown(items=items, next_cursor=page["next_cursor"])


@router.delete("/{set_id}/questions/{question_id}", status_code=204)
async def delete_question(
    tenant_id: UUID, set_id: UUID, question_id: UUID, parts: With
) -> Response:
    """Delete one question."""
    async with parts.database.transaction(tenant_id) as tx:
        if not await parts.questions.delete_question(tx, tenant_id, set_id, question_id):
            raise not_found()
    return Response(status_code=204)


@router.post("/{set_id}/runs", status_code=201)
async def keep_question_run(
    tenant_id: UUID, set_id: UUID, body: NewRun, request: Request, parts: With, who: Caller
) -> RunShown:
    """Keep what was measured; the newest 100 runs of a set stay."""
    run_id = new_id(request, who, "question-run")
    async with parts.database.transaction(tenant_id) as tx:
        await parts.questions.alone(tx, tenant_id)
        await _found(tx, parts, tenant_id, set_id)
        kept = await parts.questions.keep_run(
            tx, tenant_id, set_id, (run_id, body.note, body.figures), RUNS_MAX
        )
    return RunShown(
        run_id=kept.run_id, note=kept.note, figures=kept.figures, created_at=kept.created_at
    )


@router.get("/{set_id}/runs")
async def list_question_runs(
    tenant_id: UUID,
    set_id: UUID,
    parts: With,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> RunsShown:
    """What was measured with the set, the newest first."""
    name = f"question-runs:{set_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        await _found(tx, parts, tenant_id, set_id)
        rows = await parts.questions.runs(tx, tenant_id, set_id, before, limit + 1)
    page = parts.page(name, rows, limit, lambda row: row.run_id)
    items = [
        RunShown(run_id=row.run_id, note=row.note, figures=row.figures, created_at=row.created_at)
        for row in page["items"]
    ]
    return RunsShown(items=items, next_cursor=page["next_cursor"])


async def _found(tx: Transaction, parts: Parts, tenant_id: UUID, set_id: UUID) -> QuestionSet:
    found = await parts.questions.find(tx, tenant_id, set_id)
    if found is None:
        raise not_found()
    return found


async def _added(
    tx: Transaction, parts: Parts, tenant_id: UUID, to: QuestionSet, items: list[NewQuestion]
) -> QuestionSet:
    """The set with more questions; a 409 problem when that would be too many."""
    judged = {
        one.question: [
            Judged(document_id, grade)
            for document_id, grade in {r.document_id: r.grade for r in one.relevant}.items()
        ]
        for one in items
    }
    if judged:
        await parts.questions.save_questions(tx, tenant_id, to.set_id, list(judged.items()))
    found = await _found(tx, parts, tenant_id, to.set_id)
    if found.questions > QUESTIONS_MAX:
        raise Problem(409, "too_many", f"A set may have {QUESTIONS_MAX} questions.")
    return found


def _shown(found: QuestionSet) -> SetShown:
    return SetShown(
        set_id=found.set_id,
        name=found.name,
        questions=found.questions,
        created_at=found.created_at,
    )
