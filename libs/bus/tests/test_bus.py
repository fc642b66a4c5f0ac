"""The bus on a real broker: FastStream's sharp edges, each with its cure."""

import asyncio
from uuid import uuid4

import aio_pika
import pytest

from bus import (
    AskFailed,
    AskTimeout,
    BrokerAway,
    Bus,
    NotInCatalogue,
    Refused,
    TopologyMismatch,
    Unroutable,
)
from bus.service_bus import outgoing
from bus.speaking import Speaker
from contracts.topology import own_queue
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from contracts.v1.models import CallAbandoned, GenerateReply
from contracts.v1.turns import ReplyDelta
from testkit import TcpProxy, eventually_async

NOTHING = KnowledgeFound(
    passages=[], reason="no_documents", degraded=False, candidates=0, milliseconds=0.0
)


def question(words: str = "returns?") -> SearchKnowledge:
    return SearchKnowledge.make(tenant_id=uuid4(), query=words, limit=3)


def webhook(body: str = "{}") -> ChannelWebhookReceived:
    return ChannelWebhookReceived.make(
        tenant_id=uuid4(),
        delivery_id=uuid4(),
        channel_type="whatsapp",
        channel_id=None,
        body=body,
        body_sha256=None,
    )


@pytest.fixture
async def made(amqp_vhost):
    buses: list[Bus] = []

    def make(service: str, url: str | None = None) -> Bus:
        buses.append(Bus(url or amqp_vhost.url, service=service))
        return buses[-1]

    yield make
    for bus in buses:
        await bus.stop_hearing()
        await bus.close()


async def started(*buses: Bus) -> None:
    for bus in buses:
        await bus.start()
    for bus in buses:
        await asyncio.wait_for(bus.until_can_say(), 10)


async def test_an_event_arrives_whole(made):
    speaker, listener = made("gateway"), made("channel-ingress")
    heard: list[ChannelWebhookReceived] = []

    async def keep(delivery):
        heard.append(ChannelWebhookReceived.hear(delivery.body))
        await delivery.done()

    listener.listen(ChannelWebhookReceived, keep)
    await started(speaker, listener)
    said = webhook('{"text": "žćč 🙂"}')
    await speaker.publish(outgoing(said))
    await eventually_async(lambda: heard == [said], "the event")


async def test_a_missing_binding_is_an_error_and_not_a_silent_loss(made, amqp_vhost):
    """FastStream 1: with `mandatory` alone an unroutable publish returns normally."""
    speaker = made("gateway")
    await started(speaker)
    connection = await aio_pika.connect(amqp_vhost.url)
    channel = await connection.channel()
    await channel.queue_delete(own_queue("channel-ingress", ChannelWebhookReceived))
    with pytest.raises(Unroutable):
        await speaker.publish(outgoing(webhook()))
    await connection.close()


async def test_answering_leaves_no_dead_request(made, amqp_vhost):
    """FastStream 2: one channel for hearing and saying dead-letters every answered request."""
    asker, owner = made("orchestrator"), made("retriever")

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        return NOTHING

    owner.answer(SearchKnowledge, answer)
    await started(owner, asker)
    for _ in range(20):
        assert await asker.ask(question(), timeout_seconds=5) == NOTHING
    connection = await aio_pika.connect(amqp_vhost.url)
    channel = await connection.channel()
    for name in ("retriever.dead", own_queue("retriever", SearchKnowledge)):
        queue = await channel.get_queue(name)
        assert queue.declaration_result.message_count == 0
    await connection.close()


async def test_a_failing_handler_is_an_error_and_not_an_empty_answer(made):
    """FastStream 3: a handler's error reaches the asker as an empty reply."""
    asker, owner = made("orchestrator"), made("retriever")

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        if asked.query == "refuse":
            raise Refused("not_ready", "no index yet")
        raise ZeroDivisionError

    owner.answer(SearchKnowledge, answer)
    await started(owner, asker)
    with pytest.raises(AskFailed) as broken:
        await asker.ask(question(), timeout_seconds=5)
    assert broken.value.code == "internal_error"
    with pytest.raises(AskFailed) as refused:
        await asker.ask(question("refuse"), timeout_seconds=5)
    assert (refused.value.code, refused.value.detail) == ("not_ready", "no index yet")


async def test_nobody_answering_ends_at_the_deadline_and_the_late_answer_is_dropped(made):
    asker, owner = made("orchestrator"), made("retriever")
    release = asyncio.Event()

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        if asked.query == "slow":
            await release.wait()
        return NOTHING

    owner.answer(SearchKnowledge, answer)
    await started(owner, asker)
    with pytest.raises(AskTimeout):
        await asker.ask(question("slow"), timeout_seconds=0.3)
    release.set()
    assert await asker.ask(question(), timeout_seconds=5) == NOTHING


async def test_no_queue_for_a_request_fails_at_once(made, amqp_vhost):
    asker = made("orchestrator")
    await started(asker)
    connection = await aio_pika.connect(amqp_vhost.url)
    channel = await connection.channel()
    await channel.queue_delete(own_queue("retriever", SearchKnowledge))
    await connection.close()
    with pytest.raises(AskFailed) as nobody:
        async with asyncio.timeout(3):
            await asker.ask(question(), timeout_seconds=30)
    assert nobody.value.code == "no_responder"


async def test_an_unreadable_request_is_refused(made, amqp_vhost):
    asker, owner = made("orchestrator"), made("retriever")

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        return NOTHING

    owner.answer(SearchKnowledge, answer)
    await started(owner, asker)
    broken = SearchKnowledge.model_construct(**{**question().__dict__, "limit": 99_999})
    with pytest.raises(AskFailed) as refused:
        await asker.ask(broken, timeout_seconds=5)
    assert refused.value.code == "invalid_request"


async def test_what_the_catalogue_does_not_say_is_refused(made):
    bus = made("retriever")
    with pytest.raises(NotInCatalogue):
        bus.listen(ChannelWebhookReceived, None)
    with pytest.raises(NotInCatalogue):
        await bus.ask(question(), timeout_seconds=1)


async def test_two_listeners_on_one_queue_are_refused(made):
    bus = made("retriever")

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        return NOTHING

    bus.answer(SearchKnowledge, answer)
    with pytest.raises(ValueError, match="already has its listener"):
        bus.answer(SearchKnowledge, answer)


async def test_a_queue_with_other_arguments_stops_the_start(made, amqp_vhost):
    connection = await aio_pika.connect(amqp_vhost.url)
    channel = await connection.channel()
    name = own_queue("channel-ingress", ChannelWebhookReceived)
    await channel.queue_delete(name)
    await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "classic"})
    await connection.close()
    with pytest.raises(TopologyMismatch, match="other arguments"):
        await made("channel-ingress").start()


async def test_nothing_is_said_before_every_listener_has_its_queue(made, empty_vhost):
    speaker = made("gateway", empty_vhost.url)
    await speaker.start()
    with pytest.raises(BrokerAway, match="listener"):
        await speaker.publish(outgoing(webhook()))
    with pytest.raises(BrokerAway):
        await speaker.check()
    others = ("channel-ingress", "orchestrator", "rag-indexer", "retriever", "llm-router")
    for service in (*others, "webhook-dispatcher"):
        await made(service, empty_vhost.url).start()
    await asyncio.wait_for(speaker.until_can_say(), 10)
    await speaker.publish(outgoing(webhook()))


async def test_prefetch_bounds_what_is_in_hand(made):
    speaker, listener = made("gateway"), made("channel-ingress")
    now, most = 0, 0

    async def work(delivery):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        await delivery.done()

    listener.listen(ChannelWebhookReceived, work, prefetch=4)
    await started(speaker, listener)
    for _ in range(24):
        await speaker.publish(outgoing(webhook()))
    await eventually_async(lambda: now == 0 and most > 1, "the work")
    assert most <= 4


async def test_a_cut_connection_comes_back_and_the_handler_is_not_cut(made, amqp_vhost):
    host, _, port = amqp_vhost.url.split("@")[1].split("/")[0].partition(":")
    async with TcpProxy(host, int(port)) as proxy:
        through = amqp_vhost.url.replace(f"{host}:{port}", f"127.0.0.1:{proxy.port}")
        speaker, listener = made("gateway"), made("channel-ingress", through)
        ended: list[str] = []
        begun = asyncio.Event()

        async def slow(delivery):
            begun.set()
            await asyncio.sleep(0.5)
            ended.append(delivery.raw.message_id)
            await delivery.done()

        listener.listen(ChannelWebhookReceived, slow)
        await started(speaker, listener)
        said = webhook()
        await speaker.publish(outgoing(said))
        await begun.wait()
        assert proxy.cut()
        # Twice: the handler ran to its end although its channel was gone, and the broker,
        # never told, delivered it again.
        await eventually_async(lambda: ended == [str(said.message_id)] * 2, "both deliveries")


async def test_stopping_lets_what_is_in_hand_end(made):
    speaker, listener = made("gateway"), made("channel-ingress")
    begun, ended = asyncio.Event(), []

    async def slow(delivery):
        begun.set()
        await asyncio.sleep(0.3)
        await delivery.done()
        ended.append(True)

    listener.listen(ChannelWebhookReceived, slow)
    await started(speaker, listener)
    await speaker.publish(outgoing(webhook()))
    await begun.wait()
    await listener.stop_hearing()
    assert ended == [True]


async def test_streams_reach_their_listener_and_need_none(made):
    router, gateway = made("llm-router"), made("gateway")
    deltas: list[int] = []

    async def show(delta: ReplyDelta) -> None:
        deltas.append(delta.index)

    gateway.hear_stream(ReplyDelta, show)
    await started(router, gateway)
    for index in range(5):
        await router.stream(
            ReplyDelta.make(
                tenant_id=uuid4(),
                channel_id=uuid4(),
                visitor_id="v",
                turn_id=uuid4(),
                attempt=1,
                index=index,
                text="word ",
            )
        )
    await eventually_async(lambda: sorted(deltas) == [0, 1, 2, 3, 4], "the deltas")


def test_every_request_names_its_answer():
    assert GenerateReply.answer.__name__ == "ReplyGenerated"


async def test_each_replica_hears_what_is_for_all_of_them_and_its_queue_dies_with_it(
    made, amqp_vhost
):
    orchestrator, one, two = made("orchestrator"), made("llm-router"), made("llm-router")
    seen: list[tuple[str, CallAbandoned]] = []

    def keep(name: str):
        async def kept(message: CallAbandoned) -> None:
            seen.append((name, message))
            if len(seen) == 1:
                raise RuntimeError("a failure loses that one and no other")

        return kept

    one.hear_stream(CallAbandoned, keep("one"))
    two.hear_stream(CallAbandoned, keep("two"))
    assert CallAbandoned in one.heard
    for bus in (one, two):
        await bus.start()
    await orchestrator.start()
    said = CallAbandoned.make(tenant_id=uuid4(), request_id=uuid4())
    await orchestrator.stream(said)
    await eventually_async(lambda: len(seen) == 2, "both hear it")
    assert {name for name, _ in seen} == {"one", "two"}
    assert {message.request_id for _, message in seen} == {said.request_id}
    await two.stop_hearing()
    await two.close()
    await orchestrator.stream(said)
    await eventually_async(lambda: len(seen) == 3, "the one that is left hears it")
    assert seen[-1][0] == "one"


def test_only_its_listener_hears_what_is_for_each_replica():
    with pytest.raises(NotInCatalogue):
        Bus("amqp://nowhere", service="retriever").hear_stream(CallAbandoned, print)


async def test_a_start_that_failed_half_way_can_be_repeated(made, monkeypatch):
    """The first try's connection must not keep the exclusive reply queue, nor its consumers."""
    asker, owner = made("orchestrator"), made("retriever")
    answered: list[str] = []

    async def answer(asked: SearchKnowledge) -> KnowledgeFound:
        answered.append(asked.query)
        return NOTHING

    owner.answer(SearchKnowledge, answer)
    for bus in (asker, owner):
        broker = bus._listeners._broker
        begin = broker.start

        async def start_and_fail(begin=begin):
            await begin()
            raise ConnectionError("the broker went away again")

        with monkeypatch.context() as patched:
            patched.setattr(broker, "start", start_and_fail)
            with pytest.raises(ConnectionError):
                await bus.start()
    await started(owner, asker)
    assert await asker.ask(question("once"), timeout_seconds=5) == NOTHING
    assert answered == ["once"]


async def test_a_publish_that_the_connection_cancels_is_no_wish_to_stop():
    """aiormq cancels what waits for a confirm when it forces a stuck connection to close."""

    class Cut:
        async def publish(self, *_: object, **__: object) -> None:
            waiting = asyncio.get_running_loop().create_future()
            waiting.set_exception(asyncio.CancelledError())
            await waiting

    class Slow:
        async def publish(self, *_: object, **__: object) -> None:
            await asyncio.sleep(30)

    class Connected(Speaker):
        connected = True  # type: ignore[assignment]

    speaker, said = Connected("gateway"), outgoing(webhook())
    speaker._confirmed[said.exchange] = Cut()  # type: ignore[assignment]
    with pytest.raises(BrokerAway):
        await speaker.confirmed(said)
    speaker._confirmed[said.exchange] = Slow()  # type: ignore[assignment]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await speaker.confirmed(said)
