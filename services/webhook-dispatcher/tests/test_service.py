"""The running service on a real broker and database, killed at each of its four points."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import pytest
from standardwebhooks import Webhook

from bus import Bus
from bus.service_bus import outgoing
from contracts.message import Event
from contracts.v1.channels import MessageReceived
from contracts.v1.tenants import TenantConfigured
from contracts.v1.webhooks import CreateEndpoint, EndpointSaved
from testkit.polling import eventually_async
from testkit.processes import ProcessHarness, ServiceProcess
from testkit.service_databases import ServiceDatabase
from testkit.test_servers import TestServers
from testkit.vhosts import Vhost, fresh_vhost

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

Make = Callable[..., MessageReceived]
Configure = Callable[..., TenantConfigured]


@pytest.fixture
def events_vhost(servers: TestServers) -> Iterator[Vhost]:
    vhost = fresh_vhost(servers.amqp, servers.management)
    yield vhost
    vhost.administration.delete_vhost(vhost.name)


@dataclass
class Stage:
    """The service as a process, and the buses of its neighbours."""

    process: ServiceProcess
    gateway: Bus
    ingress: Bus
    feed_url: str

    async def say(self, event: Event) -> None:
        """Say an event as its owner would."""
        bus = self.gateway if event.owner == "gateway" else self.ingress
        await bus.until_can_say()
        await bus.publish(outgoing(event))

    async def endpoint(self, tenant_id: UUID, url: str) -> EndpointSaved:
        """Make an endpoint as gateway would."""
        request = CreateEndpoint.make(
            tenant_id=tenant_id, url=url, description="", event_types=["message.received"]
        )
        return await self.gateway.ask(request, timeout_seconds=20)


@pytest.fixture
async def stage(
    processes: ProcessHarness,
    service_database: Callable[..., ServiceDatabase],
    amqp_vhost: Vhost,
    events_vhost: Vhost,
) -> AsyncIterator[Stage]:
    place = service_database("webhook_dispatcher")
    environment = {
        "CHAT_WEBHOOK_DISPATCHER_DATABASE_URL": place.url,
        "CHAT_WEBHOOK_DISPATCHER_OWNER_DATABASE_URL": place.owner_url,
        "CHAT_WEBHOOK_DISPATCHER_AMQP_URL": amqp_vhost.url,
        "CHAT_WEBHOOK_DISPATCHER_LEASE_SECONDS": "2",
        "CHAT_WEBHOOK_DISPATCHER_ATTEMPT_TIMEOUT_SECONDS": "1",
        "CHAT_EVENTS_AMQP_URL": events_vhost.url,
        "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS": "true",
        "CHAT_MASTER_KEYS": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
    }
    gateway = Bus(amqp_vhost.url, service="gateway")
    ingress = Bus(amqp_vhost.url, service="channel-ingress")
    await gateway.start()
    await ingress.start()
    process = processes.spawn("webhook_dispatcher", environment)
    await asyncio.to_thread(process.wait_ready)
    yield Stage(process, gateway, ingress, events_vhost.url)
    for bus in (gateway, ingress):
        await bus.stop_hearing()
        await bus.close()


async def announce(stage: Stage, configured: Configure) -> UUID:
    tenant_id = uuid4()
    await stage.say(configured(tenant_id, "acme"))
    return tenant_id


async def test_an_event_is_delivered_and_on_the_feed_with_the_same_bytes(
    stage: Stage, receiver: Any, configured: Configure, message_received: Make
) -> None:
    tenant_id = await announce(stage, configured)
    connection = await aio_pika.connect(stage.feed_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("mine", exclusive=True)
        await queue.bind("chat.events", "acme.whatsapp.message.*.v1")
        saved = await stage.endpoint(tenant_id, f"{receiver.url}/ok")
        event = message_received(tenant_id)
        await stage.ingress.until_can_say()
        await stage.ingress.publish(outgoing(event, {"traceparent": TRACEPARENT}))

        async def arrived() -> bool:
            return bool(receiver.posts)

        await eventually_async(arrived, "the webhook arrived")
        fed = await eventually_async(lambda: queue.get(no_ack=True, fail=False), "on the feed")
    (post,) = receiver.posts
    assert saved.secret is not None
    body = Webhook(saved.secret).verify(post.body, post.headers)
    assert fed is not None
    assert fed.body == post.body
    assert fed.message_id == body["id"] == str(event.message_id)
    assert fed.headers["cloudEvents_tenantid"] == "acme"
    assert fed.delivery_mode == 2
    assert body["traceparent"] == fed.headers["traceparent"] == TRACEPARENT
    assert await asyncio.to_thread(stage.process.terminate) == 0


@pytest.mark.resilience
@pytest.mark.parametrize(
    ("point", "posts"),
    [
        ("webhook-dispatcher.claimed", 1),
        ("webhook-dispatcher.sent_unread", 2),
        ("webhook-dispatcher.answered_uncommitted", 2),
        ("webhook-dispatcher.committed", 1),
    ],
)
async def test_killed_at(
    stage: Stage,
    receiver: Any,
    configured: Configure,
    message_received: Make,
    point: str,
    posts: int,
) -> None:
    tenant_id = await announce(stage, configured)
    await stage.endpoint(tenant_id, f"{receiver.url}/ok")
    await asyncio.to_thread(stage.process.restart, CHAT_FAILPOINTS=f"{point}=kill")
    event = message_received(tenant_id)
    await stage.say(event)
    assert await asyncio.to_thread(stage.process.wait_killed) == -9
    await asyncio.to_thread(stage.process.start)
    await asyncio.to_thread(stage.process.wait_ready)
    last = message_received(tenant_id)
    await stage.say(last)

    async def all_arrived() -> bool:
        ids = [post.headers["webhook-id"] for post in receiver.posts]
        return ids.count(str(event.message_id)) >= posts and str(last.message_id) in ids

    await eventually_async(all_arrived, "both events were delivered", 40)
    ids = [post.headers["webhook-id"] for post in receiver.posts]
    assert ids.count(str(event.message_id)) == posts
    assert ids.count(str(last.message_id)) == 1


async def test_the_feed_catches_up_after_a_kill_between_confirm_and_mark(
    stage: Stage, configured: Configure, message_received: Make
) -> None:
    tenant_id = await announce(stage, configured)
    connection = await aio_pika.connect(stage.feed_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "mine", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind("chat.events", "acme.#")
    events = [message_received(tenant_id) for _ in range(5)]
    await stage.say(events[0])
    await asyncio.to_thread(stage.process.kill)
    failpoint = {"CHAT_FAILPOINTS": "webhook-dispatcher.feed_confirmed=kill"}
    await asyncio.to_thread(stage.process.start, **failpoint)
    for event in events[1:]:
        await stage.say(event)
    await asyncio.to_thread(stage.process.wait_killed)
    await asyncio.to_thread(stage.process.start)
    await asyncio.to_thread(stage.process.wait_ready)
    connection = await aio_pika.connect(stage.feed_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue("mine")
        seen: set[str] = set()

        async def all_seen() -> bool:
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                seen.add(json.loads(message.body)["id"])
            return {str(event.message_id) for event in events} <= seen

        await eventually_async(all_seen, "every event is on the feed", 40)
