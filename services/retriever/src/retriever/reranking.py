"""Re-ranks the best candidates: by their neighbours here, by a model through llm-router."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from bus import AskFailed, BrokerAway, Bus
from contracts.v1.models import RankPassages
from observe import get_logger
from retriever.candidate_vectors import StoredVector
from retriever.fusion import Candidate
from retriever.index_types import QuestionTerm, StoredPassage
from retriever.smoothing import SMOOTHED, smoothed, spread

NONE = "none"
NEIGHBOURS = "builtin/neighbours"
MAXSIM = "builtin/maxsim"
DEFAULT = NEIGHBOURS

MAXSIM_RANKED = 10
PROVIDER_RANKED = 30
_MAXSIM_SHARE = 0.4
_TEXT_CHARACTERS_MAX = 4_000
_TEXTS_BYTES_MAX = 200_000
_HEADING_CHARACTERS = 110
_WEIGHTS_MAX = 64
_WORD = re.compile(r"\w+")

log = get_logger(__name__)


@dataclass(frozen=True)
class Standing:
    """A candidate and where it stands after re-ranking; `score` orders, from 0 to 1."""

    candidate: Candidate
    score: float


def as_fused(candidates: Sequence[Candidate]) -> list[Standing]:
    """The order of the fusion."""
    return [Standing(one, one.score) for one in candidates]


def by_neighbours(
    candidates: Sequence[Candidate], vectors: Mapping[int, StoredVector]
) -> list[Standing]:
    """The best of them by their neighbours, the others behind in their order."""
    best, others = candidates[:SMOOTHED], candidates[SMOOTHED:]
    scores = smoothed([one.key for one in best], [one.score for one in best], vectors)
    standing = [Standing(one, score) for one, score in zip(best, scores, strict=True)]
    standing.sort(key=lambda one: -one.score)
    return [*standing, *(Standing(one, 0.0) for one in others)]


def judged_by_model(
    standing: Sequence[Standing], scores: Sequence[float], model: str
) -> list[Standing]:
    """The first `len(scores)` in a model's order; the others keep theirs behind.

    A provider's order counts alone; the local late interaction is mixed with what was known.
    """
    judged = spread(np.asarray(scores, np.float64))
    if model == MAXSIM:
        known = spread(np.asarray([one.score for one in standing[: len(scores)]], np.float64))
        judged = (1 - _MAXSIM_SHARE) * known + _MAXSIM_SHARE * judged
    best = [
        replace(one, score=float(score))
        for one, score in zip(standing[: len(scores)], judged, strict=True)
    ]
    best.sort(key=lambda one: -one.score)
    return [*best, *(replace(one, score=0.0) for one in standing[len(scores) :])]


def count_ranked(model: str, limit: int) -> int:
    """How many of the best a model is asked to judge."""
    return max(limit, MAXSIM_RANKED if model == MAXSIM else PROVIDER_RANKED)


def text_to_rank(passage: StoredPassage, characters_max: int = _TEXT_CHARACTERS_MAX) -> str:
    """What was embedded of it: a short line that says where it stands, and its words."""
    headings = passage.heading.split(" > ")[-2:] if passage.heading else []
    path = " > ".join((passage.title, *headings))
    return f"{path[:_HEADING_CHARACTERS]}\n{passage.text}"[:characters_max]


def word_weights(question: str, terms: Sequence[QuestionTerm]) -> list[float]:
    """The idf of each word of the question in order; 0 for those that are not searched for."""
    known: dict[str, float] = {}
    for term in terms:
        for word in (term.word, term.corrected_from or term.word):
            known[word.casefold()] = max(known.get(word.casefold(), 0.0), term.idf)
    words = _WORD.findall(question)[:_WEIGHTS_MAX]
    return [known.get(word.casefold(), 0.0) for word in words]


class RankingModel:
    """`rank-passages` of llm-router; a failure is a sentence for the record, never an error."""

    def __init__(self, bus: Bus, *, timeout_seconds: float) -> None:
        self._bus = bus
        self._timeout_seconds = timeout_seconds

    async def rank(
        self,
        cause: UUID,
        tenant_id: UUID,
        model: str,
        question: str,
        passages: Sequence[StoredPassage],
        terms: Sequence[QuestionTerm],
    ) -> list[float] | str:
        """One score a passage, or why there are none."""
        room = min(_TEXT_CHARACTERS_MAX, _TEXTS_BYTES_MAX // (2 * max(1, len(passages))))
        request = RankPassages.make(
            tenant_id=tenant_id,
            correlation_id=cause,
            model=model,
            query=question,
            texts=[text_to_rank(passage, room) for passage in passages],
            weights=word_weights(question, terms) or None,
            deadline_at=datetime.now(UTC) + timedelta(seconds=self._timeout_seconds),
        )
        try:
            answer = await self._bus.ask(request, timeout_seconds=self._timeout_seconds)
        except (AskFailed, BrokerAway) as failure:
            log.warning("passages_not_ranked", reason=str(failure), model=model)
            return failure.code if isinstance(failure, AskFailed) else "broker_away"
        if len(answer.scores) != len(passages):
            return "bad_answer"
        return list(answer.scores)
