"""The walls between services, on the running platform: databases, queues, and who hears what."""

import json
import re
import urllib.request
from base64 import b64encode
from urllib.parse import quote, urlsplit

import aio_pika
import asyncpg
import pytest
from aio_pika.exceptions import ChannelClosed
from aiormq.exceptions import ChannelAccessRefused
from whole_platform import WholePlatform

from chatctl.services import SERVICES
from contracts import all_messages
from contracts.definitions import INTERNAL as INTERNAL_VHOST
from contracts.naming import SERVICES as NAMES
from contracts.topology import message_queues, own_queues, replica_queue
from testkit import eventually


async def never(_: object) -> None:
    """Nothing of a foreign queue is ever delivered."""
    raise AssertionError("read a foreign queue")


PAIRS = [(one, other) for one in SERVICES for other in SERVICES if one != other]


def management(platform: WholePlatform, path: str) -> list[dict]:
    """One list of RabbitMQ's management API."""
    parts = urlsplit(platform.servers.rabbitmq.management_url())
    request = urllib.request.Request(f"http://{parts.hostname}:{parts.port}/api/{path}")
    account = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {account}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return list(json.loads(answer.read()))


@pytest.mark.parametrize(
    ("one", "other"), PAIRS, ids=[f"{one.name} in {other.name}" for one, other in PAIRS]
)
async def test_every_role_is_refused_by_every_other_database(platform: WholePlatform, one, other):
    url = platform.environment.database_url(one)
    foreign = url.rpartition("/")[0] + f"/{other.database}"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(foreign, timeout=5)
    own = await asyncpg.connect(url, timeout=5)
    await own.close()


def test_each_service_consumes_exactly_what_the_catalogue_says(platform: WholePlatform):
    said = {
        (queue.name, queue.name.split(".", 1)[0])
        for message in all_messages()
        for queue in message_queues(message)
    }
    said |= {
        (replica_queue(service, message, "")[:-1], service)
        for message in all_messages()
        if getattr(message, "to_each_replica", False)
        for service in message.listeners
    }
    # The management API tells of consumers some seconds after they came.
    really = eventually(lambda: consumers(platform, len(said)), "every queue has its consumers")
    answers = {pair for pair in really if ".replies." in pair[0]}
    assert really - answers == said
    assert {user for _, user in answers} <= set(NAMES)


def consumers(platform: WholePlatform, least: int) -> set[tuple[str, str]]:
    """Queues with who consumes them, a replica's own under the name they share; or not yet."""
    listed = management(platform, f"consumers/{quote(INTERNAL_VHOST)}")
    pairs = {(c["queue"]["name"], c["channel_details"]["user"]) for c in listed}
    shared = {(re.sub(r"(\.replicas\..*)\..*", r"\1", name), user) for name, user in pairs}
    return shared if len(shared) > least else set()


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
async def test_a_broker_user_reads_its_own_queues_and_writes_under_its_own_name(
    platform: WholePlatform, service
):
    own = {queue.name for queue in own_queues(service.name)}
    foreign = next(q.name for m in all_messages() for q in message_queues(m) if q.name not in own)
    connection = await aio_pika.connect(platform.environment.broker_url(service, INTERNAL_VHOST))
    async with connection:
        with pytest.raises((ChannelAccessRefused, ChannelClosed)):
            channel = await connection.channel()
            queue = await channel.get_queue(foreign, ensure=False)
            await queue.consume(never)
        with pytest.raises((ChannelAccessRefused, ChannelClosed)):
            channel = await connection.channel()
            events = await channel.get_exchange("events", ensure=False)
            other = next(name for name in NAMES if name != service.name)
            await events.publish(aio_pika.Message(b"{}"), f"{other}.forged.v1", mandatory=False)
            await channel.set_qos(1)
        with pytest.raises((ChannelAccessRefused, ChannelClosed)):
            channel = await connection.channel()
            await channel.default_exchange.publish(aio_pika.Message(b"{}"), foreign)
            await channel.set_qos(1)


def test_nothing_was_left_in_a_dead_queue(platform: WholePlatform):
    queues = management(platform, f"queues/{quote(INTERNAL_VHOST)}")
    dead = {q["name"]: q.get("messages", 0) for q in queues if q["name"].endswith(".dead")}
    assert set(dead) == {f"{name}.dead" for name in NAMES}
    assert sum(dead.values()) == 0, dead


async def test_a_tenant_key_opens_its_own_tenant_only(platform: WholePlatform, returns_shop, shop):
    from chatctl.gateway_api import ApiProblem

    async with shop.api as api:
        own = await api.get(f"/api/tenants/{shop.tenant_id}")
        assert own["tenant_id"] == shop.tenant_id
        for path in ("", "/channels", "/documents", "/conversations", "/keys", "/webhooks"):
            with pytest.raises(ApiProblem) as foreign:
                await api.get(f"/api/tenants/{returns_shop.tenant_id}{path}")
            with pytest.raises(ApiProblem) as missing:
                await api.get(f"/api/tenants/00000000-0000-4000-8000-000000000000{path}")
            assert foreign.value.status == missing.value.status == 404
            assert foreign.value.code == missing.value.code
