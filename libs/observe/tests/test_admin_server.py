"""What a probe, a scraper and a person read on the admin port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from observe import AdminServer, Check


async def healthy() -> None:
    await asyncio.sleep(0)


async def broken() -> None:
    raise ConnectionError("amqp://guest:hunter2hunter2@broker refused")


async def hanging() -> None:
    await asyncio.sleep(60)


@asynccontextmanager
async def serving(**checks: Check) -> AsyncIterator[tuple[AdminServer, aiohttp.ClientSession]]:
    server = AdminServer("127.0.0.1:0", "gateway", "1.2.3", checks, git="abc")
    await server.start()
    url = f"http://127.0.0.1:{server.port}"
    try:
        async with aiohttp.ClientSession(base_url=url) as session:
            yield server, session
    finally:
        await server.stop()


async def test_ready_only_after_start() -> None:
    async with serving(postgres=healthy) as (server, session):
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["status"] == "starting"
        server.mark_ready()
        async with session.get("/readyz") as answer:
            body = await answer.json()
        assert answer.status == 200
        assert body["checks"]["postgres"]["ok"] is True
        assert body["checks"]["postgres"]["latency_ms"] >= 0
        server.mark_unready("draining")
        async with session.get("/readyz") as answer:
            assert (await answer.json())["status"] == "draining"


async def test_one_failing_check_is_enough() -> None:
    async with serving(postgres=healthy, broker=broken) as (server, session):
        server.mark_ready()
        async with session.get("/readyz") as answer:
            text, body = await answer.text(), await answer.json()
        assert answer.status == 503
        assert body["checks"]["postgres"]["ok"] is True
        assert "ConnectionError" in body["checks"]["broker"]["error"]
        assert "hunter2" not in text
        async with session.get("/livez") as answer:
            assert answer.status == 200


async def test_a_hanging_check_does_not_hang_the_probe() -> None:
    async with serving(broker=hanging) as (server, session):
        server.mark_ready()
        async with asyncio.timeout(10), session.get("/readyz") as answer:
            body = await answer.json()
    assert answer.status == 503
    assert "no answer" in body["checks"]["broker"]["error"]


@pytest.mark.parametrize("path", ["/metrics", "/version"])
async def test_build_is_shown(path: str) -> None:
    async with serving() as (_, session), session.get(path) as answer:
        text = await answer.text()
    assert answer.status == 200
    for word in ("gateway", "1.2.3", "abc"):
        assert word in text
    if path == "/metrics":
        assert "chat_build_info" in text
