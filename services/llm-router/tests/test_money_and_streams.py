"""Prices, the ledger's writer, usage events, deltas, routes and cached vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts import heard_by
from contracts.v1.model_routes import (
    ForgetProvider,
    GetModelRoutes,
    KeepModelRoutes,
    KeepProvider,
    ListModelCalls,
    ListProviders,
    TestProvider,
)
from contracts.v1.models import (
    CallAbandoned,
    ChatMessage,
    EmbedTexts,
    GenerateReply,
    RankPassages,
    StreamTarget,
    TranscribeAudio,
)
from contracts.v1.spending import GetBudget, GetSpend, KeepBudget
from contracts.v1.tenants import TenantConfigured
from contracts.v1.turns import ReplyDelta
from llm_router import spending
from llm_router.choosing import TenantRoute
from llm_router.domain import Access, Model, ModelFailed, Spend
from llm_router.own_providers import KeptProvider, key_context
from llm_router.prices import Prices
from llm_router.provider_gates import Bounds, Gates
from llm_router.routes import Routes
from llm_router.spending import Ledger
from llm_router.streaming import Deltas
from llm_router.usage_events import usage_events
from llm_router.vector_cache import VectorCache

TENANT = UUID(int=7)
OWN_KEY = KeptProvider(
    "openai", "sealed", None, "-own", None, None, "working", None, datetime.now(UTC)
)


def spend(cost_usd: float | None = None, **others: Any) -> Spend:
    kept = Spend(
        tenant_id=TENANT,
        correlation_id=UUID(int=1),
        conversation_id=None,
        purpose="answer",
        model=Model("openai", "gpt-4o"),
        input_tokens=10,
        output_tokens=5,
        estimated=False,
        cost_usd=None if cost_usd is None else Decimal(str(cost_usd)),
        milliseconds=3,
        outcome="answered",
        occurred_at=datetime.now(UTC),
    )
    return replace(kept, **others)


def test_prices_are_known_free_or_none_but_never_a_silent_zero() -> None:
    prices = Prices()
    assert prices.cost_usd(Model.named("openai/gpt-4o"), 1_000_000, 100_000) == Decimal("3.5")
    assert prices.cost_usd(Model.named("builtin/extractive"), 10, 10) == 0.0
    assert prices.cost_usd(Model.named("ollama/llama3"), 10, 10) == 0.0
    assert prices.cost_usd(Model.named("openai/never-heard-of"), 10, 10) is None


def test_prices_we_do_not_keep_come_from_litellms_map() -> None:
    pytest.importorskip("tiktoken")
    assert Prices().cost_usd(Model.named("openai/gpt-3.5-turbo"), 1_000, 1_000)


class Written:
    def __init__(self) -> None:
        self.commits: list[list[Spend]] = []
        self.away = False

    async def __call__(self, spends: Sequence[Spend]) -> None:
        if self.away:
            raise ConnectionError("away")
        self.commits.append(list(spends))


async def test_money_is_committed_before_the_answer() -> None:
    written = Written()
    ledger = Ledger(written)
    ledger.start()
    await ledger.record(spend(0.5))
    assert [len(commit) for commit in written.commits] == [1]
    await ledger.record(spend(None))
    assert [len(commit) for commit in written.commits] == [1, 1]
    await ledger.close()


async def test_many_at_once_share_commits() -> None:
    written = Written()
    ledger = Ledger(written)
    ledger.start()
    await asyncio.gather(*(ledger.record(spend(0.001)) for _ in range(200)))
    await ledger.close()
    assert sum(map(len, written.commits)) == 200
    assert len(written.commits) < 20


async def test_free_calls_do_not_wait_and_are_not_lost() -> None:
    written = Written()
    ledger = Ledger(written)
    ledger.start()
    for _ in range(5):
        await ledger.record(spend(0.0))
    assert written.commits == []
    await ledger.close()
    assert [len(commit) for commit in written.commits] == [5]


async def test_a_database_that_is_away_delays_rows_and_loses_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spending, "FREE_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(spending, "_COMMIT_WAIT_SECONDS", 0.05)
    written = Written()
    written.away = True
    ledger = Ledger(written)
    ledger.start()
    await ledger.record(spend(0.5))
    assert written.commits == []
    written.away = False
    await ledger.record(spend(0.7))
    await ledger.close()
    assert [s.cost_usd for commit in written.commits for s in commit] == [
        Decimal("0.5"),
        Decimal("0.7"),
    ]


def test_free_calls_are_said_as_sums_and_paid_ones_each() -> None:
    free = [spend(0.0, purpose="query", model=Model("builtin", "minilm")) for _ in range(3)]
    events = usage_events([*free, spend(0.5), spend(0.5), spend(0, outcome="x", input_tokens=0)])
    assert [(event.purpose, event.input_tokens, event.cost_usd) for event in events] == [
        ("query", 30, 0.0),
        ("answer", 10, 0.5),
        ("answer", 10, 0.5),
    ]


def streamed_request() -> GenerateReply:
    return GenerateReply.make(
        tenant_id=TENANT,
        purpose="answer",
        conversation_id=None,
        model=None,
        messages=[ChatMessage(role="user", content="Hi", tool_calls=[], tool_call_id=None)],
        tools=[],
        passages=[],
        reply_tokens_max=10,
        deadline_at=datetime.now(UTC) + timedelta(seconds=5),
        stream=StreamTarget(channel_id=uuid4(), visitor_id="v", turn_id=uuid4(), attempt=2),
    )


async def test_the_first_words_go_at_once_and_the_rest_in_pieces() -> None:
    said: list[ReplyDelta] = []

    async def stream(delta: ReplyDelta) -> None:
        said.append(delta)

    deltas = Deltas(streamed_request(), stream)
    deltas.push("First ")
    for _ in range(3):
        await asyncio.sleep(0)
    assert [delta.text for delta in said] == ["First "]
    for word in ("second ", "third "):
        deltas.push(word)
    await deltas.close()
    assert [(delta.index, delta.text) for delta in said] == [(0, "First "), (1, "second third ")]
    assert {delta.attempt for delta in said} == {2}


async def test_long_pieces_are_cut_and_lost_ones_harm_nothing() -> None:
    said: list[ReplyDelta] = []

    async def stream(delta: ReplyDelta) -> None:
        if delta.index == 0:
            raise ConnectionError("away")
        said.append(delta)

    deltas = Deltas(streamed_request(), stream)
    deltas.push("x" * 20_000)
    await deltas.close()
    assert [delta.index for delta in said] == [1, 2]
    assert all(len(delta.text) <= 8_192 for delta in said)


async def test_nothing_to_say_says_nothing() -> None:
    async def stream(_: ReplyDelta) -> None:
        raise AssertionError("nothing was pushed")

    await Deltas(streamed_request(), stream).close()


async def test_routes_are_kept_forgotten_and_survive_the_database() -> None:
    loads: list[UUID] = []
    away = False

    async def load(tenant_id: UUID) -> TenantRoute:
        if away:
            raise ConnectionError("away")
        loads.append(tenant_id)
        return TenantRoute(model="openai/a", providers={"openai": OWN_KEY})

    routes = Routes(load, lambda *_: "sk-own", {"openai": Access("http://x", "sk-platform")})
    route = await routes.of(TENANT)
    await routes.of(TENANT)
    assert len(loads) == 1
    assert routes.access(TENANT, route, Model.named("openai/a")) == Access(
        "http://x", "sk-own", own=True
    )
    assert routes.access(TENANT, route, Model.named("groq/a")) == Access(None, None)
    routes.forget(TENANT)
    await routes.of(TENANT)
    assert len(loads) == 2
    routes.forget(TENANT)
    away = True
    assert await routes.of(TENANT) == route


async def test_nobody_knows_a_tenants_choices_and_its_words_go_nowhere() -> None:
    async def load(_: UUID) -> TenantRoute:
        raise ConnectionError("away")

    bounds = Gates(Bounds(concurrent_max=1), None)
    platform = {"openai": Access("http://x", "sk-platform")}
    routes = Routes(load, lambda *_: "sk-own", platform, bounds)
    unknown = await routes.of(TENANT)
    with pytest.raises(ModelFailed):
        routes.access(TENANT, unknown, Model.named("openai/a"))
    builtin = routes.access(TENANT, unknown, Model.named("builtin/extractive"))
    assert (builtin.url, builtin.gates) == (None, ()), "the builtin waits behind a provider's bound"
    assert routes.access(TENANT, TenantRoute(), Model.named("openai/a")).gates


def test_keys_are_sealed_for_one_tenant_and_provider() -> None:
    assert key_context(TENANT, "openai") == f"provider-key:{TENANT}:openai"  # as gateway seals it
    assert key_context(TENANT, "openai") != key_context(UUID(int=8), "openai")


def test_tenants_share_no_vectors_and_old_ones_go() -> None:
    cache, model = VectorCache(size=2), Model("builtin", "minilm")
    mine, other = cache.key(TENANT, model, "text"), cache.key(UUID(int=8), model, "text")
    cache.remember(mine, b"1")
    assert cache.recall(other) is None
    cache.remember(other, b"2")
    assert cache.recall(mine) == b"1"
    cache.remember(cache.key(TENANT, model, "third"), b"3")
    assert cache.recall(other) is None
    assert cache.recall(mine) == b"1"


def test_what_the_catalogue_says_is_heard() -> None:
    assert set(heard_by("llm-router")) == {
        GenerateReply,
        EmbedTexts,
        RankPassages,
        TenantConfigured,
        CallAbandoned,
        TranscribeAudio,
        GetBudget,
        KeepBudget,
        GetSpend,
        GetModelRoutes,
        KeepModelRoutes,
        KeepProvider,
        ListProviders,
        TestProvider,
        ForgetProvider,
        ListModelCalls,
    }
