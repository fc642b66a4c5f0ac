"""What this service does when it is asked to read texts: for vectors, or to rank passages."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from bus import Refused
from contracts.v1.models import EmbedTexts, PassagesRanked, RankPassages, TextsEmbedded
from llm_router import metrics
from llm_router.budgets import tokens_at_most
from llm_router.choosing import Choices
from llm_router.domain import Model, ModelFailed
from llm_router.embedding import Embedder
from llm_router.prices import Prices
from llm_router.purse import Reservation
from llm_router.purses import NOTHING, OVER_BUDGET, Payer, Purses, RequestPurse, Usage
from llm_router.ranking import Ranker
from llm_router.routes import Routes
from llm_router.spending import Ledger

_EMBED_SECONDS = {"query": 10.0, "passage": 60.0}
_RANK_SECONDS = 10.0
_ANSWER_RESERVE_SECONDS = 0.05
_BUDGET_WAIT_SECONDS = 600.0
"""A spent budget is not there again soon, but people may raise it."""


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
        purses: Purses,
        choices: Choices,
    ) -> None:
        self._routes = routes
        self._embedder = embedder
        self._ranker = ranker
        self._prices = prices
        self._ledger = ledger
        self._purses = purses
        self._choices = choices

    async def embed_texts(self, request: EmbedTexts) -> TextsEmbedded:
        """One unit vector a text; refused with a code if the model cannot."""
        started = time.perf_counter()
        route = await self._routes.of(request.tenant_id)
        kept = route.routes.filled("embed", route.choices(self._choices))
        model = Model.named(request.model or kept.model or self._choices.embedding_model)
        longest = kept.deadline_seconds or _EMBED_SECONDS[request.purpose]
        seconds = seconds_left(request, longest)
        purse = self._purse_of(request, request.purpose)
        most = partial(self._most_usd, model, request.texts)
        with _measured("embeddings", model, started):
            async with _paid(purse, model, most, seconds) as paid:
                found = await self._embedder.embed(
                    request.tenant_id,
                    model,
                    self._routes.access(request.tenant_id, route, model),
                    request.texts,
                    request.purpose,
                    seconds,
                )
                cost = self._prices.cost_usd(model, found.tokens, 0)
                paid.usage = Usage(found.tokens, 0, cost, milliseconds=_since(started))
        if found.tokens:
            _count_tokens("embeddings", model, found.tokens)
        if found.tokens or paid.held is not None:
            await self._ledger.record(purse.spend(model, paid.usage, paid.held))
        return TextsEmbedded(
            model=str(model),
            dimensions=found.dimensions,
            vectors=[base64.b64encode(row).decode() for row in found.rows],
            tokens=found.tokens,
            cost_usd=None if cost is None else float(cost),
        )

    async def rank_passages(self, request: RankPassages) -> PassagesRanked:
        """How well each text answers the question; refused with a code if the model cannot."""
        started = time.perf_counter()
        model = Model.named(request.model)
        route = await self._routes.of(request.tenant_id)
        seconds = seconds_left(request, _RANK_SECONDS)
        purse = self._purse_of(request, "rerank")
        most = partial(self._rank_most_usd, model, request.query, request.texts)
        with _measured("rerank", model, started):
            async with _paid(purse, model, most, seconds) as paid:
                ranked = await self._ranker.rank(
                    request.tenant_id,
                    model,
                    self._routes.access(request.tenant_id, route, model),
                    request.query,
                    request.texts,
                    request.weights,
                    seconds,
                )
                cost = self._prices.rank_cost_usd(model, ranked.tokens, ranked.searches)
                paid.usage = Usage(ranked.tokens, 0, cost, milliseconds=_since(started))
        if ranked.tokens or ranked.searches:
            _count_tokens("rerank", model, ranked.tokens)
        if ranked.tokens or ranked.searches or paid.held is not None:
            await self._ledger.record(purse.spend(model, paid.usage, paid.held))
        return PassagesRanked(
            model=str(model),
            scores=list(ranked.scores),
            tokens=ranked.tokens,
            cost_usd=None if cost is None else float(cost),
        )

    def _purse_of(self, request: EmbedTexts | RankPassages, purpose: str) -> RequestPurse:
        return self._purses.of(Payer(request.tenant_id, request.correlation_id, None, purpose))

    def _most_usd(self, model: Model, texts: Sequence[str]) -> Decimal | None:
        return self._prices.cost_usd(model, tokens_at_most(texts), 0)

    def _rank_most_usd(self, model: Model, question: str, texts: Sequence[str]) -> Decimal | None:
        """A question is read once with each text; a hundred texts are at most so many searches."""
        tokens = tokens_at_most(texts) + len(texts) * tokens_at_most([question])
        return self._prices.rank_cost_usd(model, tokens, len(texts))


@dataclass(slots=True)
class Paid:
    """What is held for a call, and what it took in the end."""

    held: Reservation | None
    usage: Usage = NOTHING


@asynccontextmanager
async def _paid(
    purse: RequestPurse, model: Model, most_usd: Callable[[], Decimal | None], seconds: float
) -> AsyncIterator[Paid]:
    """Hold what a call may cost; a call that fails gives it back, or keeps what it likely took."""
    most = most_usd() if purse.has_budget else None
    paid = Paid(await purse.hold(model, most, seconds))
    code, billed = "abandoned", None
    try:
        yield paid
        code = ""
    except ModelFailed as failure:
        code, billed = failure.code, failure.billed
        raise
    finally:
        if code and (paid.held is not None or billed is not None):
            purse.dropped(model, paid.held, code, billed)


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


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
        if failed.code == OVER_BUDGET:
            raise Refused("budget_exhausted", failed.detail, _BUDGET_WAIT_SECONDS) from failed
        wait = failed.retry_after_seconds
        detail = failed.detail if wait is None else f"{failed.detail}; again in {wait:.0f} s"
        raise Refused(failed.code, detail, wait) from failed
    finally:
        metrics.OPERATION_SECONDS.labels(operation, *metrics.labels_of(model), error).observe(
            time.perf_counter() - started
        )


def _count_tokens(operation: str, model: Model, tokens: int) -> None:
    metrics.TOKENS.labels(operation, *metrics.labels_of(model), "input").inc(tokens)
