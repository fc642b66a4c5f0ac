"""One try to fetch a file, against a server that answers as a test needs it."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from blobs import Blobs
from channel_ingress.graph import GraphClient
from channel_ingress.media import Fetched, NotFetched
from channel_ingress.media_addresses import MediaAddresses
from channel_ingress.media_fetch import MediaFetcher
from channel_ingress.media_store import MediaClaim

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)
HASH = hashlib.sha256(PNG).hexdigest()
LIMIT = 300_000


@dataclass
class Provider:
    """What the server answers, and what it was asked."""

    url: str = ""
    body: bytes = PNG
    look_up: dict[str, Any] = field(default_factory=dict)
    look_up_status: int = 200
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, request.headers.get("Authorization", "")))
        if request.path == "/v23.0/7":
            fields = {"url": f"{self.url}/file", "mime_type": "image/png", **self.look_up}
            return web.json_response(fields, status=self.look_up_status)
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return web.Response(status=status, headers={"Location": self.location or "/file"})
        answer = web.StreamResponse(headers={"Content-Type": "image/png"})
        await answer.prepare(request)
        await answer.write(self.body)
        return answer


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", provider.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield provider
    await runner.cleanup()


@pytest.fixture
async def fetcher(provider: Provider) -> AsyncIterator[MediaFetcher]:
    graph = GraphClient.open(provider.url, "v23.0")
    addresses = MediaAddresses(graph.root, [".fbcdn.net"])
    blobs = Blobs.open("memory://")
    fetcher = MediaFetcher(graph, blobs, addresses, bytes_max=LIMIT, fetch_seconds=5.0)
    async with fetcher.opened():
        yield fetcher
    await graph.close()


def claim(**changes: Any) -> MediaClaim:
    fields: dict[str, Any] = {
        "media_id": uuid4(),
        "tenant_id": uuid4(),
        "channel_id": uuid4(),
        "channel_type": "whatsapp",
        "conversation_id": uuid4(),
        "provider_message_id": "wamid.1",
        "kind": "image",
        "provider_media_id": "7",
        "url": None,
        "declared_type": "image/png",
        "file_name": None,
        "declared_sha256": None,
        "declared_bytes": None,
        "dies_at": datetime.now(UTC),
        "correlation_id": uuid4(),
        "causation_id": uuid4(),
        "tries": 1,
        "failures": 0,
        **changes,
    }
    return MediaClaim(**fields)


async def test_a_file_is_looked_up_streamed_and_filed_by_its_hash(
    fetcher: MediaFetcher, provider: Provider
) -> None:
    provider.look_up = {"sha256": HASH, "file_size": str(len(PNG))}
    assert await fetcher.fetch(claim(), "secret") == Fetched(HASH, "image/png", len(PNG))
    assert provider.asked == [("/v23.0/7", "Bearer secret"), ("/file", "Bearer secret")]


async def test_a_dead_link_is_asked_for_again(fetcher: MediaFetcher, provider: Provider) -> None:
    provider.statuses = [404]
    assert isinstance(await fetcher.fetch(claim(), "t"), Fetched)
    provider.statuses = [404, 404]
    result = await fetcher.fetch(claim(), "t")
    assert isinstance(result, NotFetched)
    assert result.trouble == "network", "the id lives on, so it is tried later"


async def test_a_messenger_link_is_fetched_without_the_token(
    fetcher: MediaFetcher, provider: Provider
) -> None:
    link = claim(provider_media_id=None, url=f"{provider.url}/file", declared_type=None)
    assert isinstance(await fetcher.fetch(link, "secret"), Fetched)
    assert provider.asked == [("/file", "")]
    provider.statuses = [403]
    assert await fetcher.fetch(link, "") == NotFetched("gone", "HTTP 403")


CASES: list[tuple[str, Callable[[Provider], object], dict[str, Any]]] = [
    ("hash_mismatch", lambda p: p.look_up.update(sha256="0" * 64), {}),
    ("hash_mismatch", lambda _: None, {"declared_sha256": "0" * 64}),
    ("incomplete", lambda p: p.look_up.update(file_size="5"), {}),
    ("incomplete", lambda p: setattr(p, "body", b""), {}),
    ("too_large", lambda p: p.look_up.update(file_size=str(LIMIT + 1)), {}),
    ("too_large", lambda p: setattr(p, "body", bytes(LIMIT + 1)), {}),
    ("type_mismatch", lambda p: setattr(p, "body", b"<html>sign in</html>"), {}),
    ("refused", lambda p: p.look_up.update(url="https://example.org/a"), {}),
    ("refused", lambda p: p.look_up.update(url="http://169.254.169.254/latest"), {}),
    ("refused", lambda p: p.look_up.update(url="http://localhost/admin"), {}),
    ("network", lambda p: p.look_up.update(url=None), {}),
    ("network", lambda p: setattr(p, "statuses", [500]), {}),
    ("busy", lambda p: setattr(p, "statuses", [429]), {}),
]


@pytest.mark.parametrize(("trouble", "arrange", "changes"), CASES)
async def test_what_is_wrong_is_named(
    fetcher: MediaFetcher,
    provider: Provider,
    trouble: str,
    arrange: Callable[[Provider], object],
    changes: dict[str, Any],
) -> None:
    arrange(provider)
    result = await fetcher.fetch(claim(**changes), "t")
    assert isinstance(result, NotFetched)
    assert result.trouble == trouble


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (400, 100, "gone"),
        (401, 190, "token"),
        (403, 200, "token"),
        (403, 10, "token"),
        (400, 4, "busy"),
        (400, 80007, "busy"),
        (500, 2, "network"),
    ],
)
async def test_a_refusal_is_read_by_its_code(
    fetcher: MediaFetcher, provider: Provider, status: int, code: int, trouble: str
) -> None:
    provider.look_up_status = status
    provider.look_up = {"error": {"code": code, "message": "Meta's words"}}
    result = await fetcher.fetch(claim(), "t")
    assert isinstance(result, NotFetched)
    assert (result.trouble, "Meta's words" in result.detail) == (trouble, True)


@pytest.mark.parametrize("location", ["http://169.254.169.254/x", "https://example.org/", "//::1/"])
async def test_a_redirect_does_not_lead_astray(
    fetcher: MediaFetcher, provider: Provider, location: str
) -> None:
    provider.statuses, provider.location = [302], location
    result = await fetcher.fetch(claim(), "t")
    assert isinstance(result, NotFetched)
    assert result.trouble == "refused"


async def test_a_providers_name_with_a_private_address_is_refused(
    fetcher: MediaFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def lie(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in ("157.240.1.1", "10.0.0.8")
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lie)
    link = claim(provider_media_id=None, url="https://scontent.fbcdn.net/a.png")
    result = await fetcher.fetch(link, "t")
    assert isinstance(result, NotFetched)
    assert (result.trouble, asked) == ("refused", ["scontent.fbcdn.net"])
    assert "10.0.0.8" not in result.detail
