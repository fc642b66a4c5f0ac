"""Save and say, hear once, retry, quarantine: on a real broker and database."""

import asyncio
import importlib.util
from pathlib import Path

import aio_pika
import pytest

import outbox.inbox
import outbox.relay
from bus.service_bus import NotInCatalogue, outgoing
from contracts.topology import own_queue
from contracts.v1.channels import ChannelWebhookReceived, MessageReceived
from outbox import RetryLater, list_quarantined, redrive
from testkit import eventually_async

_spec = importlib.util.spec_from_file_location(
    "outbox_conftest", Path(__file__).with_name("conftest.py")
)
assert _spec
assert _spec.loader
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
webhook = _module.webhook


@pytest.fixture
def quick_retries(monkeypatch):
    monkeypatch.setattr(outbox.inbox, "DELAYS_SECONDS", (0.05,) * 6)


async def test_what_is_saved_is_said_and_its_row_goes(speaker, listener):
    heard: list[ChannelWebhookReceived] = []

    async def keep(message, tx):
        heard.append(message)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    said = webhook()
    await speaker.say(said)
    await eventually_async(lambda: heard == [said], "the message")
    await eventually_async(lambda: _empty(speaker), "the row's end")


async def _empty(side) -> bool:
    return await side.count("outbox") == 0


async def test_what_is_rolled_back_is_not_said(speaker, listener):
    heard: list[ChannelWebhookReceived] = []

    async def keep(message, tx):
        heard.append(message)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    with pytest.raises(ZeroDivisionError):
        async with speaker.database.system() as tx:
            await speaker.outbox.say(tx, webhook("lost"))
            raise ZeroDivisionError
    kept = webhook("kept")
    await speaker.say(kept)
    await eventually_async(lambda: heard, "a message")
    assert heard == [kept]


async def test_a_row_whose_process_died_after_the_commit_is_said_by_the_sweep(
    speaker, listener, monkeypatch
):
    """S3: committed, never published from memory."""
    monkeypatch.setattr(outbox.saying, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(speaker.outbox._relay, "publish_soon", lambda kept: None)
    heard: list[ChannelWebhookReceived] = []

    async def keep(message, tx):
        heard.append(message)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    said = webhook()
    await speaker.say(said)
    await eventually_async(lambda: heard == [said], "the sweep")


async def test_a_row_that_cannot_be_said_holds_up_no_other(speaker, listener, monkeypatch):
    """Too large for the bus, and tried so often that 2**tries is no number any more."""
    monkeypatch.setattr(outbox.saying, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(speaker.outbox._relay, "publish_soon", lambda kept: None)
    heard: list[str] = []

    async def keep(message, tx):
        heard.append(message.body)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    async with speaker.database.system() as tx:
        await speaker.outbox.say(tx, webhook("bad"))
        await tx.execute("update outbox set body = $1::bytea, tries = 5000", b" " * 300_000)
    for body in ("first", "second"):
        await speaker.say(webhook(body))
        await eventually_async(lambda wanted=body: wanted in heard, body)
    async with speaker.database.system() as tx:
        row = await tx.fetchrow("select tries, last_error from outbox")
    assert row["tries"] > 5000
    assert "300000 bytes" in row["last_error"]


async def test_what_was_delivered_before_is_handled_before_what_is_new(speaker, listener):
    """A process that died with a message in hand left the oldest one of the queue behind."""
    handled: list[str] = []

    async def handler(messages, tx):
        handled.extend(message.body for message in messages)

    listener.outbox.hear_batch(ChannelWebhookReceived, handler, batch=10, linger_seconds=0.2)
    await speaker.bus.publish(outgoing(webhook("older")))
    connection = await aio_pika.connect(listener.bus._url)
    channel = await connection.channel()
    queue = await channel.get_queue(own_queue("channel-ingress", ChannelWebhookReceived))
    await eventually_async(lambda: queue.get(fail=False), "the older one, in a dying hand")
    await connection.close()
    await speaker.bus.publish(outgoing(webhook("newer")))
    await listener.start()
    await eventually_async(lambda: len(handled) == 2, "both")
    assert handled == ["older", "newer"]


async def test_a_message_published_twice_is_handled_once(speaker, listener):
    """S4 and S5: a crash between publish and mark says it again."""
    handled: list[str] = []

    async def keep(message, tx):
        handled.append(message.body)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    said = webhook("once")
    await asyncio.gather(*(speaker.bus.publish(outgoing(said)) for _ in range(5)))
    await speaker.say(webhook("last"))
    await eventually_async(lambda: "last" in handled, "the last message")
    await eventually_async(lambda: _drained(speaker, listener), "an empty queue")
    assert sorted(handled) == ["last", "once"]


async def _drained(speaker, listener) -> bool:
    connection = await aio_pika.connect(listener.bus._url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(own_queue("channel-ingress", ChannelWebhookReceived))
        return queue.declaration_result.message_count == 0


async def test_effects_of_a_failed_handler_are_not_kept_and_it_is_tried_again(
    speaker, listener, quick_retries
):
    tries: list[int] = []

    async def unlucky(message, tx):
        await tx.execute(
            "insert into inbox (queue, message_id) values ('effect', $1::uuid)", message.message_id
        )
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")

    listener.outbox.hear(ChannelWebhookReceived, unlucky)
    await listener.start()
    await speaker.say(webhook())
    await eventually_async(lambda: len(tries) == 3, "three tries")
    await eventually_async(lambda: _rows(listener, 2), "inbox and effect")


async def _rows(side, wanted: int) -> bool:
    return await side.count("inbox") == wanted


async def test_a_message_that_always_fails_is_quarantined_and_can_be_redriven(
    speaker, listener, quick_retries
):
    broken = True
    handled: list[str] = []

    async def handler(message, tx):
        if broken and message.body == "poison":
            raise RuntimeError("cannot digest this")
        handled.append(message.body)

    listener.outbox.hear(ChannelWebhookReceived, handler)
    await listener.start()
    await speaker.say(webhook("poison"), *(webhook(f"healthy {n}") for n in range(9)))
    await eventually_async(lambda: len(handled) == 9, "the healthy ones")

    async def found():
        return await list_quarantined(listener.database)

    waiting = await eventually_async(found, "the quarantine")
    assert waiting[0].attempts == outbox.inbox.ATTEMPTS_MAX
    assert "cannot digest this" in waiting[0].error
    broken = False
    assert await redrive(listener.database, listener.outbox, waiting[0].id)
    assert not await redrive(listener.database, listener.outbox, waiting[0].id)
    await eventually_async(lambda: "poison" in handled, "the redriven message")
    assert await list_quarantined(listener.database) == []


async def test_what_cannot_be_read_is_quarantined_at_once(speaker, listener):
    async def handler(message, tx):
        raise AssertionError("never called")

    listener.outbox.hear(ChannelWebhookReceived, handler)
    await listener.start()
    said = outgoing(webhook())
    await speaker.bus.publish(_with_body(said, b'{"message_id": 1'))

    async def found():
        return await list_quarantined(listener.database)

    waiting = await eventually_async(found, "the quarantine")
    assert "unreadable" in waiting[0].error


def _with_body(message, body):
    import dataclasses

    return dataclasses.replace(message, body=body)


async def test_later_means_later(speaker, listener):
    seen: list[int] = []

    async def handler(message, tx):
        seen.append(1)
        if len(seen) == 1:
            raise RetryLater("the channel is not known yet", delay_seconds=0.05)

    listener.outbox.hear(ChannelWebhookReceived, handler)
    await listener.start()
    await speaker.say(webhook())
    await eventually_async(lambda: len(seen) == 2, "the second try")


async def test_a_delayed_message_waits_in_the_table(speaker, listener):
    heard: list[ChannelWebhookReceived] = []

    async def keep(message, tx):
        heard.append(message)

    listener.outbox.hear(ChannelWebhookReceived, keep)
    await listener.start()
    await speaker.say(webhook("later"), delay_seconds=0.6)
    await speaker.say(webhook("now"))
    await eventually_async(lambda: len(heard) == 2, "both")
    assert [message.body for message in heard] == ["now", "later"]


async def test_batches_are_handled_together_and_alone_when_one_fails(
    speaker, listener, quick_retries
):
    batches: list[list[str]] = []

    async def handler(messages, tx):
        bodies = [message.body for message in messages]
        if "bad" in bodies:
            raise ValueError("bad")
        batches.append(bodies)

    listener.outbox.hear_batch(ChannelWebhookReceived, handler, batch=50)
    messages = [webhook("bad"), *(webhook(str(n)) for n in range(20))]
    for message in messages:
        await speaker.bus.publish(outgoing(message))
    await listener.start()
    await eventually_async(lambda: sum(map(len, batches)) == 20, "the good ones")

    async def found():
        return await list_quarantined(listener.database)

    assert (await eventually_async(found, "the quarantine"))[0].address.endswith("received.v1")
    assert sorted(body for bodies in batches for body in bodies) == sorted(map(str, range(20)))


async def test_a_long_handler_is_marked_heard_afterwards(speaker, listener):
    handled: list[str] = []

    async def handler(message):
        handled.append(message.body)

    listener.outbox.hear_long(ChannelWebhookReceived, handler)
    await listener.start()
    said = webhook("long")
    await speaker.bus.publish(outgoing(said))
    await eventually_async(lambda: _rows(listener, 1), "the inbox row")
    await speaker.bus.publish(outgoing(said))
    await speaker.say(webhook("last"))
    await eventually_async(lambda: "last" in handled, "the last message")
    assert handled == ["long", "last"]


async def test_the_broker_may_be_away_while_saving(side, amqp_vhost, listener):
    """P6: nothing is lost while the broker is away; it is said when it is back."""
    from testkit import TcpProxy

    place = amqp_vhost.url.split("@")[1].split("/")[0]
    host, _, port = place.partition(":")
    async with TcpProxy(host, int(port)) as proxy:
        speaker = await side("gateway", amqp_vhost.url.replace(place, f"127.0.0.1:{proxy.port}"))
        await speaker.start()
        await asyncio.wait_for(speaker.bus.until_can_say(), 10)
        heard: list[str] = []

        async def keep(message, tx):
            heard.append(message.body)

        listener.outbox.hear(ChannelWebhookReceived, keep)
        await listener.start()
        proxy.refuse = True
        proxy.cut()
        for n in range(30):
            await speaker.say(webhook(str(n)))
        assert await speaker.count("outbox") == 30
        proxy.refuse = False
        await eventually_async(
            lambda: sorted(heard) == sorted(map(str, range(30))), "all 30", timeout_seconds=40
        )
        await eventually_async(lambda: _empty(speaker), "an empty outbox")


async def test_the_database_may_be_away_while_hearing(speaker, listener, monkeypatch):
    from postgres import DatabaseAway

    away = True
    handled: list[str] = []

    async def handler(message, tx):
        if away:
            raise DatabaseAway("gone")
        handled.append(message.body)

    listener.outbox.hear(ChannelWebhookReceived, handler)
    await listener.start()
    await speaker.say(webhook("held"))
    await asyncio.sleep(0.5)
    assert await listener.count("quarantine") == 0
    assert await listener.count("outbox") == 0
    away = False
    await eventually_async(lambda: handled == ["held"], "the held message")


async def test_only_what_the_catalogue_says_may_be_said(speaker):
    async with speaker.database.system() as tx:
        with pytest.raises(NotInCatalogue):
            await speaker.outbox.say(tx, MessageReceived.model_construct())
