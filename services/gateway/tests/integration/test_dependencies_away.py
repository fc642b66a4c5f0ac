"""Database, broker or cache go away and come back: what still works, and what is said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from testkit import TcpProxy, eventually_async

from .conftest import Running

BODY = b'{"object": "page", "entry": []}'


def proxy_to(url: str, port: int) -> TcpProxy:
    return TcpProxy(urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port or port)


def through(proxy: TcpProxy, url: str) -> str:
    parts = urlsplit(url)
    account = f"{parts.username}:{parts.password}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{account}127.0.0.1:{proxy.port}"))


async def test_without_database_webhooks_are_refused_soon_and_later_taken_again(
    start_gateway: Callable[..., Any], postgres_admin_url: str
) -> None:
    async with proxy_to(postgres_admin_url, 5432) as proxy:
        running: Running = await start_gateway(through=lambda url: through(proxy, url))
        assert (await running.call.webhook("/webhooks/messenger", BODY)).status == 200
        proxy.refuse = True
        proxy.cut()
        started = time.monotonic()
        answer = await running.call.webhook("/webhooks/messenger", BODY)
        assert (answer.status, answer.code) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) <= 2
        assert time.monotonic() - started < 5
        api = await running.call("GET", "/api/tenants")
        assert (api.status, api.code) == (503, "unavailable")
        health = await running.call.using(None)("GET", "/api/health")
        assert (health.status, health.json["status"]) == (503, "down")
        proxy.refuse = False

        async def is_taken() -> bool:
            return (await running.call.webhook("/webhooks/messenger", BODY)).status == 200

        await eventually_async(is_taken, "a webhook after the database came back")
        refused = len(await running.rows("select 1 from webhook_ledger"))
        assert refused == 2


async def test_without_broker_webhooks_are_taken_and_said_later(
    start_gateway: Callable[..., Any], servers: Any, amqp_vhost: Any
) -> None:
    async with proxy_to(servers.amqp, 5672) as proxy:
        running: Running = await start_gateway(amqp_url=through(proxy, amqp_vhost.url))
        proxy.refuse = True
        proxy.cut()
        answers = await asyncio.gather(
            *(running.call.webhook("/webhooks/messenger", BODY) for _ in range(20))
        )
        assert {answer.status for answer in answers} == {200}
        assert (await running.rows("select count(*) from outbox"))[0][0] == 20
        health = await running.call.using(None)("GET", "/api/health")
        assert (health.status, health.json["status"]) == (200, "degraded")
        proxy.refuse = False

        async def everything_is_said() -> bool:
            return (await running.rows("select count(*) from outbox"))[0][0] == 0

        await eventually_async(everything_is_said, "the outbox to empty", 60)


async def test_without_redis_the_limits_are_counted_here(
    start_gateway: Callable[..., Any],
) -> None:
    running: Running = await start_gateway(redis_url="redis://127.0.0.1:1/0", refusals_per_minute=3)
    call = running.call.using("nobody's key")
    statuses = [(await call("GET", "/api/tenants")).status for _ in range(6)]
    assert statuses[:3] == [401, 401, 401]
    assert statuses[-1] == 429
    assert (await running.call("GET", "/api/tenants")).status == 200


@pytest.mark.timeout(60)
async def test_limits_are_shared_through_redis(start_gateway: Callable[..., Any]) -> None:
    first: Running = await start_gateway(refusals_per_minute=10)
    second: Running = await start_gateway(refusals_per_minute=10)
    statuses = []
    for running in (first, second) * 8:
        answer = await running.call.using("nobody's key")("GET", "/api/tenants")
        statuses.append(answer.status)
    assert statuses.count(401) == 10
    assert statuses[-1] == 429
    assert answer.headers["Retry-After"]
