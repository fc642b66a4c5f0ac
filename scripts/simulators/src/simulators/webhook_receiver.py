"""A webhook receiver for tests: keeps what arrives, refuses on demand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request body with its headers."""

    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed: dict[str, Any] = orjson.loads(self.raw)
        return parsed


@dataclass
class WebhookReceiver:
    """Listens on a free port; answers with the planned statuses first, then 200."""

    answers: list[int] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    url: str = ""
    """`http://host:port/webhooks`; bodies go to `/whatsapp` or `/messenger` below it."""

    async def _post(self, request: web.Request) -> web.Response:
        raw = await request.read()
        async with self._news:
            self.arrived.append(Arrived(raw, dict(request.headers)))
            self._news.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def __aenter__(self) -> Self:
        self._news = asyncio.Condition()
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.add_routes([web.post("/webhooks/{platform}", self._post)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/webhooks"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    async def wait_for(self, count: int, timeout_seconds: float = 5.0) -> list[Arrived]:
        """All bodies once there are `count`; TimeoutError when they do not come."""
        async with asyncio.timeout(timeout_seconds), self._news:
            await self._news.wait_for(lambda: len(self.arrived) >= count)
        return self.arrived
