"""Answers that people wrote: which of them answers what the customer asks, if any."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import observe
from contracts.v1.shapes import Citation
from orchestrator.domain import Leased
from orchestrator.likeness import CURATED, Asked, Vector, asked, cosine, folded_question, same
from orchestrator.meaning import Meaning
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import DatabaseAway, Queries

QUESTIONS_MAX: Final = 1_000
"""Compared in meaning; what a tenant has beyond is found by its words only."""
_WORDS_MAX: Final = 40
"""What is longer asks for more than a prepared answer says."""
_QUOTE_CHARACTERS_MAX: Final = 1_000

_log = observe.get_logger("orchestrator.curated")


@dataclass(frozen=True, slots=True)
class CuratedQuestion:
    """One way to ask for an answer."""

    curated_answer_id: UUID
    asked: Asked
    model: str | None
    vector: Vector | None
    text: str
    source_url: str | None


@dataclass(frozen=True, slots=True)
class CuratedHit:
    """The answer that a person wrote for this question."""

    question: CuratedQuestion
    similarity: float
    by: str
    """`words` or the model of the vectors."""

    @property
    def citations(self) -> list[Citation]:
        """Its source, where it has one."""
        found = self.question
        if found.source_url is None:
            return []
        return [
            Citation(
                number=1,
                document_id=found.curated_answer_id,
                document_version=1,
                passage_id=found.curated_answer_id,
                title=found.asked.text[:512],
                page=None,
                heading=None,
                quote=found.text[:_QUOTE_CHARACTERS_MAX],
                score=round(min(1.0, self.similarity), 4),
                source_url=found.source_url,
            )
        ]

    def evidence(self) -> dict[str, Any]:
        """Return what is stored with the turn."""
        return {
            "curated_answer_id": str(self.question.curated_answer_id),
            "question": self.question.asked.text,
            "similarity": round(self.similarity, 4),
            "by": self.by,
        }


class CuratedAnswers(Protocol):
    """Whoever knows a tenant's curated answers."""

    async def find(self, leased: Leased, question: str) -> CuratedHit | None:
        """Return the answer to a question; None where a model has to answer."""
        ...


class NoCuratedAnswers:
    """Where there are none."""

    async def find(self, leased: Leased, question: str) -> CuratedHit | None:
        """There is none."""
        del leased, question
        return None


class CuratedBook:
    """A tenant's curated answers in memory, read again when they changed."""

    def __init__(
        self,
        outbox: Outbox,
        queries: Queries,
        rules: RuleBook,
        meaning: Meaning,
        size_max: int = 200,
    ) -> None:
        self._outbox = outbox
        self._queries = queries
        self._rules = rules
        self._meaning = meaning
        self._size_max = size_max
        self._known: dict[UUID, tuple[int, list[CuratedQuestion]]] = {}

    async def find(self, leased: Leased, question: str) -> CuratedHit | None:
        """By words first; by meaning only where the tenant has answers with vectors."""
        if len(question.split()) > _WORDS_MAX or not question.strip():
            return None
        try:
            known = await self._questions(leased)
        except DatabaseAway as error:
            _log.info("answered without curated answers", reason=str(error))
            return None
        if not known:
            return None
        hit = by_words(question, known)
        if hit is not None:
            return hit
        compared = [one for one in known if one.vector is not None][:QUESTIONS_MAX]
        if not compared:
            return None
        ids = (leased.tenant_id, leased.turn_id)
        answer = await self._meaning.vectors(*ids, [question], None)
        return None if answer is None else by_meaning(question, answer[0], answer[1][0], compared)

    async def _questions(self, leased: Leased) -> list[CuratedQuestion]:
        kept = self._known.get(leased.tenant_id)
        if kept is not None and kept[0] >= leased.own_revision:
            return kept[1]
        async with self._outbox.transaction(leased.tenant_id) as tx:
            revision = await self._rules.own_revision(tx, leased.tenant_id)
            rows = await tx.fetch(
                self._queries["curated_in_use"], leased.tenant_id, 50 * QUESTIONS_MAX
            )
        questions = [_question(row) for row in rows]
        if len(self._known) >= self._size_max:
            self._known.clear()
        self._known[leased.tenant_id] = (revision, questions)
        return questions


def by_words(question: str, known: Sequence[CuratedQuestion]) -> CuratedHit | None:
    """Return the answer to a question with the very same words."""
    folded = folded_question(question)
    if not folded:
        return None
    found = next((one for one in known if one.asked.folded == folded), None)
    return None if found is None else CuratedHit(found, 1.0, "words")


def by_meaning(
    question: str, model: str, vector: Vector, known: Sequence[CuratedQuestion]
) -> CuratedHit | None:
    """Return the answer to the most similar question, if it asks for the same."""
    comparable = [one for one in known if one.model == model and one.vector is not None]
    if not comparable:
        return None
    scored = [(cosine(vector, one.vector or ()), -at) for at, one in enumerate(comparable)]
    similarity, place = max(scored)
    nearest = comparable[-place]
    if not same(asked(question), nearest.asked, similarity, model, CURATED):
        return None
    return CuratedHit(nearest, similarity, model)


def _question(row: Any) -> CuratedQuestion:
    return CuratedQuestion(
        row["curated_answer_id"],
        asked(row["question"]),
        row["model"],
        None if row["vector"] is None else unpacked(row["vector"]),
        row["text"],
        row["source_url"],
    )


def packed(vector: Vector) -> bytes:
    """Return a vector as it is stored."""
    return array("f", vector).tobytes()


def unpacked(stored: bytes) -> Vector:
    """Read a stored vector."""
    values = array("f")
    values.frombytes(stored)
    return values
