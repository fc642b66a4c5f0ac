"""What raw connections may do: slow heads, large heads, garbage, several gateways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from bus.service_bus import outgoing
from contracts.v1.sending import DeliverToVisitor
from gateway import patient_protocol
from gateway.widget import sockets
from testkit import eventually_async

from .conftest import Owners, Running
from .test_widget_sockets import ORIGIN, Widget, answer_places, recorded, session, shop


async def raw(running: Running, *pieces: bytes) -> bytes:
    """What comes back for these bytes, until the gateway closes or half a minute."""
    place = urlsplit(running.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_slow_and_large_heads_and_garbage_are_closed(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_protocol, "HEAD_SECONDS_MAX", 0.5)
    started = time.monotonic()
    assert await raw(running) == b""
    assert await raw(running, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
    kept = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\nGET /api/health HTT"
    assert (await raw(running, kept)).count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - started < 15
    many = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
    assert b"400" in (await raw(running, b"GET / HTTP/1.1\r\nHost: x\r\n", many)).split(b"\r\n")[0]
    assert b"400" in (await raw(running, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"))[:20]
    assert b"400" in (await raw(running, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"))[:20]
    assert (await running.call.using(None)("GET", "/api/health")).status == 200


async def test_a_socket_that_never_says_who_it_is_is_closed(
    start_gateway: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "STRANGER_SECONDS", 0.3)
    running: Running = await start_gateway()
    url = f"{running.url}/socket.io/?EIO=4&transport=websocket"
    async with running.call.http.ws_connect(url) as stranger:
        assert (await stranger.receive_str()).startswith("0{")
        assert await stranger.receive_str(timeout=10) == "1"  # Engine.IO's close packet


async def test_a_widget_on_another_gateway_hears_it_too(
    start_gateway: Callable[..., Any], owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    owners.of("channel-ingress")
    first: Running = await start_gateway()
    second: Running = await start_gateway(database=first.database)
    await owners.start()
    _, channel = await shop(first)
    opened = (await session(first, channel["external_id"])).json
    widgets = [Widget(running.url) for running in (first, second)]
    await second.gateway.parts.database.check()

    async def is_known() -> bool:
        second.gateway.parts.origins.forget()
        return second.gateway.parts.origins.is_known(ORIGIN, None)

    await eventually_async(is_known, "the second gateway to know the origin")
    for widget in widgets:
        await widget.connect(opened["token"], Origin=ORIGIN)
        await widget.hears("ready")
    for seq in range(1, 9):
        command = DeliverToVisitor.make(
            tenant_id=UUID(channel["tenant_id"]),
            channel_id=UUID(channel["channel_id"]),
            visitor_id=opened["visitor_id"],
            conversation_id=uuid4(),
            message=recorded(seq),
        )
        await owners.of("channel-ingress").publish(outgoing(command))
    for widget in widgets:
        await eventually_async(lambda w=widget: len(w.of("message")) == 8, "all eight messages")
        assert sorted(message["seq"] for message in widget.of("message")) == list(range(1, 9))
        await widget.client.disconnect()
