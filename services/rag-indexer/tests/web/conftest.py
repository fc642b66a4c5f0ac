"""A web site of a test's own, and the part of the indexer that looks at it."""

import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from blobs import Blobs
from contracts.v1.documents import DocumentRemoved
from contracts.v1.web_sources import (
    CreateWebSource,
    DropPage,
    GetWebSource,
    KeepPage,
    RefreshWebSource,
    UpdateWebSource,
    WebPage,
    WebSource,
    WebSourceChoices,
)
from egress import WEB, EgressPolicy, Fetcher, open_session
from postgres import Database
from rag_indexer.parser_process import ParserLimits
from rag_indexer.web_looks import Looks
from rag_indexer.web_reading import ReadingRule, WebReader
from rag_indexer.web_requests import WebRequests
from rag_indexer.web_store import WebStore
from rag_indexer.web_worker import LookRule, WebWorker

AGENT = "MetaChatPages/1.0"
LOOK = LookRule(lease_seconds=5.0, slice_seconds=5.0, busy_seconds=0.0)


def html_of(words: str, *, noise: str = "", title: str = "Help") -> str:
    """A page with a frame around its words, as sites have it."""
    return (
        f"<!doctype html><html><head><title>{title}</title>"
        f"<script>var seen = '{noise}';</script></head><body>"
        f"<nav><a href='/'>Home</a> <a href='/cart'>Cart {noise}</a></nav>"
        f"<main><h1>{title}</h1><p>{words} Returns are accepted for a month after purchase, "
        "and the refund is paid out the way the order was paid. Keep the receipt.</p></main>"
        f"<footer>Rendered for {noise}</footer></body></html>"
    )


@dataclass
class Answer:
    """What the site says to one path."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """Pages by path; what was asked is kept."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    def page(self, path: str, words: str, **changes: Any) -> None:
        self.say(path, html_of(words, **changes))

    def say(self, path: str, body: str | bytes, **changes: Any) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.answers[path] = Answer(content, **changes)

    def sitemap(self, path: str, *paths: str, kind: str = "urlset", packed: bool = False) -> None:
        entry = "url" if kind == "urlset" else "sitemap"
        listed = "".join(
            f"<{entry}><loc>{one if '://' in one else self.url + one}</loc></{entry}>"
            for one in paths
        )
        xml = f'<?xml version="1.0"?><{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        body = f"{xml}{listed}</{kind}>".encode()
        self.say(path, gzip.compress(body) if packed else body, content_type="application/xml")

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.requests.append(request)
        answer = self.answers.get(request.path_qs, Answer(b"no such page", status=404))
        etag = answer.headers.get("ETag")
        if etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    def pages_asked(self) -> list[str]:
        """What was asked since the last time, without robots.txt."""
        asked, self.asked[:] = [one for one in self.asked if one != "/robots.txt"], []
        return asked


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


class KeepingOutbox:
    """Opens real transactions and keeps what was said in those that committed."""

    def __init__(self, database: Database) -> None:
        self.transaction = database.transaction
        self.said: list[Any] = []

    async def say(self, tx: Any, *messages: Any, delay_seconds: float = 0) -> None:
        tx.after_commit.append(lambda: self.said.extend(messages))


def choices(**changes: Any) -> WebSourceChoices:
    fields = {
        "name": "",
        "include": [],
        "exclude": [],
        "pages_max": 100,
        "refresh_hours": 24,
        "language": None,
        "tags": ["site"],
        "paused": False,
    }
    return WebSourceChoices(**{**fields, **changes})


class WebInProcess:
    """Requests, worker and looks over a real database; gateway is played by the test."""

    def __init__(
        self, database: Database, blobs: Blobs, session: Any, policy: EgressPolicy
    ) -> None:
        self.database, self.blobs, self.policy = database, blobs, policy
        self.outbox = KeepingOutbox(database)
        self.store = WebStore()
        self.tenant_id = uuid4()
        self.fetcher = Fetcher(session, policy)
        self.rule = ReadingRule(1_000_000, 5.0, pause_seconds=0.0)
        self.worker = self.another_worker()
        outbox: Any = self.outbox
        self.requests = WebRequests(outbox, self.store, self.worker, policy)

    def another_worker(self, rule: LookRule = LOOK) -> WebWorker:
        outbox: Any = self.outbox
        reader = WebReader(self.fetcher, self.policy, self.database, self.store, self.rule)
        limits = ParserLimits(wall_seconds=30)
        self.looks = Looks(outbox, self.blobs, self.store, reader, limits)
        return WebWorker(self.database, self.store, self.looks, rule)

    async def add(self, url: str, kind: str = "page", **chosen: Any) -> UUID:
        request = CreateWebSource.make(
            tenant_id=self.tenant_id,
            source_id=uuid4(),
            url=url,
            source_kind=kind,
            choices=choices(**chosen),
        )
        return (await self.requests.create(request)).source.source_id

    async def look(self) -> None:
        """Every look that is due, to its end; then gateway has the documents."""
        while await self.worker.work_once():
            continue
        await self.take()

    async def take(self) -> None:
        """As gateway and the indexer's other half do: kept pages are documents."""
        async with self.database.system() as tx:
            for one in self.said(KeepPage):
                await tx.execute(
                    "insert into documents (document_id, tenant_id, title, file_name, size_bytes,"
                    " sha256, stage) values ($1, $2, $3, $4, $5, $6, 'ready')"
                    " on conflict do nothing",
                    one.document_id, one.tenant_id, one.title, one.file_name, one.size_bytes,
                    one.sha256,
                )  # fmt: skip

    async def again(self, source_id: UUID) -> None:
        """Look now."""
        request = RefreshWebSource.make(tenant_id=self.tenant_id, source_id=source_id)
        await self.requests.refresh(request)
        await self.look()

    async def choose(self, source_id: UUID, **chosen: Any) -> None:
        request = UpdateWebSource.make(
            tenant_id=self.tenant_id, source_id=source_id, choices=choices(**chosen)
        )
        await self.requests.update(request)

    async def remove_document(self, document_id: UUID) -> None:
        """A person deletes the document."""
        message = DocumentRemoved.make(tenant_id=self.tenant_id, document_id=document_id)
        async with self.database.transaction(self.tenant_id) as tx:
            await self.requests.document_removed(message, tx)

    async def source(self, source_id: UUID) -> WebSource:
        return (await self._get(source_id)).source

    async def pages(self, source_id: UUID) -> dict[str, WebPage]:
        """By path."""
        found = (await self._get(source_id)).pages
        return {"/" + page.url.split("/", 3)[3]: page for page in found}

    async def _get(self, source_id: UUID) -> Any:
        request = GetWebSource.make(
            tenant_id=self.tenant_id, source_id=source_id, cursor=None, limit=200
        )
        return await self.requests.get(request)

    def said(self, kind: Any) -> list[Any]:
        return [one for one in self.outbox.said if isinstance(one, kind)]

    def heard(self) -> list[tuple[str, str]]:
        """What was said since the last time: kept addresses, dropped reasons."""
        said, self.outbox.said[:] = list(self.outbox.said), []
        return [
            ("keep", one.url.split("/", 3)[3]) if isinstance(one, KeepPage)
            else ("drop", one.reason)
            for one in said
            if isinstance(one, KeepPage | DropPage)
        ]  # fmt: skip


async def _world(
    service_database: Callable[..., Any], tmp_path: Path, policy: EgressPolicy
) -> AsyncIterator[WebInProcess]:
    database = await Database.connect(service_database("rag_indexer").url, name="web-test")
    blobs = Blobs.open(f"file://{tmp_path}/blobs")
    async with open_session(policy, user_agent=AGENT, total_seconds=10) as session:
        yield WebInProcess(database, blobs, session, policy)
    await database.close()


@pytest.fixture
async def world(
    service_database: Callable[..., Any], tmp_path: Path
) -> AsyncIterator[WebInProcess]:
    async for one in _world(service_database, tmp_path, EgressPolicy(True, WEB)):
        yield one


class PublicAddresses(EgressPolicy):
    """As in production, but the test's own server may be named: its port is of no use to it."""

    def check_url(self, text: str, base: Any = None) -> Any:
        return EgressPolicy(True, WEB).check_url(text, base)


@pytest.fixture
async def public_world(
    service_database: Callable[..., Any], tmp_path: Path
) -> AsyncIterator[WebInProcess]:
    """Nothing private is dialled."""
    async for one in _world(service_database, tmp_path, PublicAddresses(False, WEB)):
        yield one
