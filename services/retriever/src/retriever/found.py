"""What a search has in hand on its way, and what it gives. Pure but for the answer's shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.documents import DocumentKind
from contracts.v1.knowledge import FoundPassage, KnowledgeFound, SearchExplained
from retriever.causes import Nothing
from retriever.domain import Reason
from retriever.fusion import Candidate
from retriever.index_types import Scope, StoredPassage, WordSearch
from retriever.relevance import Threshold
from retriever.reranking import Standing
from retriever.search_plan import Plan

_KINDS: Mapping[str, DocumentKind] = {kind: kind for kind in get_args(DocumentKind)}


@dataclass(frozen=True)
class Heard:
    """What the index says before any vector is there."""

    scope: Scope
    words: WordSearch
    plan: Plan


@dataclass(frozen=True)
class Pool:
    """Candidates in order, the threshold applied, and the words of the best of them."""

    fused: Sequence[Candidate]
    standing: Sequence[Standing]
    """Those that pass the threshold, best first."""
    passages: Mapping[int, StoredPassage]
    """Of the best of `standing`."""
    threshold: Threshold
    vector_methods: Sequence[str]
    models_not_searched: tuple[str, ...]
    hopeless: bool
    reranker: str
    """What was done, for the record."""


@dataclass(frozen=True)
class Found:
    """A passage and the scores that chose it."""

    passage: StoredPassage
    candidate: Candidate
    rerank_score: float | None = None
    context: str | None = None


@dataclass(frozen=True)
class SearchOutcome:
    """What a search gives; `nothing` says why it gave nothing."""

    found: tuple[Found, ...]
    nothing: Nothing | None
    degraded: bool
    candidates: int
    milliseconds: float = 0.0
    explained: SearchExplained | None = field(default=None, repr=False)

    @property
    def reason(self) -> Reason | None:
        """Why there is nothing, in the three words that were first."""
        return self.nothing.reason if self.nothing else None


def answer_of(outcome: SearchOutcome) -> KnowledgeFound:
    """The outcome as it travels."""
    nothing = outcome.nothing
    answer = KnowledgeFound(
        passages=[_found_passage(found) for found in outcome.found],
        reason=outcome.reason,
        degraded=outcome.degraded,
        candidates=outcome.candidates,
        milliseconds=round(outcome.milliseconds, 2),
        cause=nothing.cause if nothing else None,
        cause_detail=nothing.detail if nothing else None,
        explained=outcome.explained,
    )
    return fitted(answer)


def fitted(answer: KnowledgeFound, bytes_max: int = MESSAGE_BYTES_MAX) -> KnowledgeFound:
    """The answer as far as a message holds it: the last candidates of the record go first, then
    what the last passages would be read with.
    """
    excess = len(answer.model_dump_json().encode()) - bytes_max
    if excess <= 0:
        return answer
    explained = answer.explained
    if explained is not None:
        candidates = list(explained.candidates)
        while candidates and excess > 0:
            excess -= len(candidates.pop().model_dump_json()) + 1
        explained = explained.model_copy(update={"candidates": candidates})
    passages = list(answer.passages)
    for place in reversed(range(len(passages))):
        context = passages[place].context
        if excess > 0 and context is not None:
            excess -= len(context.encode())
            passages[place] = passages[place].model_copy(update={"context": None})
    return answer.model_copy(update={"explained": explained, "passages": passages})


def _found_passage(found: Found) -> FoundPassage:
    passage, candidate = found.passage, found.candidate
    return FoundPassage(
        passage_id=passage.passage_id,
        document_id=passage.document_id,
        document_version=passage.document_version,
        title=passage.title,
        page=passage.page,
        heading=passage.heading,
        text=passage.text,
        keyword_score=candidate.keyword_score,
        vector_score=candidate.vector_score or 0.0,
        score=min(1.0, max(0.0, candidate.score)),
        context=found.context,
        rerank_score=found.rerank_score,
        ordinal=passage.ordinal,
        start_offset=passage.start_offset,
        end_offset=passage.end_offset,
        document_kind=_KINDS.get(passage.document_kind),
        source_url=passage.source_url,
    )
