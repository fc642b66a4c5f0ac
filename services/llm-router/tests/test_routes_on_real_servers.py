"""Routes in a real process: asked over RabbitMQ, the loser of a hedge in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from contracts.v1.model_routes import GetModelRoutes, KeepModelRoutes, KeepProvider
from contracts.v1.models import EmbedTexts
from llm_router.own_providers import key_context
from sealing import KeyRing

from .test_on_real_servers import (  # noqa: F401 - the fixtures are used by their names
    MASTER_KEYS,
    TENANT,
    Asker,
    AskFailed,
    asker,
    database,
    environment,
    rows,
    target,
    until,
)
from .world import made_route


@pytest.fixture
async def router(processes: Any, environment: dict[str, str]) -> Any:  # noqa: F811
    """A router that is quick to pause and to probe."""
    quick = {"CHAT_LLM_COOLDOWN_SECONDS": "0.2", "CHAT_LLM_PROBE_SECONDS": "0.05"}
    process = processes.spawn("llm_router", environment, **quick)
    await asyncio.to_thread(process.wait_ready)
    return process


async def keep(asker: Asker, **route: Any) -> Any:  # noqa: F811 - a fixture's name
    wish = KeepModelRoutes.make(tenant_id=TENANT, routes=[made_route(**route)])
    return await asker.gateway.ask(wish, timeout_seconds=10)


def ended(calls: list[dict[str, Any]]) -> Callable[[str], str]:
    by_model = {call["body"]["model"]: call["ended"] for call in calls}
    return by_model.__getitem__


async def test_routes_hedges_and_keys_through_the_broker(
    router: Any,
    asker: Asker,  # noqa: F811
    provider: Any,
    database: Any,  # noqa: F811
) -> None:
    await keep(asker, model="openai/old", canary_model="openai/new", canary_percent=100.0)
    canary = await asker.reply(seed="a seed", spent_for="replay")
    assert (canary.model, canary.variant, canary.fallback) == ("openai/new", "canary", False)
    assert [one.outcome for one in canary.tries] == ["answered"]

    await keep(asker, model="openai/slow", fallbacks=["openai/fast"], hedge_after_milliseconds=150)
    await provider.script({"kind": "answer", "delay_ms": 20_000, "model": "slow"})
    hedged = await asker.reply(stream=target())
    assert (hedged.model, hedged.variant, hedged.fallback) == ("openai/fast", "primary", True)
    assert [(one.model, one.outcome) for one in hedged.tries] == [
        ("openai/slow", "abandoned"),
        ("openai/fast", "answered"),
    ]

    async def closed() -> bool:
        return ended(await provider.calls())("slow") == "caller left"

    await until(closed, "the loser's call closed at the provider")

    async def booked() -> bool:
        found = await rows(database, "select model, outcome, purpose from spends")
        return {tuple(row) for row in found} == {
            ("openai/new", "answered", "replay"),
            ("openai/slow", "abandoned", "answer"),
            ("openai/fast", "answered", "answer"),
        }

    await until(booked, "winner and loser in the ledger")
    found = await asker.gateway.ask(GetModelRoutes.make(tenant_id=TENANT), timeout_seconds=10)
    assert {one.model: one.state for one in found.health}["openai/fast"] == "working"

    await provider.script({"kind": "error", "status": 401, "message": "Incorrect API key."})
    sealed = KeyRing.from_text(MASTER_KEYS).seal(b"sk-wrong", key_context(TENANT, "openai"))
    wish = KeepProvider.make(
        tenant_id=TENANT, provider="openai", sealed_key=sealed, base_url=None,
        test_model="openai/sim", requests_per_minute=None, concurrent_max=None,
    )  # fmt: skip
    with pytest.raises(AskFailed) as refused:
        await asker.gateway.ask(wish, timeout_seconds=20)
    assert (refused.value.code, refused.value.detail) == (
        "provider_refused", "HTTP 401: Incorrect API key.",
    )  # fmt: skip

    embedding = await keep(asker, purpose="embed", model="openai/sim-embed")
    assert {route.purpose: route.model for route in embedding.routes}["embed"] == "openai/sim-embed"
    wish = EmbedTexts.make(tenant_id=TENANT, purpose="query", model=None, texts=["words"])
    vectors = await asker.retriever.ask(wish, timeout_seconds=10)
    assert (vectors.model, len(vectors.vectors)) == ("openai/sim-embed", 1)
    stranger = GetModelRoutes.make(tenant_id=uuid4())
    theirs = await asker.gateway.ask(stranger, timeout_seconds=10)
    assert theirs.routes[0].model == "builtin/extractive"
    assert "sk-wrong" not in await asyncio.to_thread(router.log.read_text)


async def test_a_model_that_comes_back_is_noticed_without_a_customer(
    router: Any,
    asker: Asker,  # noqa: F811
    provider: Any,
    session: Any,
) -> None:
    await keep(asker, model="openai/sick", fallbacks=[])
    await provider.script({"kind": "error", "status": 503, "model": "sick", "times": 4})
    for _ in range(2):
        assert (await asker.reply()).model == "builtin/extractive"

    async def health() -> str:
        asked = GetModelRoutes.make(tenant_id=TENANT)
        found = await asker.gateway.ask(asked, timeout_seconds=10)
        return str({one.model: one.state for one in found.health}["openai/sick"])

    async def well() -> bool:
        return await health() == "working"

    await until(well, "the prober finds out")
    probes = (await provider.calls())[4:]
    assert {call["body"]["messages"][0]["content"] for call in probes} == {"Say: ok"}
    assert (await asker.reply()).model == "openai/sick"
    async with session.get(f"{router.admin_url}/metrics") as answer:
        told = await answer.text()
    assert 'chat_llm_probes_total{model="openai/sick",outcome="answered"} 1.0' in told
    assert 'chat_llm_model_cooling{model="openai/sick"} 0.0' in told
