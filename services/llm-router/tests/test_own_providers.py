"""Tenants' own keys and addresses, over real Postgres and the provider simulator."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.v1.model_routes import (
    ForgetProvider,
    GetModelRoutes,
    KeepModelRoutes,
    KeepProvider,
    ListProviders,
)
from contracts.v1.model_routes import TestProvider as TryProvider
from llm_router.domain import Model, Spend
from llm_router.own_providers import key_context
from sealing import KeyRing

from .world import MASTER_KEYS, World, made_route

pytest.importorskip("testkit")
from bus import Refused

KEY = "sk-of-the-tenant-0123456789-wxyz"


@pytest.fixture
async def worlds(
    service_database: Callable[..., Any], session: aiohttp.ClientSession, provider: Any
) -> AsyncIterator[Callable[..., Any]]:
    """`await worlds(private_base_urls=True)`: the parts of a router over a fresh database."""
    database, opened = service_database("llm_router"), []

    async def make(**settings: Any) -> World:
        world = await World.open(database, session, provider.url, **settings)
        opened.append(world)
        return world

    yield make
    for world in opened:
        await world.close()


def sealed(tenant_id: UUID, provider: str = "openai", key: str = KEY) -> str:
    ring = KeyRing.from_text(MASTER_KEYS)
    return ring.seal(key.encode(), key_context(tenant_id, provider))


def wish(tenant_id: UUID, provider: str = "openai", **others: Any) -> KeepProvider:
    fields: dict[str, Any] = {
        "sealed_key": None,
        "base_url": None,
        "test_model": None,
        "requests_per_minute": None,
        "concurrent_max": None,
    }
    return KeepProvider.make(tenant_id=tenant_id, provider=provider, **(fields | others))


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value


async def test_a_key_that_works_is_kept_sealed_and_shown_by_its_end(
    worlds: Any, provider: Any, capsys: Any
) -> None:
    world, tenant, other = await worlds(), uuid4(), uuid4()
    kept = await world.asked.keep(wish(tenant, sealed_key=sealed(tenant), test_model="sim-small"))
    assert (kept.provider.key_ending, kept.provider.state) == ("wxyz", "working")
    [call] = await provider.calls()
    assert call["headers"]["authorization"] == f"Bearer {KEY}"
    assert [spend.purpose for spend in world.spends] == ["test"]
    listed = await world.asked.list(ListProviders.make(tenant_id=tenant))
    assert [one.provider for one in listed.providers] == ["openai"]
    connection = await asyncpg.connect(world.admin_url)
    rows = str(await connection.fetch("select * from provider_keys"))
    await connection.close()
    assert sealed(tenant)[:5] in rows
    said = capsys.readouterr()
    for place in (rows, str(kept), str(listed), said.out, said.err):
        assert KEY not in place, "the key stands somewhere in plain text"
    assert not (await world.asked.list(ListProviders.make(tenant_id=other))).providers
    stranger = await refused(world.asked.test(TryProvider.make(
        tenant_id=other, provider="openai", test_model=None)))  # fmt: skip
    assert stranger.code == "not_found"
    assert (await refused(world.asked.forget(
        ForgetProvider.make(tenant_id=other, provider="openai")))).code == "not_found"  # fmt: skip
    await world.asked.forget(ForgetProvider.make(tenant_id=tenant, provider="openai"))
    assert not (await world.asked.list(ListProviders.make(tenant_id=tenant))).providers


async def test_a_key_that_does_not_work_is_not_kept_and_the_provider_says_why(
    worlds: Any, provider: Any
) -> None:
    world, tenant = await worlds(), uuid4()
    await provider.script({"kind": "error", "status": 401, "message": f"No such key: {KEY}."})
    no = await refused(
        world.asked.keep(wish(tenant, sealed_key=sealed(tenant), test_model="openai/sim"))
    )
    assert no.code == "provider_refused"
    assert no.detail == "HTTP 401: No such key: …."
    assert not (await world.asked.list(ListProviders.make(tenant_id=tenant))).providers
    await provider.script({"kind": "error", "status": 404, "message": "no model sim"})
    no = await refused(world.asked.keep(wish(tenant, sealed_key=sealed(tenant), test_model="sim")))
    assert no.code == "unknown_model"
    assert (await refused(world.asked.keep(wish(tenant, "nowhere")))).code == "unknown_model"
    assert (await refused(world.asked.keep(wish(tenant, "builtin")))).code == "unknown_model"
    # By its list of models, without spending a token.
    await world.asked.keep(wish(tenant, "ollama", requests_per_minute=5))
    await world.asked.keep(wish(tenant, sealed_key=sealed(tenant)))
    assert len((await world.asked.list(ListProviders.make(tenant_id=tenant))).providers) == 2
    await provider.script({"kind": "error", "status": 401, "message": "revoked"})
    tested = await world.asked.test(
        TryProvider.make(tenant_id=tenant, provider="openai", test_model="sim")
    )
    assert (tested.provider.state, tested.provider.detail) == ("failing", "HTTP 401: revoked")


async def test_a_text_sealed_for_another_place_is_refused(worlds: Any, provider: Any) -> None:
    world, tenant = await worlds(), uuid4()
    for swapped in (sealed(uuid4()), sealed(tenant, "anthropic"), "v1.k1.bm90aGluZw", "nonsense"):
        assert (await refused(world.asked.keep(wish(tenant, sealed_key=swapped)))).code == (
            "invalid_key"
        )
    assert await provider.calls() == []


async def test_a_kept_key_does_not_move_to_a_new_address(worlds: Any, provider: Any) -> None:
    world, tenant = await worlds(private_base_urls=True), uuid4()
    await world.asked.keep(wish(tenant, sealed_key=sealed(tenant)))
    moved = await refused(world.asked.keep(wish(tenant, base_url=provider.url)))
    assert moved.code == "invalid_key"
    again = wish(tenant, base_url=provider.url, sealed_key=sealed(tenant), concurrent_max=3)
    assert (await world.asked.keep(again)).provider.base_url == provider.url
    limits = wish(tenant, base_url=provider.url, concurrent_max=4)
    assert (await world.asked.keep(limits)).provider.key_ending == "wxyz"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/v1",
        "https://localhost/v1",
        "https://[::1]/v1",
        "https://169.254.169.254/latest",
        "https://10.0.0.7/v1",
        "http://api.example.com/v1",
        "https://user:pass@api.example.com/v1",
        "https://api.example.com:22/v1",
        "https://api.example.com/v1?x=1",
        "file:///etc/passwd",
        "https://[::ffff:169.254.169.254]/",
    ],
)
async def test_addresses_inside_are_refused(worlds: Any, url: str) -> None:
    world, tenant = await worlds(), uuid4()
    found = await refused(world.asked.keep(wish(tenant, base_url=url, test_model="m")))
    assert found.code == "address_refused", found.detail


async def test_a_name_that_changes_its_address_gains_nothing(
    worlds: Any, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, tenant = await worlds(), uuid4()
    answers = ["93.184.215.14", "127.0.0.1", "127.0.0.1", "127.0.0.1"]

    async def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        address = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    named = wish(tenant, base_url="https://rebinding.example:8443", sealed_key=sealed(tenant))
    assert (await refused(world.asked.keep(named))).code == "address_refused"
    assert len(answers) == 2, "the name was not looked up again when it was dialled"
    assert await provider.calls() == []


async def test_redirects_are_not_followed(worlds: Any, provider: Any) -> None:
    world, tenant = await worlds(private_base_urls=True), uuid4()

    async def away(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{provider.url}/v1/models")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", away)
    server = TestServer(app)
    await server.start_server()
    base = str(server.make_url("")).rstrip("/")
    for model in (None, "sim"):
        found = await refused(world.asked.keep(wish(tenant, base_url=base, test_model=model)))
        assert (found.code, "307" in found.detail) == ("provider_refused", True), found.detail
    await server.close()
    assert await provider.calls() == []


async def test_the_platforms_key_never_travels_to_a_tenants_address_nor_replaces_its_key(
    worlds: Any, provider: Any
) -> None:
    world, tenant = await worlds(private_base_urls=True), uuid4()
    await world.asked.keep(wish(tenant, base_url=provider.url, test_model="sim"))
    await world.asked.keep(wish(tenant, "groq", base_url=provider.url, test_model="sim"))
    assert all("authorization" not in call["headers"] for call in await provider.calls())
    await world.asked.keep(wish(tenant, base_url=provider.url, sealed_key=sealed(tenant)))
    step = {"kind": "error", "status": 401, "message": "revoked", "times": 5}
    await provider.script(step)
    answered = await world.chat(tenant, "openai/sim", "builtin/extractive")
    assert str(answered.model) == "builtin/extractive"
    assert answered.tries[0].outcome == "not_authorised"
    assert "revoked" in answered.tries[0].detail
    keys = {call["headers"].get("authorization") for call in (await provider.calls())[2:]}
    assert keys == {f"Bearer {KEY}"}
    assert (await world.chat(uuid4(), "openai/sim", "builtin/extractive")).fallback
    assert (await provider.calls())[-1]["headers"]["authorization"] == "Bearer sk-platform"


async def test_a_name_that_leads_inside_later_is_not_dialled(worlds: Any, provider: Any) -> None:
    open_world, tenant = await worlds(private_base_urls=True), uuid4()
    await open_world.asked.keep(wish(tenant, base_url=provider.url, sealed_key=sealed(tenant)))
    world, before = await worlds(), len(await provider.calls())
    for stream in (False, True):
        answered = await world.chat(tenant, "openai/sim", "builtin/extractive", stream=stream)
        assert answered.tries[0].outcome == "unreachable"
    assert len(await provider.calls()) == before


async def test_a_bad_key_harms_nobody_else_and_its_health_is_told(
    worlds: Any, provider: Any
) -> None:
    world, tenant, other = await worlds(), uuid4(), uuid4()
    await world.asked.keep(wish(tenant, sealed_key=sealed(tenant)))
    await world.routes.keep_routes(
        KeepModelRoutes.make(
            tenant_id=tenant, routes=[made_route(model="openai/sim", fallbacks=[])]
        )
    )
    await provider.script({"kind": "error", "status": 401, "message": "revoked", "times": 3})
    for _ in range(3):
        await world.chat(tenant, "openai/sim", "builtin/extractive")
    found = await world.routes.get_routes(GetModelRoutes.make(tenant_id=tenant))
    [health] = [one for one in found.health if one.model == "openai/sim"]
    assert (health.state, health.code) == ("cooling_down", "not_authorised")
    assert health.until is not None
    assert health.checked_at is not None
    assert health.until > health.checked_at
    assert str((await world.chat(other, "openai/sim", "builtin/extractive")).model) == "openai/sim"
    theirs = await world.routes.get_routes(GetModelRoutes.make(tenant_id=other))
    assert "openai/sim" not in {one.model for one in theirs.health}
    # A test that goes well ends the pause.
    await world.asked.test(TryProvider.make(tenant_id=tenant, provider="openai", test_model="sim"))
    assert str((await world.chat(tenant, "openai/sim", "builtin/extractive")).model) == "openai/sim"


async def test_routes_are_kept_and_refused(worlds: Any) -> None:
    world, tenant = await worlds(), uuid4()
    wanted = made_route(
        model="openai/a", canary_model="openai/b", canary_percent=20.0,
        fallbacks=["anthropic/c"], hedge_after_milliseconds=700, deadline_seconds=9.5,
    )  # fmt: skip
    keep = KeepModelRoutes.make(tenant_id=tenant, routes=[wanted])
    found = await world.routes.keep_routes(keep)
    assert found.routes[0] == wanted
    assert {route.purpose for route in found.routes} == {
        "answer", "rewrite", "summary", "judge", "embed", "transcribe",
    }  # fmt: skip
    assert {one.model for one in found.health} >= {"openai/a", "openai/b", "anthropic/c"}
    stranger = await world.routes.get_routes(GetModelRoutes.make(tenant_id=uuid4()))
    assert stranger.routes[0].model == "builtin/extractive"
    for wrong, code in (
        (made_route(model="nowhere/x"), "unknown_model"),
        (made_route(canary_percent=5.0), "invalid_route"),
    ):
        asked = KeepModelRoutes.make(tenant_id=tenant, routes=[wrong])
        assert (await refused(world.routes.keep_routes(asked))).code == code


async def test_a_model_that_recovered_is_found_out_in_the_background(
    worlds: Any, provider: Any
) -> None:
    world, tenant = await worlds(cooldown_seconds=0.05), uuid4()
    await provider.script({"kind": "error", "status": 500, "times": 3})
    for _ in range(3):
        await world.chat(tenant, "openai/sim", "builtin/extractive")
    calls = len(await provider.calls())
    await world.prober.round()
    assert len(await provider.calls()) == calls, "asked before its pause was over"
    await asyncio.sleep(0.06)
    await asyncio.gather(*(world.prober.round() for _ in range(3)))
    [probe] = (await provider.calls())[calls:]
    assert probe["headers"]["authorization"] == "Bearer sk-platform"
    [spend] = world.spends
    assert isinstance(spend, Spend)
    assert (spend.purpose, spend.tenant_id, spend.model) == (
        "probe", UUID(int=0), Model("openai", "sim"),
    )  # fmt: skip
    answered = await world.chat(tenant, "openai/sim", "builtin/extractive")
    assert (str(answered.model), answered.variant) == ("openai/sim", None)


async def test_limits_of_a_tenant_are_kept_under_concurrency(worlds: Any, provider: Any) -> None:
    world, tenant = await worlds(), uuid4()
    kept = wish(tenant, sealed_key=sealed(tenant), requests_per_minute=4, concurrent_max=2)
    await world.asked.keep(kept)
    answers = await asyncio.gather(
        *(world.chat(tenant, "openai/sim", "builtin/extractive", seconds=4) for _ in range(10))
    )
    by_model = sorted(str(one.model) for one in answers)
    assert by_model == ["builtin/extractive"] * 6 + ["openai/sim"] * 4
    assert len(await provider.calls()) == 4
    limited = [one.tries[0] for one in answers if one.fallback]
    assert {one.outcome for one in limited} == {"rate_limited"}
    other = await world.chat(uuid4(), "openai/sim", "builtin/extractive")
    assert str(other.model) == "openai/sim"
