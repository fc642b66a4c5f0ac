"""What goes wrong on our side of a send: nothing is lost, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from channel_ingress.domain import reference_of
from contracts.v1.sending import MessageSent

from .test_rendered_sends import sends
from .world import World


async def test_an_outcome_survives_a_deadlock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbound, tries = world.parts.outbound, 0
    record = outbound.record

    async def broken_off_twice(*args: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        return await record(*args)

    monkeypatch.setattr(outbound, "record", broken_off_twice)
    await world.configure()
    await world.neighbours.say(world.command())
    await world.neighbours.wait_for(MessageSent)
    assert len(sends(world)) == 1


async def test_a_send_that_cannot_be_planned_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_id = await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 190})
    await world.neighbours.say(world.command("poison", contact="1"))
    await world.until("select true from channel_parks where until is null")
    await world.neighbours.say(world.command("sound", contact="2"))
    await world.until("select count(*) = 2 from sends where state = 'planned'")
    planning = world.parts.outbound._planning
    plan = planning.plan

    async def poisoned(tx: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        if command.body.text == "poison":
            raise LookupError("nobody has thought of this")
        return await plan(tx, command, *args, **kwargs)

    monkeypatch.setattr(planning, "plan", poisoned)
    await world.configure(channel_id=channel_id, revision=2)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    assert sent.text == "sound"
    assert await world.value("select code from sends where state = 'planned'") == "internal_error"


async def test_evidence_is_looked_at_before_a_send_is_said_to_be_unknown(killable: World) -> None:
    world, command = killable, killable.command(channel_id=killable.tenant_id)
    async with world.database.system() as tx:
        await tx.execute(
            "insert into sends (send_id, tenant_id, conversation_id, channel_id, channel_type, seq,"
            " ownership_number, part_count, command, state, attempts, attempting_since) values"
            " ($1, $2, $3, $4, 'whatsapp', 2, 1, 1, $5, 'attempting', 1,"
            " now() - interval '2 hours')",
            command.send_id,
            world.tenant_id,
            command.conversation_id,
            command.channel_id,
            command.model_dump_json(),
        )
        await tx.execute(
            "insert into delivery_statuses (channel_id, provider_message_id, status, tenant_id,"
            " send_id, part, at, detail, received_at) values"
            " ($1, $2, 'sent', $3, $4, 0, now(), '', now() - interval '1 hour')",
            command.channel_id,
            f"wamid.{reference_of(command.send_id, 0)}",
            world.tenant_id,
            command.send_id,
        )
    parts = world.parts
    sweeping = asyncio.create_task(
        parts.sweeper.run(parts.intake, parts.outbound, parts.sender, parts.joins)
    )
    await world.until("select true from sends where state <> 'attempting'")
    sweeping.cancel()
    with suppress(asyncio.CancelledError):
        await sweeping
    assert await world.state(command.send_id) == "accepted"
    said = "select array_agg(distinct address) from outbox"
    assert "channel-ingress.message-unknown.v1" not in await world.value(said)
