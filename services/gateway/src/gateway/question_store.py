"""Rows of question sets, their questions and what was measured with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from postgres import Queries, Transaction

Place = tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A named list of judged questions."""

    set_id: UUID
    name: str
    created_at: datetime
    questions: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A document that answers a question; a higher grade answers it better."""

    document_id: UUID
    grade: float


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the documents that answer it."""

    question_id: UUID
    question: str
    relevant: tuple[Judged, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionRun:
    """The figures of one run, as the client that made it measured them."""

    run_id: UUID
    note: str
    figures: dict[str, Any]
    created_at: datetime


class QuestionStore:
    """A tenant's question sets."""

    def __init__(self) -> None:
        self._queries = Queries("gateway", "queries_questions.sql")

    async def alone(self, tx: Transaction, tenant_id: UUID) -> None:
        """Until the commit nobody else changes this tenant's sets."""
        await tx.execute(self._queries["lock_question_tenant"], tenant_id)

    async def insert(
        self, tx: Transaction, tenant_id: UUID, set_id: UUID, name: str
    ) -> QuestionSet | None:
        """A new set; None when its name (or id) is taken."""
        row = await tx.fetchrow(self._queries["insert_question_set"], tenant_id, set_id, name)
        return QuestionSet(**row) if row else None

    async def count(self, tx: Transaction, tenant_id: UUID) -> int:
        """Sets of the tenant."""
        return int(await tx.fetchval(self._queries["count_question_sets"], tenant_id))

    async def find(self, tx: Transaction, tenant_id: UUID, set_id: UUID) -> QuestionSet | None:
        """One set."""
        row = await tx.fetchrow(self._queries["find_question_set"], tenant_id, set_id)
        return QuestionSet(**row) if row else None

    async def page(
        self, tx: Transaction, tenant_id: UUID, before: Place, limit: int
    ) -> list[QuestionSet]:
        """The newest sets before a position."""
        at, last = _split(before)
        rows = await tx.fetch(self._queries["list_question_sets"], tenant_id, at, last, limit)
        return [QuestionSet(**row) for row in rows]

    async def delete(self, tx: Transaction, tenant_id: UUID, set_id: UUID) -> bool:
        """Whether there was one."""
        return (
            await tx.fetchval(self._queries["delete_question_set"], tenant_id, set_id) is not None
        )

    async def save_questions(
        self,
        tx: Transaction,
        tenant_id: UUID,
        set_id: UUID,
        questions: Sequence[tuple[str, Sequence[Judged]]],
    ) -> None:
        """Add questions, none twice; known ones get the judgements given now."""
        await tx.execute(
            self._queries["save_questions"],
            tenant_id,
            set_id,
            [uuid7() for _ in questions],
            [text for text, _ in questions],
            [orjson.dumps(relevant).decode() for _, relevant in questions],
        )

    async def questions(
        self, tx: Transaction, tenant_id: UUID, set_id: UUID, after: Place, limit: int
    ) -> list[Question]:
        """The oldest questions after a position."""
        at, last = _split(after)
        rows = await tx.fetch(self._queries["list_questions"], tenant_id, set_id, at, last, limit)
        return [_question(row) for row in rows]

    async def delete_question(
        self, tx: Transaction, tenant_id: UUID, set_id: UUID, question_id: UUID
    ) -> bool:
        """Whether there was one."""
        found = await tx.fetchval(self._queries["delete_question"], tenant_id, set_id, question_id)
        return found is not None

    async def keep_run(
        self,
        tx: Transaction,
        tenant_id: UUID,
        set_id: UUID,
        run: tuple[UUID, str, dict[str, Any]],
        runs_max: int,
    ) -> QuestionRun:
        """Keep a run (id, note, figures); of older ones the newest `runs_max` stay."""
        run_id, note, figures = run
        row = await tx.fetchrow(
            self._queries["insert_question_run"],
            tenant_id,
            run_id,
            set_id,
            note,
            orjson.dumps(figures).decode(),
        )
        await tx.execute(self._queries["prune_question_runs"], tenant_id, set_id, runs_max)
        return _run(row)

    async def runs(
        self, tx: Transaction, tenant_id: UUID, set_id: UUID, before: Place, limit: int
    ) -> list[QuestionRun]:
        """The newest runs before a position."""
        at, last = _split(before)
        rows = await tx.fetch(
            self._queries["list_question_runs"], tenant_id, set_id, at, last, limit
        )
        return [_run(row) for row in rows]


def _split(place: Place) -> tuple[datetime | None, UUID | None]:
    return (place[0], UUID(place[1])) if place else (None, None)


def _question(row: Any) -> Question:
    relevant = tuple(
        Judged(UUID(one["document_id"]), float(one["grade"])) for one in _json(row["relevant"])
    )
    return Question(row["question_id"], row["question"], relevant, row["created_at"])


def _run(row: Any) -> QuestionRun:
    return QuestionRun(row["run_id"], row["note"], _json(row["figures"]), row["created_at"])


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value
