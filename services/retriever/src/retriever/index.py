"""The index as a search reads it: every method runs in the caller's transaction."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from contracts.v1.knowledge import SearchFilter
from postgres import Queries, Transaction
from retriever.byte_cache import ByteCache
from retriever.domain import CANDIDATES
from retriever.index_rows import (
    conditions_of,
    groups_of,
    passage_of,
    scope_of,
    vector_search_of,
)
from retriever.index_state import IndexState, Seen, see
from retriever.index_types import (
    Around,
    ModelGroup,
    NearTerm,
    QuestionTerm,
    Scope,
    Sibling,
    Siblings,
    StoredPassage,
    VectorSearch,
    WordSearch,
)
from retriever.vector_plan import EXACT_PASSAGES_MAX, HNSW_DIMENSIONS, VectorPlan, plan
from retriever.words import Words

MOVED = -1
"""No revision: the search has to be made again."""

_TRIES = 3
_STATE_BYTES = 200
_VERSION_BYTES = 40
_VECTORS_COUNTED_SECONDS = 60.0
_WORD = re.compile(r"\w+")
_WORDS_MAX = 64
_NEAR_KEPT_MAX = 1_000


class Index:
    """The statements of `queries.sql` that read, and what of the index is held in memory.

    Held is only what never changes: packed words, and the state of a tenant under its revision.
    """

    def __init__(self, cache_bytes: int = 256 * 2**20) -> None:
        self._sql: Any = Queries("retriever")
        self._cache = ByteCache(cache_bytes)
        self._words = Words(self.sql, self._cache)
        self._everybodys = 0
        self._counted_at = -_VECTORS_COUNTED_SECONDS

    def sql(self, name: str) -> str:
        """A statement by its name."""
        text: str = self._sql[name]
        return text

    async def scope(
        self, tx: Transaction, tenant_id: UUID, question: str, only: SearchFilter | None = None
    ) -> Scope:
        """What a search that begins now may see, and the question's terms."""
        state: IndexState | None = self._cache.get(("state", tenant_id))
        for attempt in range(_TRIES + 1):
            if attempt == _TRIES:
                await self.hold(tx, tenant_id)
            opened = await self._open(tx, tenant_id, question, state)
            if state is not None and _is_of(state, opened):
                seen = await self._see(tx, tenant_id, state, opened["now"], only)
                if seen is not None:
                    return scope_of(tenant_id, state, seen, opened)
            state = await self._read_state(tx, tenant_id)
        if state is None:
            raise LookupError("a state that is always there")
        opened = await self._open(tx, tenant_id, question, state)
        seen = await self._see(tx, tenant_id, state, opened["now"], only)
        if seen is None:
            raise LookupError("segments of a state that was held cannot be read")
        return scope_of(tenant_id, state, seen, opened)

    async def _open(
        self, tx: Transaction, tenant_id: UUID, question: str, state: IndexState | None
    ) -> Any:
        configurations = sorted({group.configuration for group in state.groups}) if state else []
        text = question.replace("\0", " ")
        words = list(dict.fromkeys(_WORD.findall(text.lower())))[:_WORDS_MAX]
        return await tx.fetchrow(self.sql("open_search"), tenant_id, text, configurations, words)

    async def _read_state(self, tx: Transaction, tenant_id: UUID) -> IndexState:
        rows = await tx.fetch(self.sql("read_state"), tenant_id, *[None] * 6)
        state = IndexState(
            rows[0]["revision"], rows[0]["layout"], groups_of(rows), tuple(rows[0]["segments"])
        )
        versions = sum(len(group.versions) for group in state.groups)
        self._cache.put(("state", tenant_id), state, _STATE_BYTES + _VERSION_BYTES * versions)
        return state

    async def _see(
        self,
        tx: Transaction,
        tenant_id: UUID,
        state: IndexState,
        now: float,
        only: SearchFilter | None,
    ) -> Seen | None:
        """None when the state is not the newest any more."""
        conditions = conditions_of(only)
        if conditions is None:
            groups = tuple(group for group in state.groups if group.is_visible(now))
            key = tuple(place for place, group in enumerate(state.groups) if group.is_visible(now))
            if key in state.views:
                return state.views[key]
        else:
            rows = await tx.fetch(self.sql("read_state"), tenant_id, *conditions)
            if (rows[0]["revision"], rows[0]["layout"]) != (state.revision, state.layout):
                return None
            groups = tuple(group for group in groups_of(rows) if group.is_visible(now))
        segments = await self._words.open_segments(tx, tenant_id, state.segment_ids)
        if segments is None:
            return None
        seen = see(state, groups, segments, filtered=conditions is not None)
        if conditions is None:
            state.views.clear()
            state.views[key] = seen
            size = 20 * len(seen.searched.keys) + _VERSION_BYTES * len(seen.allowed)
            self._cache.put(("state", tenant_id), state, _STATE_BYTES + size)
        return seen

    async def search_words(
        self,
        tx: Transaction,
        scope: Scope,
        terms: Sequence[QuestionTerm] | None = None,
        limit: int = CANDIDATES,
    ) -> WordSearch:
        """BM25 over the scope's passages, best first; `terms` instead of the scope's own."""
        asked = scope.terms if terms is None else tuple(terms)
        found = await self._words.search(tx, scope, asked, limit)
        if found is None:
            self._cache.drop(("state", scope.tenant_id))
            return WordSearch(MOVED, (), asked, "bm25")
        hits, counted, method = found
        return WordSearch(scope.revision, tuple(hits), counted, method)

    async def known_terms(
        self, tx: Transaction, scope: Scope, configuration: str, terms: Sequence[str]
    ) -> Mapping[str, int]:
        """How many of the scope's passages hold each term; 0 for unknown ones."""
        asked = [QuestionTerm(term, term, configuration, 1) for term in dict.fromkeys(terms)]
        found = await self._words.search(tx, scope, tuple(asked), 0)
        counted = found[1] if found else asked
        return {term.term: term.passages for term in counted}

    async def near_terms(
        self, tx: Transaction, scope: Scope, configuration: str, term: str, distance_max: int
    ) -> Sequence[NearTerm]:
        """Terms of the scope's passages that begin alike, within an edit distance; nearest first,
        then by how many passages hold them."""
        asked = (configuration, term, distance_max)
        found = scope.seen.near.get(asked)
        if found is None:
            found = await self._near_terms(tx, scope, *asked)
            if len(scope.seen.near) < _NEAR_KEPT_MAX:
                scope.seen.near[asked] = found
        return found

    async def _near_terms(
        self, tx: Transaction, scope: Scope, configuration: str, term: str, distance_max: int
    ) -> Sequence[NearTerm]:
        close = await self._words.near(tx, scope, configuration, term, distance_max)
        known = await self.known_terms(tx, scope, configuration, [one for one, _ in close])
        near = [NearTerm(one, known[one], distance) for one, distance in close if known[one]]
        return sorted(near, key=lambda one: (one.distance, -one.passages, one.term))

    async def search_vectors(
        self,
        tx: Transaction,
        scope: Scope,
        group: ModelGroup,
        vector: Sequence[float],
        limit: int = CANDIDATES,
    ) -> VectorSearch:
        """The passages of the group nearest to the vector, best first."""
        chosen = plan(group.passages, await self._vectors(tx), group.dimensions, limit)
        own = [
            version
            for alike in scope.seen.groups
            if (alike.model, alike.dimensions) == (group.model, group.dimensions)
            for version in alike.versions.tolist()
        ]
        if scope.seen.filtered and group.passages <= EXACT_PASSAGES_MAX:
            name, only = "search_vectors_of_versions", own
        else:
            name, only = "search_vectors_exactly", self._others(scope.seen, own)
        if chosen.ef_search is not None:
            found = await self._search_near(tx, scope, group, vector, limit, only, chosen)
            if len(found.hits) >= min(limit, group.passages):
                return found
        row = await tx.fetchrow(
            self.sql(name), scope.tenant_id, list(vector), limit, group.dimensions, only
        )
        return vector_search_of(row, f"exact over {group.passages} passages")

    async def _search_near(
        self,
        tx: Transaction,
        scope: Scope,
        group: ModelGroup,
        vector: Sequence[float],
        limit: int,
        hidden: list[int],
        chosen: VectorPlan,
    ) -> VectorSearch:
        await tx.fetchrow(self.sql("scan_on"), str(chosen.ef_search), str(chosen.scan_tuples_max))
        row = await tx.fetchrow(
            self.near_statement(group.dimensions),
            scope.tenant_id,
            list(vector),
            limit,
            group.dimensions,
            hidden,
        )
        return vector_search_of(row, f"{chosen} over {group.passages} passages")

    def near_statement(self, dimensions: int) -> str:
        """The search along the HNSW index of vectors of this length."""
        if dimensions not in HNSW_DIMENSIONS:
            raise ValueError(f"no HNSW index of {dimensions} dimensions")
        return self.sql("search_vectors_near").replace("{dimensions}", str(dimensions))

    def _others(self, seen: Seen, own: Sequence[int]) -> list[int]:
        """Live versions that this group's search must leave out."""
        if not len(seen.hidden) and len(own) == len(seen.allowed):
            return []
        others = np.setdiff1d(seen.allowed, np.array(own, np.int64))
        return [*seen.hidden.tolist(), *others.tolist()]

    async def _vectors(self, tx: Transaction) -> int:
        """About how many vectors all tenants have; a minute old at most."""
        if time.monotonic() - self._counted_at > _VECTORS_COUNTED_SECONDS:
            self._everybodys = int(await tx.fetchval(self.sql("count_vectors")) or 0)
            self._counted_at = time.monotonic()
        return self._everybodys

    async def read_passages(
        self, tx: Transaction, scope: Scope, keys: Sequence[int]
    ) -> dict[int, StoredPassage]:
        """Those of the passages whose version answers."""
        rows = await tx.fetch(self.sql("read_passages"), scope.tenant_id, list(keys))
        return {row["passage_key"]: passage_of(row) for row in rows}

    async def read_siblings(
        self, tx: Transaction, scope: Scope, wanted: Sequence[Around]
    ) -> Siblings:
        """Passages beside found ones, for neighbours and parents."""
        rows = await tx.fetch(
            self.sql("read_siblings"),
            scope.tenant_id,
            [one.key for one in wanted],
            [one.version_id for one in wanted],
            [one.first for one in wanted],
            [one.last for one in wanted],
            [one.by == "offset" for one in wanted],
        )
        beside: dict[int, list[Sibling]] = {one.key: [] for one in wanted}
        for row in rows:
            beside[row["passage_key"]].append(
                Sibling(row["ordinal"], row["start_offset"], row["end_offset"], row["text"])
            )
        revision = rows[0]["revision"] if rows else scope.revision
        return Siblings(revision, dict(beside))

    async def hold(self, tx: Transaction, tenant_id: UUID) -> None:
        """Until the commit nothing that a search of this tenant can see changes."""
        await tx.fetchval(self.sql("hold_collection"), tenant_id)


def _is_of(state: IndexState, opened: Any) -> bool:
    return (state.revision, state.layout) == (opened["revision"], opened["layout"])
