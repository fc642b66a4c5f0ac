"""Two services on a real broker and real databases: one says, one hears."""

from uuid import uuid4

import pytest

from bus import Bus
from contracts.v1.channels import ChannelWebhookReceived
from outbox import Outbox
from postgres import Database
from testkit import eventually_async


class Side:
    """A service's database, bus and outbox in a test."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus
        self.outbox = Outbox(database, bus)

    async def start(self) -> None:
        await self.bus.start()
        await self.outbox.start()

    async def stop(self) -> None:
        await self.bus.stop_hearing()
        await self.outbox.stop()
        await self.bus.close()
        await self.database.close()

    async def count(self, table: str) -> int:
        async with self.database.system() as tx:
            return int(await tx.fetchval(f"select count(*) from {table}"))

    async def say(self, *messages: ChannelWebhookReceived, delay_seconds: float = 0.0) -> None:
        async with self.database.system() as tx:
            await self.outbox.say(tx, *messages, delay_seconds=delay_seconds)


@pytest.fixture
async def side(service_database, amqp_vhost):
    made: list[Side] = []

    async def make(service: str, url: str | None = None) -> Side:
        database = await Database.connect(service_database("outbox").url, name=service)
        made.append(Side(database, Bus(url or amqp_vhost.url, service=service)))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


@pytest.fixture
async def speaker(side):
    made = await side("gateway")
    await made.start()
    await eventually_async(lambda: made.bus._can_say.is_set(), "the listeners' queues")
    return made


@pytest.fixture
async def listener(side):
    return await side("channel-ingress")


def webhook(body: str = "{}") -> ChannelWebhookReceived:
    return ChannelWebhookReceived.make(
        tenant_id=uuid4(),
        delivery_id=uuid4(),
        channel_type="whatsapp",
        channel_id=None,
        body=body,
        body_sha256=None,
    )
