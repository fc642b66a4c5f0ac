"""What this service does when it is asked to read texts: for vectors, or to rank passages."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bus import Refused
from contracts.v1.models import EmbedTexts, PassagesRanked, RankPassages, TextsEmbedded
from llm_router import metrics
from llm_router.choosing import Choices
from llm_router.domain import Model, ModelFailed, Spend
from llm_router.embedding import Embedder
from llm_router.prices import Prices
from llm_router.ranking import Ranker
from llm_router.routes import Routes
from llm_router.spending import Ledger

_EMBED_SECONDS = {"query": 10.0, "passage": 60.0}
_RANK_SECONDS = 10.0
_ANSWER_RESERVE_SECONDS = 0.05


class ReadingHandlers:
    """Load, compute, and keep what it cost."""

    def __init__(
        self,
        *,
        routes: Routes,
        embedder: Embedder,
        ranker: Ranker,
        prices: Prices,
        ledger: Ledger,
        choices: Choices,
    ) -> None:
        self._routes = routes
        self._embedder = embedder
        self._ranker = ranker
        self._prices = prices
        self._ledger = ledger
        self._choices = choices

    async def embed_texts(self, request: EmbedTexts) -> TextsEmbedded:
        """One unit vector a text; refused with a code if the model cannot."""
        started = time.perf_counter()
        route = await self._routes.of(request.tenant_id)
        kept = route.routes.filled("embed", route.choices(self._choices))
        model = Model.named(request.model or kept.model or self._choices.embedding_model)
        with _measured("embeddings", model, started):
            found = await self._embedder.embed(
                request.tenant_id,
                model,
                self._routes.access(request.tenant_id, route, model),
                request.texts,
                request.purpose,
                seconds_left(request, kept.deadline_seconds or _EMBED_SECONDS[request.purpose]),
            )
        cost = self._prices.cost_usd(model, found.tokens, 0)
        if found.tokens:
            _count_tokens("embeddings", model, found.tokens)
            spend = _spend(request, request.purpose, model, found.tokens, cost, started)
            await self._ledger.record(spend)
        return TextsEmbedded(
            model=str(model),
            dimensions=found.dimensions,
            vectors=[base64.b64encode(row).decode() for row in found.rows],
            tokens=found.tokens,
            cost_usd=cost,
        )

    async def rank_passages(self, request: RankPassages) -> PassagesRanked:
        """How well each text answers the question; refused with a code if the model cannot."""
        started = time.perf_counter()
        model = Model.named(request.model)
        route = await self._routes.of(request.tenant_id)
        with _measured("rerank", model, started):
            ranked = await self._ranker.rank(
                request.tenant_id,
                model,
                self._routes.access(request.tenant_id, route, model),
                request.query,
                request.texts,
                request.weights,
                seconds_left(request, _RANK_SECONDS),
            )
        cost = self._prices.rank_cost_usd(model, ranked.tokens, ranked.searches)
        if ranked.tokens or ranked.searches:
            _count_tokens("rerank", model, ranked.tokens)
            spend = _spend(request, "rerank", model, ranked.tokens, cost, started)
            await self._ledger.record(spend)
        return PassagesRanked(
            model=str(model), scores=list(ranked.scores), tokens=ranked.tokens, cost_usd=cost
        )


def seconds_left(request: EmbedTexts | RankPassages, most: float) -> float:
    """How long somebody waits for this answer; refused when nobody does."""
    if request.deadline_at is None:
        return most
    left = (request.deadline_at - datetime.now(UTC)).total_seconds() - _ANSWER_RESERVE_SECONDS
    if left <= 0:
        raise Refused("deadline_passed", "the deadline had passed before the work began")
    return min(left, most)


@contextmanager
def _measured(operation: str, model: Model, started: float) -> Iterator[None]:
    """Time the operation, and tell the asker of a failure by its code."""
    error = ""
    try:
        yield
    except ModelFailed as failed:
        error = failed.code
        wait = failed.retry_after_seconds
        detail = failed.detail if wait is None else f"{failed.detail}; again in {wait:.0f} s"
        raise Refused(failed.code, detail, wait) from failed
    finally:
        metrics.OPERATION_SECONDS.labels(operation, model.provider, model.name, error).observe(
            time.perf_counter() - started
        )


def _count_tokens(operation: str, model: Model, tokens: int) -> None:
    metrics.TOKENS.labels(operation, model.provider, model.name, "input").inc(tokens)


def _spend(
    request: EmbedTexts | RankPassages,
    purpose: str,
    model: Model,
    tokens: int,
    cost_usd: float | None,
    started: float,
) -> Spend:
    return Spend(
        tenant_id=request.tenant_id,
        correlation_id=request.correlation_id,
        conversation_id=None,
        purpose=purpose,
        model=model,
        input_tokens=tokens,
        output_tokens=0,
        estimated=False,
        cost_usd=cost_usd,
        milliseconds=round((time.perf_counter() - started) * 1000),
        outcome="answered",
        occurred_at=datetime.now(UTC),
    )
