"""channel-ingress on a real database and broker, Meta simulated, the neighbours played by tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from bus import Bus, Delivery
from channel_ingress.adapters import NORMALISERS
from channel_ingress.composition import compose
from channel_ingress.config import Settings
from channel_ingress.graph import GraphClient
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.shapes import PLATFORM
from postgres import Database
from simulators.meta import MetaSimulator
from simulators.meta import Settings as MetaSettings
from testkit import ProcessHarness, ServiceDatabase, ServiceProcess, Vhost

from .hearing import Hearing, Prepared
from .world import HEARD, KEYS, Neighbours, World


@pytest.fixture
def settings(
    service_database: Callable[..., ServiceDatabase], amqp_vhost: Vhost, tmp_path: Path
) -> Settings:
    """Return settings on fresh servers, with short waits."""
    database = service_database("channel_ingress")
    return Settings(
        database_url=database.url,
        owner_database_url=database.owner_url,
        amqp_url=amqp_vhost.url,
        master_keys=KEYS,
        blob_url=(tmp_path / "blobs").as_uri(),
        sweep_seconds=0.1,
        # Looks of their own accord would use up the faults that tests program for sends.
        first_look_seconds=3_600.0,
    )


@pytest.fixture
async def neighbours(amqp_vhost: Vhost) -> AsyncIterator[Neighbours]:
    """Return the other services, as far as channel-ingress meets them."""
    async with AsyncExitStack() as stack:
        buses = {name: Bus(amqp_vhost.url, service=name) for name in HEARD}
        neighbours = Neighbours(buses)

        def listen(bus: Bus, kind: type[Message]) -> None:
            async def keep(delivery: Delivery) -> None:
                neighbours.heard.append(kind.hear(delivery.body))
                await delivery.done()

            bus.listen(kind, keep)

        for name, kinds in HEARD.items():
            for kind in kinds:
                listen(buses[name], kind)
            await buses[name].start()
            stack.push_async_callback(buses[name].close)
            stack.push_async_callback(buses[name].stop_hearing)
            await buses[name].until_can_say()
        yield neighbours


@pytest.fixture
async def meta(neighbours: Neighbours) -> AsyncIterator[MetaSimulator]:
    """Return a Meta whose webhooks reach channel-ingress through a gateway without a database."""

    async def take(request: web.Request) -> web.Response:
        event = ChannelWebhookReceived.make(
            tenant_id=PLATFORM,
            delivery_id=uuid4(),
            channel_type=request.match_info["platform"],
            channel_id=None,
            body=await request.text(),
            body_sha256=None,
        )
        await neighbours.say(event)
        return web.Response()

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.add_routes([web.post("/webhooks/{platform}", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}/webhooks".format(*runner.addresses[0][:2])
    meta_settings = MetaSettings(
        whatsapp_webhook_url=f"{url}/whatsapp",
        messenger_webhook_url=f"{url}/messenger",
        status_delays_seconds={},
        judge=True,
    )
    async with MetaSimulator(meta_settings) as simulator:
        yield simulator
        asked = [one for one in simulator.findings.found if one["where"].endswith("request")]
    await runner.cleanup()
    assert asked == [], "Meta's own file finds requests of ours wrong"


@pytest.fixture
async def world(
    settings: Settings, neighbours: Neighbours, meta: MetaSimulator
) -> AsyncIterator[World]:
    """Return channel-ingress, running in this process."""
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.database_url, name="channel-ingress")
        stack.push_async_callback(database.close)
        graph = GraphClient.open(meta.url, settings.graph_version)
        stack.push_async_callback(graph.close)
        bus = Bus(settings.amqp_url, service="channel-ingress")
        parts = compose(settings, database, bus, graph)
        await bus.start()
        stack.push_async_callback(bus.close)
        await parts.outbox.start()
        stack.push_async_callback(parts.outbox.stop)
        stack.push_async_callback(parts.sender.close)
        stack.push_async_callback(bus.stop_hearing)
        for job in parts.background().values():
            stack.push_async_callback(_cancelled, asyncio.create_task(job))
        await bus.until_can_say()
        yield World(meta, neighbours, database, parts, settings)


@pytest.fixture
async def killable(
    settings: Settings, neighbours: Neighbours, meta: MetaSimulator
) -> AsyncIterator[World]:
    """Return a view of channel-ingress; the service itself is a process of its own."""
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.database_url, name="test")
        stack.push_async_callback(database.close)
        graph = GraphClient.open(meta.url, settings.graph_version)
        stack.push_async_callback(graph.close)
        parts = compose(
            settings, database, Bus(settings.amqp_url, service="channel-ingress"), graph
        )
        yield World(meta, neighbours, database, parts, settings)


@pytest.fixture
def start(
    settings: Settings, meta: MetaSimulator, processes: ProcessHarness
) -> Callable[[str], ServiceProcess]:
    """Return a function that starts channel-ingress (again), a failpoint armed or not."""
    environment = {
        "CHAT_CHANNEL_INGRESS_DATABASE_URL": settings.database_url,
        "CHAT_CHANNEL_INGRESS_AMQP_URL": settings.amqp_url,
        "CHAT_CHANNEL_INGRESS_UNKNOWN_AFTER_SECONDS": "3",
        "CHAT_CHANNEL_INGRESS_SWEEP_SECONDS": "0.1",
        "CHAT_CHANNEL_INGRESS_FIRST_LOOK_SECONDS": str(settings.first_look_seconds),
        "CHAT_CHANNEL_INGRESS_MEDIA_FETCH_SECONDS": str(settings.media_fetch_seconds),
        "CHAT_META_GRAPH_URL": meta.url,
        "CHAT_MASTER_KEYS": KEYS,
        "CHAT_BLOB_URL": settings.blob_url,
    }

    def start(failpoint: str = "") -> ServiceProcess:
        if "channel_ingress" in processes.running:
            return processes["channel_ingress"].start(CHAT_FAILPOINTS=failpoint)
        return processes.spawn("channel_ingress", environment, CHAT_FAILPOINTS=failpoint)

    return start


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def hearing(
    service_database: Callable[..., ServiceDatabase], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hearing]:
    """Return Intake on a real database without a broker, with a channel of each type."""
    normaliser = Prepared()
    for name in NORMALISERS:
        monkeypatch.setitem(NORMALISERS, name, normaliser)
    server = service_database("channel_ingress")
    database = await Database.connect(server.url, name="channel-ingress", size_max=20)
    hearing = Hearing(database, normaliser)
    for channel_type in ("whatsapp", "messenger", "webchat"):
        await hearing.configure(channel_type)
    yield hearing
    await database.close()
