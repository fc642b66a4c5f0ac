"""A question in, the best passages out: both legs, one index, even while versions switch."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from postgres import Database, Transaction
from retriever.domain import (
    Candidate,
    Reason,
    Weights,
    fuse,
    relevant,
    why_none,
    without_near_duplicates,
)
from retriever.index import Index
from retriever.index_types import Scope, StoredPassage, VectorSearch, WordSearch
from retriever.metrics import DEGRADED, SEARCH_SECONDS
from retriever.question_vector import Embedder, QuestionVector

_OPTIMISTIC_TRIES = 3
_READ_PER_WANTED = 4


@dataclass(frozen=True)
class Found:
    """A passage and the scores that chose it."""

    passage: StoredPassage
    candidate: Candidate


@dataclass(frozen=True)
class SearchOutcome:
    """What a search gives; `reason` says why it gave nothing."""

    found: tuple[Found, ...]
    reason: Reason | None
    degraded: bool
    candidates: int
    milliseconds: float


class Search:
    """Hybrid search over the tenant's live passages."""

    def __init__(self, database: Database, index: Index, embedder: Embedder) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._models: dict[UUID, str | None] = {}

    async def find(self, cause: UUID, tenant_id: UUID, question: str, limit: int) -> SearchOutcome:
        """The best passages of one state of the index, at most `limit`."""
        started = time.perf_counter()
        vector, words = await asyncio.gather(
            self._embedder.embed(cause, tenant_id, question, self._models.get(tenant_id)),
            self._search_words(tenant_id, question),
        )
        outcome = await self._consistently(cause, tenant_id, question, limit, vector, words)
        seconds = time.perf_counter() - started
        SEARCH_SECONDS.observe(seconds)
        if outcome.degraded:
            DEGRADED.inc()
        return SearchOutcome(
            outcome.found, outcome.reason, outcome.degraded, outcome.candidates, seconds * 1000
        )

    async def _search_words(self, tenant_id: UUID, question: str) -> tuple[Scope, WordSearch]:
        async with self._database.transaction(tenant_id) as tx:
            return await self._words(tx, tenant_id, question)

    async def _words(
        self, tx: Transaction, tenant_id: UUID, question: str
    ) -> tuple[Scope, WordSearch]:
        scope = await self._index.scope(tx, tenant_id, question)
        return scope, await self._index.search_words(tx, scope)

    async def _consistently(
        self,
        cause: UUID,
        tenant_id: UUID,
        question: str,
        limit: int,
        vector: QuestionVector | None,
        words: tuple[Scope, WordSearch],
    ) -> SearchOutcome:
        """Again whenever the index changed between statements; at last with changes held back."""
        heard: tuple[Scope, WordSearch] | None = words
        for attempt in range(_OPTIMISTIC_TRIES + 1):
            vector = await self._fitting(cause, tenant_id, question, vector, (heard or words)[0])
            async with self._database.transaction(tenant_id) as tx:
                if attempt == _OPTIMISTIC_TRIES:
                    await self._index.hold(tx, tenant_id)
                words = heard or await self._words(tx, tenant_id, question)
                outcome = await self._read(tx, limit, vector, *words)
            if outcome is not None:
                return outcome
            heard = None
        raise RuntimeError("the index changed while its changes were held back")

    async def _fitting(
        self,
        cause: UUID,
        tenant_id: UUID,
        question: str,
        vector: QuestionVector | None,
        scope: Scope,
    ) -> QuestionVector | None:
        """The question in the model of the tenant's vectors, which may differ from the default."""
        model = scope.groups[0].model if scope.groups else None
        self._models[tenant_id] = model
        if vector is None or model is None or vector.model == model:
            return vector
        return await self._embedder.embed(cause, tenant_id, question, model)

    async def _read(
        self,
        tx: Transaction,
        limit: int,
        vector: QuestionVector | None,
        scope: Scope,
        words: WordSearch,
    ) -> SearchOutcome | None:
        """One try; None when the statements saw different states of the index."""
        group = scope.groups[0] if scope.groups else None
        near = VectorSearch(scope.revision, (), "none")
        usable = vector is not None and group is not None and vector.model == group.model
        if vector is not None and group is not None and usable:
            near = await self._index.search_vectors(tx, scope, group, vector.values)
        degraded = not usable and scope.passages > 0
        weights = Weights(scope.settings.keyword_weight, scope.settings.vector_weight)
        fused = fuse(words.hits, near.hits, weights)
        kept = relevant(fused, group.model if group else None)[: limit * _READ_PER_WANTED]
        texts = await self._index.read_passages(tx, scope, [one.key for one in kept])
        seen = {words.revision, near.revision, *(one.revision for one in texts.values())}
        if seen != {scope.revision} or len(texts) != len(kept):
            return None
        places = without_near_duplicates([texts[one.key].text for one in kept], limit)
        found = tuple(Found(texts[kept[place].key], kept[place]) for place in places)
        reason = None if found else why_none(scope.any_version, scope.passages)
        return SearchOutcome(found, reason, degraded, len(fused), 0.0)
