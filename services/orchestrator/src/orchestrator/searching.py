"""Searches the tenant's documents for a turn, and keeps the whole record of every search."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any, Final, Protocol, TypeVar

import observe
from bus import AskFailed
from contracts.message import Answer, Request
from contracts.v1.knowledge import FoundPassage, KnowledgeFound, SearchFilter, SearchKnowledge
from contracts.v1.models import GenerateReply, ReplyGenerated
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased
from orchestrator.metrics import QUESTIONS_COMPLETED
from orchestrator.prompt import search_query
from orchestrator.questions import (
    completed,
    completion_prompt,
    leaning,
    parts_of,
    with_question_before,
)
from orchestrator.storable import storable_text
from orchestrator.tools import ToolFailed

_COMPLETION_TOKENS_MAX: Final = 160
_EXTRACTIVE: Final = "builtin/"

_log = observe.get_logger("orchestrator.searching")

AnswerType = TypeVar("AnswerType", bound=Answer)


class Asking(Protocol):
    """The part of the bus that a turn uses."""

    async def ask(self, request: Request[AnswerType], *, timeout_seconds: float) -> AnswerType:
        """Ask and wait; raises `AskFailed`."""
        ...


@dataclass(slots=True)
class SearchRecord:
    """What one turn asked, how its question was understood, and what came of each search."""

    understood: dict[str, Any] = field(default_factory=dict)
    searches: list[dict[str, Any]] = field(default_factory=list)
    completions: list[ReplyGenerated] = field(default_factory=list)


class Searcher:
    """Asks retriever, with the question that the customer meant."""

    def __init__(self, bus: Asking, search_seconds: float, completion_seconds: float) -> None:
        self._bus = bus
        self._search_seconds = search_seconds
        self._completion_seconds = completion_seconds

    async def find(
        self, leased: Leased, settings: TenantSettings, record: SearchRecord
    ) -> list[FoundPassage]:
        """Passages for the customer's unanswered words; raises `ToolFailed`."""
        asked = search_query(leased.unanswered)
        if not asked:
            return []
        question = await self._understand(leased, settings, asked, record)
        limit = settings.passages_max
        parts = parts_of(question) if settings.multi_query else []
        if parts:
            record.understood["parts"] = parts
        asking = (self.search(leased, record, part, limit) for part in (question, *parts))
        results = await asyncio.gather(*asking, return_exceptions=True)
        return best_of_each(_those_that_came(results), limit)

    async def search(
        self,
        leased: Leased,
        record: SearchRecord,
        query: str,
        limit: int,
        wanted: SearchFilter | None = None,
    ) -> list[FoundPassage]:
        """Ask retriever once; raises `ToolFailed` with a sentence when it cannot answer."""
        request = SearchKnowledge.make(
            tenant_id=leased.tenant_id,
            correlation_id=leased.turn_id,
            query=query,
            limit=limit,
            filter=wanted,
            explain=True,
            tuning=leased.trial and leased.trial.tuning,
        )
        noted: dict[str, Any] = {"query": query}
        if wanted is not None:
            noted["filter"] = wanted.model_dump(mode="json", exclude_none=True)
        record.searches.append(noted)
        try:
            found = await self._bus.ask(request, timeout_seconds=self._search_seconds)
        except AskFailed as error:
            noted["failed"] = error.code
            _log.warning("search failed", turn_id=str(leased.turn_id), code=error.code)
            raise ToolFailed("the search could not be reached") from error
        noted.update(_noted(found))
        return found.passages

    async def _understand(
        self, leased: Leased, settings: TenantSettings, asked: str, record: SearchRecord
    ) -> str:
        """Complete words that lean on the conversation; the record says how and why."""
        record.understood = {"asked": asked, "searched": asked, "by": "as_asked"}
        if settings.rewrite_questions is False:
            return asked
        earlier = leased.history[-settings.history_messages_max :]
        signs = leaning(asked, earlier, settings.language)
        if not settings.history_messages_max or not signs.leans:
            return asked
        record.understood["sign"] = signs.sign
        question = await self._complete(leased, asked, record)
        by = "model"
        if question is None and signs.strong:
            question, by = with_question_before(asked, earlier), "question_before"
        if question is None:
            return asked
        record.understood.update(searched=question, by=by)
        QUESTIONS_COMPLETED.labels(by).inc()
        return question

    async def _complete(self, leased: Leased, asked: str, record: SearchRecord) -> str | None:
        """Ask a model; None when none could, or when the one that did only repeats."""
        request = GenerateReply.make(
            tenant_id=leased.tenant_id,
            correlation_id=leased.turn_id,
            purpose="rewrite",
            conversation_id=leased.conversation_id,
            model=None,
            spent_for=leased.trial and leased.trial.spent_for,
            messages=completion_prompt(asked, leased.history),
            tools=[],
            passages=[],
            reply_tokens_max=_COMPLETION_TOKENS_MAX,
            deadline_at=datetime.now(UTC) + timedelta(seconds=self._completion_seconds),
            stream=None,
        )
        try:
            reply = await self._bus.ask(request, timeout_seconds=self._completion_seconds)
        except AskFailed as error:
            record.understood["completion_failed"] = error.code
            return None
        record.completions.append(reply)
        if reply.model.startswith(_EXTRACTIVE):
            return None
        return completed(storable_text(reply.text), asked)


def _those_that_came(
    results: Sequence[list[FoundPassage] | BaseException],
) -> list[list[FoundPassage]]:
    """Leave out searches that failed, unless all did; raises what is no failed search."""
    failures = [one for one in results if isinstance(one, BaseException)]
    unexpected = next((one for one in failures if not isinstance(one, ToolFailed)), None)
    if unexpected is not None or len(failures) == len(results):
        raise unexpected or failures[0]
    return [one for one in results if not isinstance(one, BaseException)]


def best_of_each(found: Sequence[Sequence[FoundPassage]], limit: int) -> list[FoundPassage]:
    """Merge lists of passages rank by rank, each passage once, the first list's before the rest."""
    if len(found) == 1:
        return list(found[0])
    merged: dict[object, FoundPassage] = {}
    for rank in zip_longest(*found):
        for passage in rank:
            if passage is not None:
                merged.setdefault(passage.passage_id, passage)
    return list(merged.values())[:limit]


def _noted(found: KnowledgeFound) -> dict[str, Any]:
    """What the turn keeps of a search: all of its record."""
    explained = found.explained
    return {
        "reason": found.reason,
        "cause": found.cause,
        "cause_detail": found.cause_detail,
        "degraded": found.degraded,
        "candidates": found.candidates,
        "milliseconds": found.milliseconds,
        "found": [str(passage.passage_id) for passage in found.passages],
        "explained": None if explained is None else explained.model_dump(mode="json"),
    }
