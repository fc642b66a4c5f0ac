"""The whole record of a search, built only when it was asked for. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.v1.knowledge import (
    CutRule,
    ExplainedCandidate,
    ExplainedIndex,
    ExplainedTerm,
    SearchExplained,
)
from retriever.choosing import Choice
from retriever.found import Heard, Pool
from retriever.fusion import Candidate
from retriever.index_types import QuestionTerm, Scope, StoredPassage
from retriever.question_language import language_of

CANDIDATES_MAX = 250
_TERMS_MAX = 64
_MODELS_MAX = 8


@dataclass(frozen=True)
class Evidence:
    """What the record is made from."""

    question: str
    heard: Heard
    pool: Pool
    choice: Choice
    named: Mapping[int, StoredPassage]
    """Which passage each candidate is."""


def explained(evidence: Evidence, milliseconds: Mapping[str, float]) -> SearchExplained:
    """The record."""
    heard, pool = evidence.heard, evidence.pool
    cut = cut_by(pool, evidence.choice)
    ranks = _rerank_ranks(heard, pool)
    return SearchExplained(
        query=evidence.question,
        language=language_of(evidence.question),
        index=_index(heard.scope),
        keyword_method=heard.words.method,
        vector_method="; ".join(pool.vector_methods)[:512] or "none",
        fusion=heard.plan.describe_fusion(),
        reranker=pool.reranker[:512],
        threshold=pool.threshold.describe() if heard.plan.threshold else "off",
        terms=[_term(term) for term in heard.words.terms[:_TERMS_MAX]],
        candidates=[
            _candidate(one, rank, evidence.named[one.key], ranks.get(one.key), cut[one.key])
            for rank, one in enumerate(pool.fused[:CANDIDATES_MAX], start=1)
            if one.key in evidence.named
        ],
        cuts=dict(Counter(rule for rule in cut.values() if rule != "given")),
        milliseconds={name: round(took, 3) for name, took in milliseconds.items()},
    )


def cut_by(pool: Pool, choice: Choice) -> dict[int, CutRule]:
    """What became of each candidate, by key."""
    passed = {one.candidate.key for one in pool.standing}
    fate: dict[int, CutRule] = {
        one.key: "not_read" if one.key in passed else "below_threshold" for one in pool.fused
    }
    fate.update(choice.cut)
    fate.update({passage.key: "given" for passage in choice.given})
    return fate


def _rerank_ranks(heard: Heard, pool: Pool) -> dict[int, tuple[int, float]]:
    if not heard.plan.smooths:
        return {}
    return {one.candidate.key: (rank, one.score) for rank, one in enumerate(pool.standing, start=1)}


def _index(scope: Scope) -> ExplainedIndex:
    return ExplainedIndex(
        revision=scope.revision,
        documents=scope.documents,
        documents_searched=scope.documents_searched,
        documents_disabled=scope.documents_disabled,
        documents_expired=scope.documents_expired,
        documents_filtered=scope.documents_filtered,
        passages_searched=scope.passages,
        models=list(dict.fromkeys(group.model for group in scope.groups))[:_MODELS_MAX],
    )


def _term(term: QuestionTerm) -> ExplainedTerm:
    return ExplainedTerm(
        word=term.word[:512],
        term=term.term[:512],
        configuration=term.configuration,
        passages=term.passages,
        idf=round(term.idf, 4),
        corrected_from=term.corrected_from[:512] if term.corrected_from else None,
    )


def _candidate(
    one: Candidate,
    fused_rank: int,
    passage: StoredPassage,
    reranked: tuple[int, float] | None,
    rule: CutRule,
) -> ExplainedCandidate:
    return ExplainedCandidate(
        passage_id=passage.passage_id,
        document_id=passage.document_id,
        keyword_rank=one.keyword_rank,
        keyword_score=one.keyword_score,
        coverage=one.coverage,
        vector_rank=one.vector_rank,
        vector_score=one.vector_score,
        fused_rank=fused_rank,
        fused_score=one.score,
        rerank_rank=reranked[0] if reranked else None,
        rerank_score=reranked[1] if reranked else None,
        cut_by=rule,
    )
