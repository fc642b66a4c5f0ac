"""Fencing at the moment of the call: who was taken over between claim and call says nothing."""

from __future__ import annotations

import asyncio

import pytest

from channel_ingress import sender
from contracts.v1.sending import FenceConversation, MessageFailed, MessageSent, SendMessage
from contracts.v1.turns import ConversationUpdated

from .test_sends import sends
from .world import CUSTOMER, World


async def taken_over(world: World, command: SendMessage, number: int = 2) -> None:
    """Somebody takes the conversation, and channel-ingress knows."""
    updated = ConversationUpdated.make(
        tenant_id=world.tenant_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type="whatsapp",
        contact_external_id=CUSTOMER,
        status="assigned_human",
        owner_kind="human",
        assignee="Ana",
        ownership_number=number,
    )
    await world.neighbours.say(updated)
    await world.until(f"select true from conversations where ownership_number = {number}")


async def test_an_answer_that_waits_between_claim_and_call_is_checked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.configure()
    command = world.command("bot", ownership_number=1)

    async def wait(place: str) -> None:
        if place == "channel-ingress.before_graph_call":
            await taken_over(world, command)
            await asyncio.sleep(sender.FRESH_SECONDS)

    monkeypatch.setattr(sender, "afailpoint", wait)
    await world.neighbours.say(command)
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "stale_ownership"
    assert sends(world) == []


async def test_the_rest_of_a_long_answer_is_not_said_after_a_takeover(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.configure()
    command = world.command("word " * 2_000, ownership_number=1)

    async def take_over(place: str) -> None:
        if place == "channel-ingress.after_graph_call":
            await taken_over(world, command)

    monkeypatch.setattr(sender, "afailpoint", take_over)
    await world.neighbours.say(command)
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert (failed.code, "first 1 parts" in failed.detail) == ("stale_ownership", True)
    assert len(sends(world)) == 1


async def test_what_a_person_said_goes_out_although_the_bot_has_it_back(world: World) -> None:
    await world.configure()
    command = world.command("From Ana.", ownership_number=2, author="agent")
    await taken_over(world, command, number=3)
    await world.neighbours.say(command)
    await world.neighbours.wait_for(MessageSent)
    assert [send.text for send in sends(world)] == ["From Ana."]


async def test_who_takes_over_hears_of_it_when_the_call_under_way_has_ended(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "slow", "milliseconds": 400, "operation": "messages"})
    command = world.command("on its way", ownership_number=1)
    await world.neighbours.say(command)
    await world.until_state(command.send_id, "attempting")
    fence = FenceConversation.make(
        tenant_id=world.tenant_id, conversation_id=command.conversation_id, ownership_number=2
    )
    fenced = await world.neighbours.buses["orchestrator"].ask(fence, timeout_seconds=5)
    assert fenced.in_flight is False
    assert [send.text for send in sends(world)] == ["on its way"]
    await world.neighbours.say(world.command("too late", seq=3, ownership_number=1))
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "stale_ownership"
    assert len(sends(world)) == 1
