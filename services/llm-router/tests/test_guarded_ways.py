"""Vectors, ranks and late answers over tenants' own ways: in bounds, closed in time, not inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, Model, ModelFailed
from llm_router.gated import GatedEmbeddings, GatedRanks
from llm_router.lean import LeanEmbeddings
from llm_router.provider_gates import Bounds, Gate
from llm_router.ranking import RankCall, Ranked

from .world import World

pytest.importorskip("testkit")
from egress import EgressPolicy, open_session
from testkit import eventually_async

TENANT, MODEL = UUID(int=7), Model("openai", "sim-embed")


@pytest.fixture
async def embedding(
    session: aiohttp.ClientSession,
) -> AsyncIterator[tuple[GatedEmbeddings, Cooldowns]]:
    cooldowns = Cooldowns(10.0)
    async with open_session(EgressPolicy(), user_agent="test", total_seconds=5) as checked:
        plain, guarded = LeanEmbeddings(session), LeanEmbeddings(checked)
        yield GatedEmbeddings(plain, guarded, cooldowns.note), cooldowns


async def test_vectors_go_the_checked_way_to_a_tenants_address(
    embedding: tuple[GatedEmbeddings, Cooldowns], provider: Any
) -> None:
    adapter, cooldowns = embedding
    platform, own = Access(provider.url, "k"), Access(provider.url, "k", own=True, guarded=True)
    found = await adapter.embed(MODEL, platform, ["words"], "query", 5.0)
    assert len(found.rows) == 1
    assert cooldowns.state(MODEL, platform)[1] == "working"
    with pytest.raises(ModelFailed) as refused:
        await adapter.embed(MODEL, own, ["words"], "query", 5.0)
    assert refused.value.code == "unreachable"
    assert cooldowns.state(MODEL, own)[1] == "failing"
    with pytest.raises(ModelFailed) as odd:
        await adapter.embed(Model("huggingface", "http://10.0.0.1"), platform, ["x"], "query", 5.0)
    assert odd.value.code == "unknown_model"
    assert len(await provider.calls()) == 1


async def test_vectors_and_ranks_stay_in_the_providers_bounds(
    embedding: tuple[GatedEmbeddings, Cooldowns], provider: Any
) -> None:
    gate = Gate("openai", Bounds(requests_per_minute=1))
    access = Access(provider.url, "k", gates=(gate,))
    await embedding[0].embed(MODEL, access, ["words"], "query", 5.0)
    with pytest.raises(ModelFailed) as full:
        await embedding[0].embed(MODEL, access, ["words"], "query", 5.0)
    assert (full.value.code, full.value.retry_after_seconds is not None) == ("rate_limited", True)

    class Ranker:
        async def rank(self, call: RankCall) -> Ranked:
            return Ranked((1.0,))

    def call(access: Access) -> RankCall:
        return RankCall(TENANT, Model("cohere", "r"), access, "question", ["text"], None, 5.0)

    with pytest.raises(ModelFailed) as too_many:
        await GatedRanks(Ranker()).rank(call(access))
    assert too_many.value.code == "rate_limited"
    with pytest.raises(ModelFailed):
        await GatedRanks(Ranker()).rank(call(Access("https://own.example", "k", guarded=True)))
    assert (await GatedRanks(Ranker()).rank(call(Access(None, "k")))).scores == (1.0,)


async def test_a_provider_is_left_at_the_deadline_and_when_nobody_waits(
    service_database: Callable[..., Any], session: aiohttp.ClientSession, provider: Any
) -> None:
    world = await World.open(service_database("llm_router"), session, provider.url)
    await provider.script({"kind": "hang", "after_chunks": 0, "times": 2})
    answered = await world.chat(TENANT, "openai/sim", "builtin/extractive", seconds=0.4)
    assert (answered.tries[0].outcome, answered.fallback) == ("timeout", True)
    asked = asyncio.create_task(world.chat(TENANT, "openai/sim", "builtin/extractive"))

    async def ended() -> list[str]:
        return [call["ended"] for call in await provider.calls()]

    async def hanging() -> bool:
        return await ended() == ["caller left", "hanging"]

    await eventually_async(hanging, "the first call closed at its deadline, the second begun")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    async def left() -> bool:
        return await ended() == ["caller left"] * 2

    await eventually_async(left, "the abandoned call closed at the provider")
    await world.close()
