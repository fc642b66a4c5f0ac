"""Ranks passages against a question by whichever model is named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from llm_router import metrics
from llm_router.domain import BUILTIN, Access, Model, ModelFailed
from llm_router.late_interaction import TokenVectors, late_scores, token_weights
from llm_router.minilm import MiniLM
from llm_router.token_vector_cache import TokenVectorCache


@dataclass(frozen=True, slots=True)
class Ranked:
    """One score a passage, higher is better; tokens and billed searches where they are known."""

    scores: tuple[float, ...]
    tokens: int = 0
    searches: int = 0


@dataclass(frozen=True, slots=True)
class RankCall:
    """One call of one ranking model."""

    tenant_id: UUID
    model: Model
    access: Access
    question: str
    texts: Sequence[str]
    weights: Sequence[float] | None
    timeout_seconds: float


class RankAdapter(Protocol):
    """Speaks to one family of ranking models."""

    async def rank(self, call: RankCall) -> Ranked:
        """One score a text, in order. Raises ModelFailed."""
        ...


class LateInteraction:
    """`builtin/maxsim`: the token vectors of the embedding model that runs in this process."""

    def __init__(self, minilm: MiniLM, cache: TokenVectorCache) -> None:
        self._minilm = minilm
        self._cache = cache

    async def rank(self, call: RankCall) -> Ranked:
        """One score a text, in order; passages that were ranked before are not computed again."""
        if call.model.name != "maxsim":
            raise ModelFailed("unknown_model", f"there is no {call.model}; there is builtin/maxsim")
        keys = [TokenVectorCache.key(call.tenant_id, text) for text in call.texts]
        known = {key: self._cache.recall(key) for key in keys}
        missing = {k: text for k, text in zip(keys, call.texts, strict=True) if known[k] is None}
        metrics.RANKED.labels("known").inc(len(keys) - len(missing))
        metrics.RANKED.labels("computed").inc(len(missing))
        wanted = [call.question, *missing.values()]
        [question, *computed], tokens = await self._minilm.token_vectors(
            wanted, call.timeout_seconds
        )
        for key, vectors in zip(missing, computed, strict=True):
            known[key] = replace(vectors, offsets=())
            self._cache.remember(key, replace(vectors, offsets=()))
        weights = token_weights(call.question, question, call.weights)
        rows: list[TokenVectors] = [row for key in keys if (row := known[key]) is not None]
        scores = await asyncio.to_thread(late_scores, question, weights, rows)
        return Ranked(tuple(scores), tokens)


class Ranker:
    """Finds the adapter of a model; `adapters` by provider, `otherwise` for all others."""

    def __init__(self, adapters: Mapping[str, RankAdapter], otherwise: RankAdapter) -> None:
        self._adapters = adapters
        self._otherwise = otherwise

    async def rank(
        self,
        tenant_id: UUID,
        model: Model,
        access: Access,
        question: str,
        texts: Sequence[str],
        weights: Sequence[float] | None,
        timeout_seconds: float,
    ) -> Ranked:
        """One score a text, in order. Raises ModelFailed."""
        call = RankCall(tenant_id, model, access, question, texts, weights, timeout_seconds)
        ranked = await self._adapters.get(model.provider, self._otherwise).rank(call)
        if len(ranked.scores) != len(texts):
            detail = f"{len(ranked.scores)} scores for {len(texts)} texts"
            raise ModelFailed("bad_response", detail)
        return ranked


def usual_ranker(minilm: MiniLM, cache_bytes_max: int, otherwise: RankAdapter) -> Ranker:
    """The builtin model, and litellm's providers."""
    late = LateInteraction(minilm, TokenVectorCache(cache_bytes_max))
    return Ranker({BUILTIN: late}, otherwise)
