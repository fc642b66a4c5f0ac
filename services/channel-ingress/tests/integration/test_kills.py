"""channel-ingress killed around the Graph call: never sent twice, never lost without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from contracts.v1.channels import MessageReceived
from contracts.v1.sending import MessageSent, MessageUnknown
from simulators.meta import whatsapp_bodies
from testkit import ServiceProcess

from .world import CUSTOMER, PHONE, World


@pytest.fixture
def world(killable: World) -> World:
    """Return a view of channel-ingress; the service itself is a process of its own."""
    return killable


async def test_killed_before_the_call_it_is_unknown_and_never_sent(
    world: World, start: Callable[[str], ServiceProcess]
) -> None:
    service = start("channel-ingress.before_graph_call=kill")
    await world.configure()
    command = world.command()
    await world.neighbours.say(command)
    assert await asyncio.to_thread(service.wait_killed) == -9
    start("")
    (unknown,) = await world.neighbours.wait_for(MessageUnknown, timeout_seconds=30)
    assert unknown.send_id == command.send_id
    assert world.meta.sends.total == 0


async def test_killed_after_the_call_a_status_proves_it(
    world: World, start: Callable[[str], ServiceProcess]
) -> None:
    service = start("channel-ingress.after_graph_call=kill")
    await world.configure()
    command = world.command()
    await world.neighbours.say(command)
    assert await asyncio.to_thread(service.wait_killed) == -9
    start("")
    (send,) = world.meta.sends.after(0)
    one = whatsapp_bodies.status(
        send.message_id, "delivered", CUSTOMER, callback_data=str(command.send_id)
    )
    await world.post(whatsapp_bodies.body_of([whatsapp_bodies.statuses_change(PHONE, [one])]))
    (sent,) = await world.neighbours.wait_for(MessageSent, timeout_seconds=30)
    assert sent.provider_message_ids == [send.message_id]
    assert world.meta.sends.total == 1


async def test_killed_between_commit_and_acknowledgement_nothing_is_doubled(
    world: World, start: Callable[[str], ServiceProcess]
) -> None:
    service = start("")
    await world.configure()
    service.kill()
    kill = "channel-ingress.after_commit_before_ack=kill"
    start(kill)
    message = whatsapp_bodies.text_message(CUSTOMER, "Hi", message_id="wamid.1")
    await world.post(whatsapp_bodies.body_of([whatsapp_bodies.messages_change(PHONE, [message])]))
    assert await asyncio.to_thread(service.wait_killed) == -9
    start(kill)
    assert await asyncio.to_thread(service.wait_killed) == -9
    start("")
    await world.neighbours.say(world.command())
    await world.neighbours.wait_for(MessageSent, timeout_seconds=30)
    # What the killed process had not said is found by the sweep, which may come later.
    await world.neighbours.wait_for(MessageReceived, timeout_seconds=30)
    assert len({said.message_id for said in world.neighbours.of(MessageReceived)}) == 1
    assert await world.value("select count(*) from inbound_items") == 1
    assert world.meta.sends.total == 1
