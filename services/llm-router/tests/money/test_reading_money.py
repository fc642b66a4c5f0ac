"""Embeddings and rankings are held for, counted, and refused when the budget is spent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from bus import Refused
from contracts.v1.models import EmbedTexts, RankPassages
from llm_router.choosing import Choices, TenantRoute
from llm_router.domain import Access, ModelFailed, Vectors
from llm_router.ranking import Ranked
from llm_router.reading_requests import ReadingHandlers
from llm_router.routes import Routes


class Reads:
    """Embeds and ranks at a cent a token, or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.tokens = 4
        self.fails = ""

    async def embed(self, _tenant: Any, _model: Any, _access: Any, texts: Sequence[str],
                    *_others: Any) -> Vectors:  # fmt: skip
        self.calls += 1
        if self.fails:
            raise ModelFailed(self.fails, "as told")
        return Vectors(tuple(b"\0" * 8 for _ in texts), 2, self.tokens)

    async def rank(self, _tenant: Any, _model: Any, _access: Any, _question: str,
                   texts: Sequence[str], *_others: Any) -> Ranked:  # fmt: skip
        self.calls += 1
        return Ranked(tuple(0.5 for _ in texts), self.tokens, 0)


class Reader:
    """The handlers over books."""

    def __init__(self, books: Any) -> None:
        self.books, self.reads = books, Reads()
        money = books.replicas[0]

        async def load(_tenant_id: Any) -> TenantRoute:
            return TenantRoute()

        doubles: Any = self.reads
        self.handlers = ReadingHandlers(
            routes=Routes(load, lambda *_: "", {"openai": Access(None, None)}),
            embedder=doubles,
            ranker=doubles,
            prices=money.prices,
            ledger=money.ledger,
            purses=money.purses,
            choices=Choices("openai/main", (), "openai/main"),
        )

    async def embed(self, text: str = "word") -> Any:
        wish = EmbedTexts.make(
            tenant_id=self.books.tenant_id, purpose="query", model="openai/main", texts=[text]
        )
        return await self.handlers.embed_texts(wish)

    async def rank(self) -> Any:
        wish = RankPassages.make(
            tenant_id=self.books.tenant_id,
            model="openai/main",
            query="word",
            texts=["a", "b"],
            weights=None,
        )
        return await self.handlers.rank_passages(wish)


@pytest.fixture
def reader(books: Any) -> Reader:
    return Reader(books)


async def test_vectors_and_rankings_cost_what_they_cost(reader: Reader) -> None:
    await reader.books.keep(10.0)
    assert (await reader.embed()).cost_usd == 0.04
    assert (await reader.rank()).cost_usd == 0.04
    assert await reader.books.month() == (Decimal("0.08"), 0)
    rows = await reader.books.sql("select purpose, freed_usd from spends order by occurred_at")
    assert [row["purpose"] for row in rows] == ["query", "rerank"]
    assert all(row["freed_usd"] > Decimal("0.04") for row in rows)
    reader.reads.tokens = 0  # everything was known already
    await reader.embed()
    await nothing_held(reader)
    assert await reader.books.month() == (Decimal("0.08"), 0)


async def test_a_spent_budget_refuses_before_the_provider_is_asked(reader: Reader) -> None:
    await reader.books.keep(0.1)
    for ask in (reader.embed, reader.rank):
        with pytest.raises(Refused) as refused:
            await ask()
        assert refused.value.code == "budget_exhausted"
        assert refused.value.retry_after_seconds == 600
    assert reader.reads.calls == 0


async def test_a_failure_gives_back_what_was_held_or_keeps_it_where_it_was_likely_billed(
    reader: Reader,
) -> None:
    await reader.books.keep(10.0)
    reader.reads.fails = "rate_limited"
    with pytest.raises(Refused):
        await reader.embed()
    reader.reads.fails = "timeout"
    with pytest.raises(Refused):
        await reader.embed()
    await nothing_held(reader)
    rows = await reader.books.sql("select outcome, cost_usd, estimated from spends order by 1")
    assert [tuple(row) for row in rows] == [
        ("rate_limited", 0, True),
        ("timeout", Decimal("0.2"), True),
    ]


async def test_a_cheaper_model_for_chats_takes_nothing_from_vectors(reader: Reader) -> None:
    await reader.books.keep(1.0, cheaper_percent=10, cheaper_model="openai/cheap")
    await reader.books.settle(reader.books.purse(), None, 50)
    assert (await reader.embed()).cost_usd == 0.04


async def nothing_held(reader: Reader) -> None:
    from testkit import eventually_async

    async def settled() -> bool:
        return bool((await reader.books.month())[1] == 0)

    await eventually_async(settled, "nothing held", timeout_seconds=0.8)
