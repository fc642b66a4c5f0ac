"""A receiver that behaves badly on demand, and the dispatcher's parts over a real database."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from contracts.message import Event
from contracts.v1.channels import MessageReceived
from contracts.v1.shapes import ContactRef, MessageContent
from contracts.v1.tenants import TenantConfigured, TenantSettings
from egress import EgressPolicy
from postgres import Database, Queries
from process import Life
from sealing import KeyRing
from webhook_dispatcher.config import Settings
from webhook_dispatcher.dispatcher import Dispatcher
from webhook_dispatcher.endpoint_requests import EndpointRequests
from webhook_dispatcher.handlers import Handlers
from webhook_dispatcher.sender import Sender, open_webhook_session
from webhook_dispatcher.store import Store

if TYPE_CHECKING:  # where this service is alone there is no testkit
    from testkit.recording_bus import RecordingBus
    from testkit.service_databases import ServiceDatabase

CHUNK = b"x" * 65_536


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Post:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`<url>/<behaviour>`: ok, fail, flaky, gone, busy, redirect, hang, reset, huge, drip."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    bytes_sent: int = 0
    flaky_failures: int = 2

    def at(self, path: str) -> list[Post]:
        """Return what arrived at a path."""
        return [post for post in self.posts if post.path == path]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep the request, then behave as its path says."""
        post = Post(request.path, dict(request.headers), await request.read())
        self.posts.append(post)
        behave: Callable[[web.Request], object] = getattr(self, f"_{request.path[1:]}", self._ok)
        answer = behave(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        assert isinstance(answer, web.StreamResponse)
        return answer

    def _ok(self, _request: web.Request) -> web.Response:
        return web.Response(text="thanks")

    def _fail(self, _request: web.Request) -> web.Response:
        return web.Response(status=500, text="\x00broken")

    def _flaky(self, request: web.Request) -> web.Response:
        failed = len(self.at(request.path)) <= self.flaky_failures
        return web.Response(status=503 if failed else 204)

    def _gone(self, _request: web.Request) -> web.Response:
        return web.Response(status=410)

    def _busy(self, _request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "120"})

    def _redirect(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{self.url}/secret"})

    async def _hang(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    def _reset(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _huge(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(16_384):
            await answer.write(CHUNK)
            self.bytes_sent += len(CHUNK)
        return answer

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(60):
            await answer.write(b".")
            await asyncio.sleep(1)
        return answer


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{behaviour}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing({"k1": os.urandom(32)})


@dataclass
class Desk:
    """The dispatcher without its broker: real tables, real POSTs."""

    database: Database
    store: Store
    bus: RecordingBus
    handlers: Handlers
    requests: EndpointRequests
    dispatcher: Dispatcher
    life: Life
    session: aiohttp.ClientSession
    published: list[object]

    async def hear(self, *events: Event) -> None:
        """Handle events as the inbox would."""
        async with self.database.system() as tx:
            await self.handlers.on_events(list(events), tx)

    async def announce(self, slug: str) -> UUID:
        """Make a tenant known."""
        tenant_id = uuid4()
        await self.hear(tenant_configured(tenant_id, slug))
        return tenant_id


@pytest.fixture
async def desk(
    service_database: Callable[..., ServiceDatabase], recording_bus: RecordingBus, ring: KeyRing
) -> AsyncIterator[Desk]:
    place = service_database("webhook_dispatcher")
    database = await Database.connect(place.url, name="webhook-dispatcher")
    settings = Settings(
        database_url=place.url,
        amqp_url="amqp://unused",
        events_amqp_url="amqp://unused",
        master_keys=f"k1:{base64.b64encode(os.urandom(32)).decode()}",  # type: ignore[arg-type]
        allow_private_networks=True,
        attempt_timeout_seconds=1.0,
        lease_seconds=2.0,
    )
    policy = EgressPolicy(allow_private_networks=True)
    session = open_webhook_session(policy, settings.attempt_timeout_seconds)
    store = Store(Queries("webhook_dispatcher"))
    sender = Sender(session, ring, policy, now)
    dispatcher = Dispatcher(database, recording_bus, store, sender, settings, now)  # type: ignore[arg-type]
    published: list[object] = []
    handlers = Handlers(
        store,
        recording_bus,  # type: ignore[arg-type]
        publish_soon=published.extend,
        wake_dispatcher=dispatcher.wake,
        public_url="",
    )
    requests = EndpointRequests(
        database, store, ring, policy, wake_dispatcher=dispatcher.wake, now=now
    )
    life = Life()
    yield Desk(
        database, store, recording_bus, handlers, requests, dispatcher, life, session, published
    )
    await life.close()
    await session.close()
    await database.close()


def tenant_configured(tenant_id: UUID, slug: str, revision: int = 1) -> TenantConfigured:
    settings = TenantSettings(
        bot_name="Bot",
        system_prompt="",
        language="en",
        rag_enabled=True,
        model=None,
        fallback_models=[],
        embedding_model=None,
        handoff_keywords=[],
        handoff_reply="",
        failure_reply="",
        coalesce_milliseconds=0,
        history_messages_max=10,
        prompt_tokens_max=4_000,
        reply_tokens_max=500,
        keyword_weight=0.5,
        vector_weight=0.5,
        passages_max=5,
        chunk_tokens=200,
        chunk_overlap_tokens=20,
    )
    return TenantConfigured.make(
        tenant_id=tenant_id,
        revision=revision,
        slug=slug,
        name=slug,
        state="active",
        settings=settings,
    )


@pytest.fixture
def message_received() -> Callable[..., MessageReceived]:
    """Return a function that makes the event of a customer's message."""

    def make(tenant_id: UUID, text: str = "Where is my order?") -> MessageReceived:
        return MessageReceived.make(
            tenant_id=tenant_id,
            channel_id=uuid4(),
            channel_type="whatsapp",
            conversation_id=uuid4(),
            contact=ContactRef(external_id="49170", display_name="Jo", phone="49170"),
            provider_message_id=f"wamid.{uuid4()}",
            sent_at=now(),
            content=MessageContent(kind="text", text=text, media=None, data=None),
            reply_to=None,
            client_message_id=None,
        )

    return make


@pytest.fixture
def configured() -> Callable[..., TenantConfigured]:
    """Return a function that makes the event of a tenant's configuration."""
    return tenant_configured
