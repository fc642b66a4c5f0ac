"""Answers to those who write curated answers."""

import base64
import binascii
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.curated import (
    CuratedAnswer,
    CuratedAnswerRemoved,
    CuratedAnswerSaved,
    CuratedAnswersListed,
    KeepCuratedAnswer,
    ListCuratedAnswers,
    RemoveCuratedAnswer,
)
from orchestrator.curated import packed
from orchestrator.likeness import Vector, folded_question
from orchestrator.meaning import Meaning
from orchestrator.reading import within_bytes_of
from orchestrator.storable import storable_text
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import Queries, Transaction

ANSWERS_MAX: Final = 500


class CuratedRequests:
    """Handlers of the requests about curated answers; each change counts at once everywhere."""

    def __init__(self, outbox: Outbox, queries: Queries, rules: RuleBook, meaning: Meaning) -> None:
        self._outbox = outbox
        self._queries = queries
        self._rules = rules
        self._meaning = meaning

    def listen(self, bus: Bus) -> None:
        """Register what is answered here."""
        bus.answer(KeepCuratedAnswer, self.keep)
        bus.answer(ListCuratedAnswers, self.listed)
        bus.answer(RemoveCuratedAnswer, self.remove)

    async def keep(self, request: KeepCuratedAnswer) -> CuratedAnswerSaved:
        """Make or change an answer; its questions are compared in meaning, too."""
        questions = {
            folded_question(text): storable_text(text).strip() for text in request.questions
        }
        questions.pop("", None)
        text = storable_text(request.text).strip()
        if not questions or not text:
            raise Refused("invalid_text", "A curated answer has a question and words.")
        tenant_id, identity = request.tenant_id, request.curated_answer_id
        vectors = await self._meaning.of_all(
            tenant_id, request.message_id, list(questions.values())
        )
        async with self._outbox.transaction(tenant_id) as tx:
            await self._check(tx, request, list(questions))
            await tx.execute(
                self._queries["keep_curated_answer"],
                tenant_id,
                identity,
                text,
                request.source_url,
                request.enabled,
            )
            await self._keep_questions(tx, tenant_id, identity, questions, vectors)
            if request.resolves_cluster_id is not None:
                await self._resolve(tx, tenant_id, request.resolves_cluster_id, identity)
            await self._rules.changed_here(tx, tenant_id)
            row = await tx.fetchrow(self._queries["find_curated_answer"], tenant_id, identity)
        if row is None:
            raise LookupError(f"curated answer {identity} is gone")
        return CuratedAnswerSaved(curated=_shown(row))

    async def listed(self, request: ListCuratedAnswers) -> CuratedAnswersListed:
        """A page of curated answers, the newest first."""
        after: tuple[datetime | None, UUID | None] = (None, None)
        if request.cursor is not None:
            after = read_place(request.cursor)
        async with self._outbox.transaction(request.tenant_id) as tx:
            rows = await tx.fetch(
                self._queries["list_curated_answers"],
                request.tenant_id,
                request.query,
                *after,
                request.limit + 1,
            )
        found = [_shown(row) for row in rows]
        page = within_bytes_of(found[: request.limit])
        following = None
        if len(page) < len(found):
            following = write_place(page[-1].updated_at, page[-1].curated_answer_id)
        return CuratedAnswersListed(answers=page, next_cursor=following)

    async def remove(self, request: RemoveCuratedAnswer) -> CuratedAnswerRemoved:
        """Delete an answer."""
        identity = request.curated_answer_id
        async with self._outbox.transaction(request.tenant_id) as tx:
            gone = await tx.fetchval(
                self._queries["remove_curated_answer"], request.tenant_id, identity
            )
            if gone is None:
                raise Refused("not_found", "There is no such curated answer.")
            await self._rules.changed_here(tx, request.tenant_id)
        return CuratedAnswerRemoved(curated_answer_id=identity)

    async def _check(self, tx: Transaction, request: KeepCuratedAnswer, folded: list[str]) -> None:
        row = await tx.fetchrow(
            self._queries["curated_neighbours"],
            request.tenant_id,
            request.curated_answer_id,
            folded,
        )
        if row is None:
            return
        if row["taken"] is not None:
            raise Refused("question_taken", f"Another answer has the question: {row['taken']}")
        if row["others"] >= ANSWERS_MAX:
            raise Refused("too_many", f"A tenant has at most {ANSWERS_MAX} curated answers.")

    async def _keep_questions(
        self,
        tx: Transaction,
        tenant_id: UUID,
        identity: UUID,
        questions: dict[str, str],
        vectors: tuple[str, list[Vector]] | None,
    ) -> None:
        await tx.execute(self._queries["forget_curated_questions"], tenant_id, identity)
        rows = [
            (
                tenant_id,
                identity,
                place,
                question,
                folded,
                None if vectors is None else vectors[0],
                None if vectors is None else packed(vectors[1][place]),
            )
            for place, (folded, question) in enumerate(questions.items())
        ]
        await tx.executemany(self._queries["keep_curated_question"], rows)

    async def _resolve(
        self, tx: Transaction, tenant_id: UUID, cluster_id: UUID, identity: UUID
    ) -> None:
        known = await tx.fetchval(
            self._queries["update_unanswered"], tenant_id, cluster_id, "answered", identity
        )
        if known is None:
            raise Refused("not_found", "There is no such cluster of questions.")


def write_place(moment: datetime, identity: UUID) -> str:
    """Return a place in a list as text that means nothing to its bearer."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{identity}".encode()).decode()


def read_place(cursor: str) -> tuple[datetime, UUID]:
    """Read a place; refuses what we did not write."""
    try:
        moment, _, identity = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        when = datetime.fromisoformat(moment)
        if when.tzinfo is None:
            raise ValueError("no zone")
        return when, UUID(identity)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_cursor", "The cursor is not one of ours.") from error


def _shown(row: Any) -> CuratedAnswer:
    return CuratedAnswer(
        curated_answer_id=row["curated_answer_id"],
        questions=row["questions"] or ["?"],
        text=row["text"],
        source_url=row["source_url"],
        enabled=row["enabled"],
        used=row["used"],
        updated_at=row["updated_at"],
    )
