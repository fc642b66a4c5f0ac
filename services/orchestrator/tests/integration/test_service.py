"""The service in this process, on a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bus import AskFailed, Bus
from contracts import heard_by
from contracts.message import Request
from contracts.topology import own_queues
from contracts.v1.conversations import GetConversation, ListVisitorMessages, PostMessage
from contracts.v1.sending import SendMessage
from contracts.v1.tenants import RepeatConfiguration
from contracts.v1.turns import MessageRecorded, TurnStarted
from orchestrator.answering import AnswerLimits
from orchestrator.composition import Parts, compose, listen
from orchestrator.runner import RunnerPace
from outbox import Outbox
from postgres import Database
from testkit import Vhost, eventually_async

from .neighbours import Neighbours


@pytest.fixture
async def neighbours(amqp_vhost: Vhost, tenant_settings) -> AsyncIterator[Neighbours]:
    made = Neighbours(amqp_vhost.url, tenant_settings)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def service(
    orchestrator_database: Database, amqp_vhost: Vhost, neighbours: Neighbours
) -> AsyncIterator[Parts]:
    bus = Bus(amqp_vhost.url, service="orchestrator")
    outbox = Outbox(orchestrator_database, bus)
    parts = compose(
        orchestrator_database,
        bus,
        outbox,
        limits=AnswerLimits(),
        pace=RunnerPace(heartbeat_seconds=1.0, sweep_seconds=0.5),
        lease_seconds=5.0,
        typing_after_seconds=0.0,
    )
    listen(bus, parts)
    assert bus.heard == set(heard_by("orchestrator"))
    await bus.start()
    await bus.until_can_say()
    await outbox.start()
    sweeping = asyncio.create_task(parts.runner.sweep())
    await parts.handlers.ask_for_configuration(orchestrator_database)
    yield parts
    sweeping.cancel()
    await parts.runner.stop(grace_seconds=1.0)
    await bus.stop_hearing()
    await outbox.stop()
    await bus.close()


async def test_a_message_in_and_an_answer_out(service: Parts, neighbours: Neighbours):
    await neighbours.wait_for(RepeatConfiguration)
    await neighbours.configure()
    await neighbours.say(neighbours.message("Hello"))
    send = (await neighbours.wait_for(SendMessage))[0]
    assert send.body.text == "You said: Hello [1]"
    assert send.body.citations[0].title == "Returns"
    recorded = await neighbours.wait_for(MessageRecorded, 2)
    assert sorted(one.message.seq for one in recorded) == [1, 2]
    assert (await neighbours.wait_for(TurnStarted))[0].last_seq == 1


async def test_a_message_before_its_configuration_is_answered_after_it(
    service: Parts, neighbours: Neighbours
):
    await neighbours.say(neighbours.message("Too early"))
    await neighbours.configure()
    assert (await neighbours.wait_for(SendMessage))[0].body.text == "You said: Too early [1]"


async def test_many_conversations_keep_their_order_and_answer_everything_once(
    service: Parts, neighbours: Neighbours
):
    await neighbours.configure()
    visitors = [f"visitor-{number}" for number in range(12)]
    await neighbours.say(neighbours.message("0", "visitor-0"))
    await neighbours.wait_for(SendMessage)
    for text in range(1, 9):
        batch = [neighbours.message(str(text), visitor) for visitor in visitors]
        await neighbours.say(*batch, *batch)

    def unanswered() -> set[str]:
        answered = "\n".join(
            f"{send.contact_external_id}:{line}"
            for send in neighbours.heard(SendMessage)
            for line in send.body.text.removeprefix("You said: ").removesuffix(" [1]").split("\n")
        ).split("\n")
        assert len(answered) == len(set(answered))
        return {f"{v}:{t}" for v in visitors for t in range(1, 9)} - set(answered)

    async def all_answered() -> bool:
        return not unanswered()

    await eventually_async(all_answered, "every message is answered", 60.0)
    for visitor in visitors:
        recorded = sorted(
            (one.message.seq, one.message.text)
            for one in neighbours.heard(MessageRecorded)
            if one.contact_external_id == visitor and one.message.role == "customer"
        )
        texts = [int(text) for _, text in recorded]
        assert texts == sorted(texts)
        said = [line for send in neighbours.sends(visitor) for line in send.body.text.split("\n")]
        numbers = [int(line.removeprefix("You said: ").removesuffix(" [1]")) for line in said]
        assert numbers == sorted(numbers)


async def test_requests_are_answered_over_the_bus(service: Parts, neighbours: Neighbours):
    await neighbours.configure()
    await neighbours.say(neighbours.message("Hello"))
    await neighbours.wait_for(SendMessage)

    async def ask(kind: type[Request], **fields):
        return await neighbours.gateway.ask(
            kind.make(tenant_id=neighbours.tenant_id, **fields), timeout_seconds=5.0
        )

    listed = await ask(
        ListVisitorMessages,
        channel_id=neighbours.channel_id,
        visitor_id="visitor-1",
        after_seq=0,
        limit=50,
    )
    assert [message.role for message in listed.messages] == ["customer", "bot"]
    posted = await ask(
        PostMessage,
        conversation_id=neighbours.conversation_of(),
        idempotency_key="1",
        author="ana",
        text="Ana here.",
    )
    assert posted.message.seq == 3
    with pytest.raises(AskFailed, match="not_found"):
        await ask(GetConversation, conversation_id=neighbours.tenant_id)


async def test_it_hears_every_queue_of_its_own_and_no_other(service: Parts):
    own = {queue.name for queue in own_queues("orchestrator") if not queue.name.endswith(".dead")}
    heard = {name for kind in heard_by("orchestrator") for name in kind.queues()}
    assert {name for name in heard if name in own} == own
