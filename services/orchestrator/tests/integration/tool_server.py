"""A tool server of a tenant: remembers what it was sent, answers what a test tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ToolServer:
    """The addresses of a server, what came, and how it answers."""

    url: str = ""
    came: list[tuple[dict[str, str], str]] = field(default_factory=list)
    answering: Answering | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Remember a call and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.came.append((headers, await request.text()))
        if self.answering is not None:
            return await self.answering(request)
        return web.json_response({"status": "shipped"})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was posted."""
        return [json.loads(body) for _, body in self.came]

    def verified(self, secret: str, number: int = -1) -> Any:
        """Verify the signature as a tenant's server would; answers the body."""
        headers, body = self.came[number]
        return Webhook(secret).verify(body, headers)


@asynccontextmanager
async def serving() -> AsyncIterator[ToolServer]:
    """Run a tool server at a free port."""
    server = ToolServer()
    app = web.Application()
    app.router.add_post("/{tail:.*}", server.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}/order-status"
    try:
        yield server
    finally:
        server.closed.set()
        await runner.cleanup()
