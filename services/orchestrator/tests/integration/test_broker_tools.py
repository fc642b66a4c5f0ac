"""Tools over a real broker: calls to the tenant's own queue, answers in its own name only."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.exceptions import ChannelClosed
from aiormq.exceptions import ChannelAccessRefused

from contracts import tool_consumer
from contracts.definitions import PUBLIC, TOOL_ANSWERS_EXCHANGE, TOOLS_EXCHANGE
from orchestrator.broker_tools import BrokerTools
from orchestrator.own_tools import OwnTool, OwnTools
from orchestrator.tools import ToolFailed
from testkit.topology import declare_topology

REFUSED = (ChannelAccessRefused, ChannelClosed)


@pytest.fixture
def events(empty_vhost: Any) -> Any:
    """Return a vhost like `events`, where two tenants have tools over the broker."""
    declare_topology(empty_vhost, like=PUBLIC)
    for slug in ("acme", "other"):
        consumer_url(empty_vhost, slug)
    return empty_vhost


def consumer_url(vhost: Any, slug: str) -> str:
    """Import what the operator imports, under a user of this test, and return its address."""
    user, password = f"t{secrets.token_hex(6)}", secrets.token_hex(8)
    text = tool_consumer.main(slug, password).replace(f'"tools-{slug}"', f'"{user}"')
    vhost.administration.import_definitions(
        json.loads(text.replace(f'"{PUBLIC}"', f'"{vhost.name}"'))
    )
    parts = urlsplit(vhost.url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}:{password}@{host}", parts.path, "", ""))


@asynccontextmanager
async def answering(url: str, slug: str, answer: Any) -> AsyncIterator[list[Any]]:
    """Answer a tenant's calls as its server would, by no more than its own rights."""
    came: list[Any] = []
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(f"tools.{slug}", ensure=False)
        answers = await channel.get_exchange(TOOL_ANSWERS_EXCHANGE, ensure=False)

        async def take(message: Any) -> None:
            came.append(message)
            await message.ack()
            said = answer(message)
            if said is not None:
                fields = {"content_type": "application/json", **said}
                key = fields.pop("key", message.reply_to)
                fields.setdefault("correlation_id", message.correlation_id)
                await answers.publish(aio_pika.Message(**fields), key)

        await queue.consume(take)
        yield came


@pytest.fixture
async def broker(events: Any) -> AsyncIterator[BrokerTools]:
    made = BrokerTools(events.url)
    yield made
    await made.close()


async def asked(
    broker: BrokerTools, slug: str = "acme", seconds: float = 5.0, **arguments: Any
) -> str:
    tool = OwnTool(
        tenant_id=uuid4(),
        name="stock",
        description="How many are there.",
        parameters={"type": "object"},
        kind="broker",
        timeout_seconds=seconds,
        result_characters_max=500,
        repeatable=False,
        slug=slug,
    )
    return await OwnTools(None, {"broker": broker}).try_once(tool, arguments)  # type: ignore[arg-type]


async def test_a_call_and_its_answer_with_the_tenants_own_rights(events: Any, broker: Any) -> None:
    def stock(message: Any) -> Any:
        return {"body": json.dumps({"left": json.loads(message.body)["arguments"]["sku"]}).encode()}

    async with answering(consumer_url(events, "acme"), "acme", stock) as came:
        texts = await asyncio.gather(*(asked(broker, sku=number) for number in range(20)))
    assert texts == [f'{{"left": {number}}}' for number in range(20)]
    first = came[0]
    body = json.loads(first.body)
    assert first.routing_key == "acme.stock"
    assert first.message_id == body["call_id"]
    assert first.expiration is not None
    assert first.expiration <= 5.0


async def test_nobody_listens_is_known_at_once(broker: Any) -> None:
    started = monotonic()
    with pytest.raises(ToolFailed, match="nobody answers") as caught:
        await asked(broker, slug="unknown", seconds=30.0)
    assert (caught.value.outcome, caught.value.maybe_done) == ("no_listener", False)
    assert monotonic() - started < 5


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        ({"body": b"{"}, "failed", "not valid JSON"),
        ({"body": b"x" * (1024 * 1024 + 1)}, "too_large", "too long"),
        ({"body": b'"no such sku"', "type": "error"}, "refused", "no such sku"),
        ({"body": b'"x"', "correlation_id": "made-up"}, "timeout", "did not answer"),
        (None, "timeout", "did not answer"),
    ],
)
async def test_answers_that_are_none(
    events: Any, broker: Any, said: Any, outcome: str, words: str
) -> None:
    seconds = 0.5 if outcome == "timeout" else 5.0
    async with answering(events.url, "acme", lambda _message: said and dict(said)):
        with pytest.raises(ToolFailed, match=words) as caught:
            await asked(broker, seconds=seconds)
    assert caught.value.outcome == outcome


async def test_an_answer_under_another_tenants_name_does_not_count(
    events: Any, broker: Any
) -> None:
    """Even if the broker let it through."""

    def forge(message: Any) -> Any:
        return {"body": b'"forged"', "key": message.reply_to.replace("acme", "other")}

    async with answering(events.url, "acme", forge):
        with pytest.raises(ToolFailed, match="did not answer"):
            await asked(broker, seconds=0.5)


async def test_a_tenants_user_may_only_read_its_queue_and_answer_in_its_name(events: Any) -> None:
    url = consumer_url(events, "acme")
    connection = await aio_pika.connect(url)
    async with connection:

        async def attempt(work: Any) -> None:
            with pytest.raises(REFUSED):
                channel = await connection.channel(publisher_confirms=True)
                await work(channel)

        async def read_other(channel: Any) -> None:
            queue = await channel.get_queue("tools.other", ensure=False)
            await queue.consume(_nothing)

        async def answer_for_other(channel: Any) -> None:
            answers = await channel.get_exchange(TOOL_ANSWERS_EXCHANGE, ensure=False)
            await answers.publish(aio_pika.Message(b"{}"), "other.abc")

        async def call_a_tool(channel: Any) -> None:
            tools = await channel.get_exchange(TOOLS_EXCHANGE, ensure=False)
            await tools.publish(aio_pika.Message(b"{}"), "other.stock")

        async def write_to_a_queue(channel: Any) -> None:
            await channel.default_exchange.publish(aio_pika.Message(b"{}"), "tools.other")

        async def publish_an_event(channel: Any) -> None:
            feed = await channel.get_exchange("chat.events", ensure=False)
            await feed.publish(aio_pika.Message(b"{}"), "other.-.message.received.v1")

        async def listen_to_answers(channel: Any) -> None:
            queue = await channel.declare_queue("tools.spy", exclusive=True)
            await queue.bind(TOOL_ANSWERS_EXCHANGE, "#")

        for work in (
            read_other,
            answer_for_other,
            call_a_tool,
            write_to_a_queue,
            publish_an_event,
            listen_to_answers,
        ):
            await attempt(work)


async def test_a_broker_that_is_away(unused_tcp_port: int) -> None:
    broker = BrokerTools(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/events")
    with pytest.raises(ToolFailed, match="could not be reached"):
        await asked(broker)
    await broker.close()


async def _nothing(_message: object) -> None:
    raise AssertionError("read a foreign queue")
