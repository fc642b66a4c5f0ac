"""Vectors from whichever provider a model belongs to; questions are kept.

Requests to providers go through `EmbeddingBatches`; the builtin model computes at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from llm_router import metrics
from llm_router.domain import (
    BUILTIN,
    Access,
    EmbeddingAdapter,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    Vectors,
)
from llm_router.embedding_batches import EmbeddingBatches, Key
from llm_router.vector_cache import VectorCache

_NO_ACCESS = Access(None, None)
_PASSAGES_IN_HAND_MAX = 192
_COME_AGAIN_SECONDS = 2.0


class Embedder:
    """Finds the adapter of a model; `adapters` by provider, `otherwise` for all others."""

    def __init__(
        self,
        adapters: Mapping[str, EmbeddingAdapter],
        cache: VectorCache,
        otherwise: EmbeddingAdapter | None = None,
        passages_in_hand_max: int = _PASSAGES_IN_HAND_MAX,
    ) -> None:
        self._adapters = adapters
        self._cache = cache
        self._otherwise = otherwise
        self._batches = EmbeddingBatches()
        self._passages_in_hand_max = passages_in_hand_max
        self._passages_in_hand = 0

    async def embed(
        self,
        tenant_id: UUID,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text; queries come from the cache where known. Raises ModelFailed.

        `tokens` counts only what was really computed. Passages may not fill this process's hands:
        a question must find a free one.
        """
        if purpose == "query":
            return await self.cached(tenant_id, model, texts, timeout_seconds, access)
        if self._passages_in_hand >= self._passages_in_hand_max:
            detail = f"{self._passages_in_hand} requests of passages are in hand"
            raise ModelFailed("overloaded", detail, _COME_AGAIN_SECONDS)
        self._passages_in_hand += 1
        try:
            return await self._compute(tenant_id, model, access, texts, purpose, timeout_seconds)
        finally:
            self._passages_in_hand -= 1

    async def _compute(
        self,
        tenant_id: UUID,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        adapter = self._adapter(model)
        if model.provider == BUILTIN:
            return await adapter.embed(model, access, texts, purpose, timeout_seconds)
        key = Key(tenant_id, model, access, purpose)
        return await self._batches.embed(key, adapter, texts, timeout_seconds)

    async def cached(
        self,
        tenant_id: UUID,
        model: Model,
        texts: Sequence[str],
        timeout_seconds: float,
        access: Access = _NO_ACCESS,
    ) -> Vectors:
        """Vectors of texts that are likely to be asked for again."""
        keys = [VectorCache.key(tenant_id, model, text) for text in texts]
        rows = {key: self._cache.recall(key) for key in keys}
        missing = {k: text for k, text in zip(keys, texts, strict=True) if rows[k] is None}
        metrics.EMBEDDING_CACHE.labels("hit").inc(len(texts) - len(missing))
        metrics.EMBEDDING_CACHE.labels("miss").inc(len(missing))
        tokens = 0
        if missing:
            wanted = list(missing.values())
            found = await self._compute(tenant_id, model, access, wanted, "query", timeout_seconds)
            tokens = found.tokens
            for key, vector in zip(missing, found.rows, strict=True):
                rows[key] = vector
                self._cache.remember(key, vector)
        ordered = tuple(row for key in keys if (row := rows[key]) is not None)
        return Vectors(ordered, len(ordered[0]) // 4, tokens)

    def _adapter(self, model: Model) -> EmbeddingAdapter:
        adapter = self._adapters.get(model.provider, self._otherwise)
        if adapter is None:
            raise ModelFailed("unknown_model", f"no provider for {model}")
        return adapter
