"""A web server that behaves badly on demand."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web


@dataclass
class Site:
    """`<url>/<behaviour>`; what was asked is kept."""

    url: str = ""
    asked: list[web.Request] = field(default_factory=list)
    bytes_sent: int = 0
    location: str = "/page"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await getattr(self, f"_{request.path[1:].partition('/')[0]}")(request)

    async def _page(self, request: web.Request) -> web.Response:
        headers = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers=headers)
        return web.Response(text="<p>hello</p>", content_type="text/html", headers=headers)

    async def _redirect(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": self.location}, text="moved")

    async def _chain(self, request: web.Request) -> web.Response:
        left = int(request.path.rpartition("/")[2])
        target = f"/chain/{left - 1}" if left else "/page"
        return web.Response(status=301, headers={"Location": target})

    async def _missing(self, request: web.Request) -> web.Response:
        return web.Response(status=404, text="no such page")

    async def _hang(self, request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def _reset(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(600):
            await answer.write(b".")
            await asyncio.sleep(0.1)
        return answer

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(4_000):
            await answer.write(bytes(65_536))
            self.bytes_sent += 65_536
        return answer

    async def _announced(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "99000000"})
        await answer.prepare(request)
        await answer.write(b"begins")
        return answer

    async def _packed(self, request: web.Request) -> web.Response:
        body = gzip.compress(b"<p>packed</p>")
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async def _bomb(self, request: web.Request) -> web.Response:
        body = gzip.compress(bytes(50_000_000))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async def _brotli(self, request: web.Request) -> web.Response:
        return web.Response(body=b"whatever", headers={"Content-Encoding": "br"})

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", site.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()
