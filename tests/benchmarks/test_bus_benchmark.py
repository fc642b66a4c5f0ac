"""The bus against bare aio-pika and plain FastStream, in turn, on the same broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from uuid import uuid4

import aio_pika
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from report import ratio, write_section

from bus import Bus
from bus.service_bus import outgoing
from contracts.topology import own_queue
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge

MESSAGES = 4_000
ROUNDS = 3
PREFETCH = 100
QUEUE = own_queue("channel-ingress", ChannelWebhookReceived)


def webhook() -> ChannelWebhookReceived:
    return ChannelWebhookReceived.make(
        tenant_id=uuid4(),
        delivery_id=uuid4(),
        channel_type="whatsapp",
        channel_id=None,
        body="x" * 540,
        body_sha256=None,
    )


async def fill_bare(url: str) -> float:
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    exchange = await channel.get_exchange("events", ensure=False)
    bodies = [webhook() for _ in range(MESSAGES)]
    started = time.perf_counter()
    for begin in range(0, MESSAGES, 50):
        await asyncio.gather(
            *(
                exchange.publish(
                    aio_pika.Message(m.said(), delivery_mode=2, message_id=str(m.message_id)),
                    m.address,
                )
                for m in bodies[begin : begin + 50]
            )
        )
    took = time.perf_counter() - started
    await connection.close()
    return MESSAGES / took


async def fill_ours(url: str) -> float:
    bus = Bus(url, service="gateway")
    await bus.start()
    await bus.until_can_say()
    messages = [webhook() for _ in range(MESSAGES)]
    started = time.perf_counter()
    for begin in range(0, MESSAGES, 50):
        await asyncio.gather(
            *(bus.publish(outgoing(message)) for message in messages[begin : begin + 50])
        )
    took = time.perf_counter() - started
    await bus.stop_hearing()
    await bus.close()
    return MESSAGES / took


class Counter:
    """Counts to MESSAGES."""

    def __init__(self) -> None:
        self.seen = 0
        self.all = asyncio.Event()

    def one(self) -> None:
        self.seen += 1
        if self.seen == MESSAGES:
            self.all.set()


async def drain_bare(url: str) -> float:
    counter = Counter()
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel()
    await channel.set_qos(PREFETCH)
    queue = await channel.get_queue(QUEUE)

    async def consume(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        ChannelWebhookReceived.hear(message.body)
        await message.ack()
        counter.one()

    return await _timed(counter, lambda: queue.consume(consume), connection.close)


async def drain_faststream(url: str) -> float:
    counter = Counter()
    broker = RabbitBroker(url, logger=None)

    @broker.subscriber(
        RabbitQueue(QUEUE, durable=True, declare=False),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        channel=Channel(prefetch_count=PREFETCH),
    )
    async def consume(message: ChannelWebhookReceived) -> None:
        counter.one()

    return await _timed(counter, broker.start, broker.stop)


async def drain_ours(url: str) -> float:
    counter = Counter()
    bus = Bus(url, service="channel-ingress")

    async def listener(delivery) -> None:
        ChannelWebhookReceived.hear(delivery.body)
        await delivery.done()
        counter.one()

    bus.listen(ChannelWebhookReceived, listener, prefetch=PREFETCH)

    async def stop() -> None:
        await bus.stop_hearing()
        await bus.close()

    return await _timed(counter, bus.start, stop)


async def _timed(
    counter: Counter,
    start: Callable[[], Awaitable[object]],
    stop: Callable[[], Awaitable[object]],
) -> float:
    started = time.perf_counter()
    await start()
    await asyncio.wait_for(counter.all.wait(), 120)
    took = time.perf_counter() - started
    await stop()
    return MESSAGES / took


NOTHING = KnowledgeFound(
    passages=[], reason="no_documents", degraded=False, candidates=0, milliseconds=0.0
)


def question() -> SearchKnowledge:
    return SearchKnowledge.make(tenant_id=uuid4(), query="returns?", limit=5)


async def ask_ours(url: str, at_once: int, count: int) -> float:
    owner, asker = Bus(url, service="retriever"), Bus(url, service="orchestrator")

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        return NOTHING

    owner.answer(SearchKnowledge, answer, prefetch=64)
    await owner.start()
    await asker.start()
    per_second = await _ask_all(lambda: asker.ask(question(), timeout_seconds=30), at_once, count)
    for bus in (asker, owner):
        await bus.stop_hearing()
        await bus.close()
    return per_second


async def ask_faststream(url: str, at_once: int, count: int) -> float:
    broker = RabbitBroker(url, logger=None)

    @broker.subscriber(RabbitQueue("bench.rpc", durable=True))
    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        return NOTHING

    await broker.start()

    async def ask() -> object:
        return await broker.request(question(), "bench.rpc", timeout=30)

    per_second = await _ask_all(ask, at_once, count)
    await broker.stop()
    return per_second


async def ask_bare(url: str, at_once: int, count: int) -> float:
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=False)
    requests = await channel.declare_queue("bench.bare", durable=True)
    replies = await channel.declare_queue(exclusive=True)
    waiting: dict[str, asyncio.Future[bytes]] = {}

    async def serve(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        SearchKnowledge.hear(message.body)
        reply = aio_pika.Message(
            NOTHING.model_dump_json().encode(), correlation_id=message.correlation_id
        )
        await channel.default_exchange.publish(reply, message.reply_to or "")
        await message.ack()

    async def receive(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        waiting.pop(message.correlation_id or "").set_result(message.body)

    await requests.consume(serve)
    await replies.consume(receive, no_ack=True)

    async def ask() -> object:
        asked = question()
        key = str(asked.message_id)
        waiting[key] = asyncio.get_running_loop().create_future()
        message = aio_pika.Message(asked.said(), correlation_id=key, reply_to=replies.name)
        await channel.default_exchange.publish(message, "bench.bare")
        return KnowledgeFound.model_validate_json(await waiting[key])

    per_second = await _ask_all(ask, at_once, count)
    await connection.close()
    return per_second


async def _ask_all(ask: Callable[[], Awaitable[object]], at_once: int, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count // at_once):
        await asyncio.gather(*(ask() for _ in range(at_once)))
    return count / (time.perf_counter() - started)


async def test_the_bus_beside_aio_pika_and_faststream(amqp_vhost):
    url = amqp_vhost.url
    measured: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, fill, drain in (
            ("aio-pika", fill_bare, drain_bare),
            ("FastStream", fill_bare, drain_faststream),
            ("our bus", fill_ours, drain_ours),
        ):
            measured.setdefault(f"say {name}", []).append(await fill(url))
            measured.setdefault(f"hear {name}", []).append(await drain(url))
        for at_once, count in ((1, 300), (32, 1_600)):
            for name, ask in (
                ("aio-pika", ask_bare),
                ("FastStream", ask_faststream),
                ("our bus", ask_ours),
            ):
                rate = await ask(url, at_once, count)
                measured.setdefault(f"ask {at_once} {name}", []).append(rate)
    rates = {name: median(values) for name, values in measured.items()}
    rows = []
    for what, title in (
        ("say", "say, confirmed, 50 in flight"),
        ("hear", "hear and acknowledge, prefetch 100"),
        ("ask 1", "request and answer, one at a time"),
        ("ask 32", "request and answer, 32 at a time"),
    ):
        bare = rates[f"{what} aio-pika"]
        for name in ("aio-pika", "FastStream", "our bus"):
            if what == "say" and name == "FastStream":
                continue
            rate = rates[f"{what} {name}"]
            rows.append((title, name, f"{rate:,.0f}", ratio(rate, bare)))
    write_section(
        "The bus",
        f"""Median of {ROUNDS} interleaved rounds, {MESSAGES:,} messages of about 0.9 kB on a quorum
queue, one client process. Hearing includes decoding into the contract class; saying by our bus is
mandatory and confirmed, and asking too. Aim: hearing at least 0.8 × aio-pika, a request at most
1.3 × its time.""",
        ("what", "client", "per second", "against aio-pika"),
        rows,
    )
