"""A question in, the best passages out: both legs, one index, even while versions switch."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from postgres import Database, Transaction
from retriever.calibration import Calibration
from retriever.candidate_vectors import CandidateVectors, StoredVector
from retriever.causes import Looked, why_nothing
from retriever.choosing import Choice, choose
from retriever.expansion import ANSWER_BYTES_MAX, around, context_of, size_bytes
from retriever.explain import CANDIDATES_MAX, Evidence, explained
from retriever.found import Found, Heard, Pool, SearchOutcome
from retriever.fusion import Candidate, VectorList, filled, fused, propose
from retriever.index_seam import SearchedIndex
from retriever.index_types import Scope, StoredPassage
from retriever.metrics import DEGRADED, NOTHING, SEARCH_SECONDS
from retriever.question_vector import Away, Embedder, QuestionVector
from retriever.relevance import Threshold, floor_of
from retriever.reranking import (
    NEIGHBOURS,
    NONE,
    RankingModel,
    Standing,
    as_fused,
    by_neighbours,
    count_ranked,
    judged_by_model,
)
from retriever.search_plan import Plan, Wish, plan_of
from retriever.smoothing import cosines
from retriever.steps import Steps
from retriever.typos import corrected

_OPTIMISTIC_TRIES = 3
_READ_PER_WANTED = 6
_READ_MIN = 30
_KEYWORD_SCORES_KEPT = 500
"""Of so many passages the keyword leg's score is known for filling in."""

Vectors = Mapping[str, QuestionVector | Away]


class Search:
    """Hybrid search over the tenant's live passages."""

    def __init__(
        self,
        database: Database,
        index: SearchedIndex,
        embedder: Embedder,
        ranking_model: RankingModel,
    ) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._ranking_model = ranking_model
        self._stored = CandidateVectors()
        self.calibration = Calibration(database, self._stored)
        self._models: dict[UUID, tuple[str | None, ...]] = {}

    async def find(self, cause: UUID, tenant_id: UUID, wish: Wish) -> SearchOutcome:
        """The best passages of one state of the index, at most `wish.limit`."""
        steps = Steps()
        models = self._models.get(tenant_id, (None,))
        with steps.step("embedding_and_words"):
            vectors, heard = await asyncio.gather(
                self._embedder.embed_each(cause, tenant_id, wish.question, models),
                self._first_look(tenant_id, wish),
            )
        outcome = await self._consistently(cause, tenant_id, wish, vectors, heard, steps)
        seconds = steps.seconds()
        SEARCH_SECONDS.observe(seconds)
        if outcome.degraded:
            DEGRADED.inc()
        if outcome.nothing:
            NOTHING.labels(outcome.nothing.cause).inc()
        return replace(outcome, milliseconds=seconds * 1000)

    async def _first_look(self, tenant_id: UUID, wish: Wish) -> Heard:
        async with self._database.transaction(tenant_id) as tx:
            return await self._look(tx, tenant_id, wish)

    async def _look(self, tx: Transaction, tenant_id: UUID, wish: Wish) -> Heard:
        """The keyword leg; words that nobody wrote are read as the words they resemble."""
        scope = await self._index.scope(tx, tenant_id, wish.question, wish.only)
        plan = plan_of(scope.settings, wish.tuning)
        words = await self._index.search_words(tx, scope, None, _KEYWORD_SCORES_KEPT)
        terms = await corrected(
            words.terms,
            lambda configuration, term, edits: self._index.near_terms(
                tx, scope, configuration, term, edits
            ),
        )
        if terms is not None:
            words = await self._index.search_words(tx, scope, terms, _KEYWORD_SCORES_KEPT)
        return Heard(scope, words, plan)

    async def _consistently(
        self,
        cause: UUID,
        tenant_id: UUID,
        wish: Wish,
        vectors: Vectors,
        first: Heard,
        steps: Steps,
    ) -> SearchOutcome:
        """Again whenever the index changed between statements; at last with changes held back."""
        heard: Heard | None = first
        scope = first.scope
        for attempt in range(_OPTIMISTIC_TRIES + 1):
            with steps.step("other_models"):
                vectors = await self._fitting(cause, tenant_id, wish.question, vectors, scope)
            async with self._database.transaction(tenant_id) as tx:
                if attempt == _OPTIMISTIC_TRIES:
                    await self._index.hold(tx, tenant_id)
                now = heard or await self._look(tx, tenant_id, wish)
                pool = await self._pool(tx, now, wish.limit, vectors, steps)
                if pool is not None and not now.plan.asks_model:
                    return await self._give(tx, wish, now, pool, steps)
            if pool is not None:
                with steps.step("reranking_model"):
                    pool = await self._judged(cause, wish, now, pool)
                async with self._database.transaction(tenant_id) as tx:
                    return await self._give(tx, wish, now, pool, steps)
            heard, scope = None, now.scope
        raise RuntimeError("the index changed while its changes were held back")

    async def _fitting(
        self, cause: UUID, tenant_id: UUID, question: str, vectors: Vectors, scope: Scope
    ) -> Vectors:
        """The question in every model of the tenant's vectors: two while it changes its model."""
        models = tuple(dict.fromkeys(group.model for group in scope.groups))
        self._models[tenant_id] = models or (None,)
        missing = [model for model in models if model not in vectors]
        if not missing or any(isinstance(v, Away) and v.everybody for v in vectors.values()):
            return vectors
        others = await self._embedder.embed_each(cause, tenant_id, question, missing)
        return {**vectors, **others}

    async def _pool(
        self, tx: Transaction, heard: Heard, limit: int, vectors: Vectors, steps: Steps
    ) -> Pool | None:
        """The candidates, ranked, and the words of the best; None when statements saw different
        states of the index.
        """
        scope, plan = heard.scope, heard.plan
        with steps.step("vectors"):
            lists, methods, revisions = await self._vector_lists(tx, scope, plan, vectors)
        proposed = propose(heard.words.hits, lists, plan.candidates)
        with steps.step("filling_in"):
            stored = await self._read_vectors(tx, scope, plan, proposed, bool(lists))
        with steps.step("ranking"):
            unknown = [one.key for one in proposed if one.vector_score is None]
            asked = {key: stored[key] for key in unknown if key in stored}
            candidates = filled(proposed, _similarities(asked, vectors))
            ranked = fused(candidates, plan.weights, plan.fusion)
            standing = (
                by_neighbours(ranked, stored) if plan.smooths and stored else as_fused(ranked)
            )
            threshold = self._threshold(scope, plan)
            kept = [one for one in standing if threshold.passes(one.candidate)]
        with steps.step("reading"):
            wanted = max(limit * _READ_PER_WANTED, _READ_MIN)
            keys = [one.candidate.key for one in kept[:wanted]]
            passages = await self._index.read_passages(tx, scope, keys)
        seen = {heard.words.revision, *revisions, *(one.revision for one in passages.values())}
        if seen != {scope.revision} or len(passages) != len(keys):
            return None
        unsearched = _models_not_searched(scope, vectors)
        return Pool(
            fused=ranked,
            standing=kept,
            passages=passages,
            threshold=threshold,
            vector_methods=methods,
            models_not_searched=unsearched,
            hopeless=any(_is_hopeless(vectors.get(model)) for model in unsearched),
            reranker=_smoothing(plan, bool(stored)),
        )

    async def _vector_lists(
        self, tx: Transaction, scope: Scope, plan: Plan, vectors: Vectors
    ) -> tuple[list[VectorList], list[str], set[int | None]]:
        lists, methods = [], []
        revisions: set[int | None] = set()
        for group in scope.groups:
            vector = vectors.get(group.model)
            if isinstance(vector, QuestionVector) and len(vector.values) == group.dimensions:
                near = await self._index.search_vectors(
                    tx, scope, group, vector.values, plan.candidates
                )
                lists.append(VectorList(group.model, near.hits))
                methods.append(f"{group.model}: {near.method}")
                revisions.add(near.revision)
            else:
                why = vector.code if isinstance(vector, Away) else "no vector of the question"
                methods.append(f"{group.model}: none ({why})")
        return lists, methods, revisions

    async def _read_vectors(
        self,
        tx: Transaction,
        scope: Scope,
        plan: Plan,
        proposed: Sequence[Candidate],
        has_vectors: bool,
    ) -> dict[int, StoredVector]:
        """For filling in what only words found, and for comparing candidates with each other."""
        if not has_vectors:
            return {}
        wanted = [one.key for one in proposed if plan.smooths or one.vector_score is None]
        return await self._stored.read(tx, scope.tenant_id, wanted)

    def _threshold(self, scope: Scope, plan: Plan) -> Threshold:
        if not plan.threshold:
            return Threshold()
        calibrated = self.calibration.floor
        return Threshold(
            {
                model: floor_of(model, plan.minimum_similarity, calibrated(scope.tenant_id, model))
                for model in dict.fromkeys(group.model for group in scope.groups)
            }
        )

    async def _judged(self, cause: UUID, wish: Wish, heard: Heard, pool: Pool) -> Pool:
        """In the model's order; as it was, and the record says why, when the model fails."""
        model = heard.plan.reranker
        ranked = pool.standing[: count_ranked(model, wish.limit)]
        ranked = [one for one in ranked if one.candidate.key in pool.passages]
        if not ranked:
            return pool
        passages = [pool.passages[one.candidate.key] for one in ranked]
        scores = await self._ranking_model.rank(
            cause, heard.scope.tenant_id, model, wish.question, passages, heard.words.terms
        )
        if isinstance(scores, str):
            return replace(pool, reranker=f"{pool.reranker}; {model} failed: {scores}")
        standing = judged_by_model(pool.standing, scores, model)
        how = f"{pool.reranker}, then {model} over the best {len(scores)}"
        return replace(pool, standing=standing, reranker=how)

    async def _give(
        self, tx: Transaction, wish: Wish, heard: Heard, pool: Pool, steps: Steps
    ) -> SearchOutcome:
        """What is given, with what it is read with."""
        in_order = [
            pool.passages[one.candidate.key]
            for one in pool.standing
            if one.candidate.key in pool.passages
        ]
        choice = choose(in_order, heard.plan.choice_rule(wish.limit))
        with steps.step("expansion"):
            contexts = await self._contexts(tx, heard, choice.given)
        found = _found(heard.plan, pool, choice, contexts)
        nothing = None
        if not found:
            looked = Looked(
                len(pool.fused),
                pool.threshold.describe(),
                pool.models_not_searched,
                model_refused=pool.hopeless,
            )
            nothing = why_nothing(heard.scope, looked)
        outcome = SearchOutcome(
            found, nothing, bool(pool.models_not_searched), candidates=len(pool.fused)
        )
        if not wish.explain:
            return outcome
        return await self._with_record(tx, wish, heard, pool, choice, outcome, steps)

    async def _with_record(
        self,
        tx: Transaction,
        wish: Wish,
        heard: Heard,
        pool: Pool,
        choice: Choice,
        outcome: SearchOutcome,
        steps: Steps,
    ) -> SearchOutcome:
        with steps.step("record"):
            keys = [one.key for one in pool.fused[:CANDIDATES_MAX]]
            missing = [key for key in keys if key not in pool.passages]
            others = await self._index.read_passages(tx, heard.scope, missing) if missing else {}
        evidence = Evidence(wish.question, heard, pool, choice, {**others, **pool.passages})
        return replace(outcome, explained=explained(evidence, steps.milliseconds))

    async def _contexts(
        self, tx: Transaction, heard: Heard, given: Sequence[StoredPassage]
    ) -> dict[int, str]:
        """By key, the words to read instead of the passage's own, as many as a message takes."""
        expansion = heard.plan.expansion
        wanted = [one for passage in given if (one := around(passage, expansion)) is not None]
        if not wanted:
            return {}
        siblings = await self._index.read_siblings(tx, heard.scope, wanted)
        room = ANSWER_BYTES_MAX - sum(size_bytes(passage.text) for passage in given)
        contexts: dict[int, str] = {}
        for passage in given:
            beside = siblings.by_key.get(passage.key, ())
            context = context_of(passage, beside, expansion)
            if context is not None and size_bytes(context) <= room:
                contexts[passage.key] = context
                room -= size_bytes(context)
        return contexts


def _found(
    plan: Plan, pool: Pool, choice: Choice, contexts: Mapping[int, str]
) -> tuple[Found, ...]:
    standing = {one.candidate.key: one for one in pool.standing}
    return tuple(
        _found_one(plan, standing[passage.key], passage, contexts.get(passage.key))
        for passage in choice.given
    )


def _found_one(plan: Plan, one: Standing, passage: StoredPassage, context: str | None) -> Found:
    return Found(passage, one.candidate, one.score if plan.smooths else None, context)


def _similarities(
    stored: Mapping[int, StoredVector], vectors: Vectors
) -> dict[int, tuple[str, float]]:
    """The exact cosine of each stored vector with the question in its own model."""
    found: dict[int, tuple[str, float]] = {}
    for model, vector in vectors.items():
        if isinstance(vector, QuestionVector):
            asked = np.asarray(vector.values, np.float32)
            asked /= np.float32(np.linalg.norm(asked))
            keys = [
                key
                for key, one in stored.items()
                if one.model == model and len(one.values) == len(asked)
            ]
            if keys:
                rows = np.stack([stored[key].values for key in keys])
                near = cosines(rows, asked[None, :])[:, 0].tolist()
                found.update(zip(keys, ((model, one) for one in near), strict=True))
    return found


def _models_not_searched(scope: Scope, vectors: Vectors) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            group.model
            for group in scope.groups
            if not _fits(vectors.get(group.model), group.dimensions)
        )
    )


def _fits(vector: QuestionVector | Away | None, dimensions: int) -> bool:
    return isinstance(vector, QuestionVector) and len(vector.values) == dimensions


def _is_hopeless(vector: QuestionVector | Away | None) -> bool:
    return vector is not None and not (isinstance(vector, Away) and not vector.hopeless)


def _smoothing(plan: Plan, has_vectors: bool) -> str:
    if not plan.smooths:
        return NONE
    return NEIGHBOURS if has_vectors else f"{NEIGHBOURS} not done: no vectors"
