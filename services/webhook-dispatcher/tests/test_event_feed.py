"""The feed while its broker is away: events wait in the database and lose nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest

from contracts.v1.channels import MessageReceived
from testkit import TcpProxy, Vhost, eventually_async
from testkit.test_servers import TestServers
from testkit.vhosts import fresh_vhost
from webhook_dispatcher.event_feed import EventFeed


@pytest.fixture
def events_vhost(servers: TestServers) -> Iterator[Vhost]:
    vhost = fresh_vhost(servers.amqp, servers.management)
    yield vhost
    vhost.administration.delete_vhost(vhost.name)


async def test_an_outage_of_the_feeds_broker(
    desk: Any, events_vhost: Vhost, message_received: Callable[..., MessageReceived]
) -> None:
    tenant_id = await desk.announce("acme")
    parts = urlsplit(events_vhost.url)
    assert parts.hostname is not None
    assert parts.port is not None
    async with TcpProxy(parts.hostname, parts.port) as proxy:
        proxied = events_vhost.url.replace(f":{parts.port}/", f":{proxy.port}/")
        feed = EventFeed(proxied, desk.database, desk.store)
        await feed.start(desk.life)

        async def connected() -> bool:
            try:
                await feed.check()
            except Exception:
                return False
            return True

        async def hear(count: int) -> set[str]:
            events = [message_received(tenant_id) for _ in range(count)]
            await desk.hear(*events)
            feed.publish_soon(desk.published[-count:])
            return {str(event.message_id) for event in events}

        await eventually_async(connected, "the feed is connected")
        outside = await aio_pika.connect(events_vhost.url)
        async with outside:
            channel = await outside.channel()
            queue = await channel.declare_queue("mine", exclusive=True)
            await queue.bind("chat.events", "acme.#")
            said = await hear(3)
            proxy.refuse = True
            proxy.cut()
            said |= await hear(4)
            proxy.refuse = False
            seen: set[str] = set()

            async def all_seen() -> bool:
                while (message := await queue.get(no_ack=True, fail=False)) is not None:
                    seen.add(json.loads(message.body)["id"])
                return said <= seen

            await eventually_async(all_seen, "every event is on the feed", 60)

        async def nothing_owed() -> bool:
            async with desk.database.system() as tx:
                return await tx.fetchval("select count(*) from unpublished_events") == 0

        await eventually_async(nothing_owed, "nothing is owed to the feed", 30)
        await desk.life.close()
