"""A question in, the best passages out: both legs, one index, even while versions switch."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from postgres import Database, Transaction
from retriever.domain import (
    Candidate,
    Reason,
    fuse,
    relevant,
    why_none,
    without_near_duplicates,
)
from retriever.metrics import DEGRADED, SEARCH_SECONDS
from retriever.question_vector import Embedder, QuestionVector
from retriever.store import Collection, Store, StoredPassage, VectorSearch, WordSearch

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

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
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

    async def _search_words(self, tenant_id: UUID, question: str) -> WordSearch:
        async with self._database.transaction(tenant_id) as tx:
            return await self._store.search_words(tx, tenant_id, question)

    async def _consistently(
        self,
        cause: UUID,
        tenant_id: UUID,
        question: str,
        limit: int,
        vector: QuestionVector | None,
        words: WordSearch,
    ) -> SearchOutcome:
        """Again whenever the index changed between statements; at last with changes held back."""
        heard: WordSearch | None = words
        for attempt in range(_OPTIMISTIC_TRIES + 1):
            vector = await self._fitting(
                cause, tenant_id, question, vector, (heard or words).collection
            )
            async with self._database.transaction(tenant_id) as tx:
                if attempt == _OPTIMISTIC_TRIES:
                    await self._store.hold_collection(tx, tenant_id)
                words = heard or await self._store.search_words(tx, tenant_id, question)
                outcome = await self._read(tx, tenant_id, limit, vector, words)
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
        collection: Collection,
    ) -> QuestionVector | None:
        """The question in the model of the tenant's vectors, which may differ from the default."""
        model = collection.embedding_model
        self._models[tenant_id] = model
        if vector is None or model is None or vector.model == model:
            return vector
        return await self._embedder.embed(cause, tenant_id, question, model)

    async def _read(
        self,
        tx: Transaction,
        tenant_id: UUID,
        limit: int,
        vector: QuestionVector | None,
        words: WordSearch,
    ) -> SearchOutcome | None:
        """One try; None when the statements saw different states of the index."""
        collection = words.collection
        usable = vector is not None and vector.model == collection.embedding_model
        near = VectorSearch(collection.revision, ())
        if vector is not None and usable:
            near = await self._store.search_vectors(tx, tenant_id, vector.values, collection)
        degraded = not usable and collection.passages > 0
        fused = fuse(words.hits, near.hits, collection.weights)
        kept = relevant(fused, collection.embedding_model)[: limit * _READ_PER_WANTED]
        texts = await self._store.read_passages(tx, tenant_id, [one.key for one in kept])
        seen = {near.revision, *(passage.revision for passage in texts.values())}
        if seen != {collection.revision} or len(texts) != len(kept):
            return None
        places = without_near_duplicates([texts[one.key].text for one in kept], limit)
        found = tuple(Found(texts[kept[place].key], kept[place]) for place in places)
        reason = None if found else why_none(collection.any_version, collection.passages)
        return SearchOutcome(found, reason, degraded, len(fused), 0.0)
