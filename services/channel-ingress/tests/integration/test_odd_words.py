"""Words that no text of Postgres can hold, in sends: they hold up nobody else."""

from __future__ import annotations

from contracts.v1.sending import MessageSent, OutgoingBody
from simulators.meta import whatsapp_bodies

from .world import CUSTOMER, PHONE, World

ODD = OutgoingBody(text="a\x00b", citations=[])


async def test_an_odd_send_that_waits_holds_up_no_other(world: World) -> None:
    channel_id = await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 190})
    hello = [whatsapp_bodies.text_message(CUSTOMER, "Hi")]
    await world.post(whatsapp_bodies.body_of([whatsapp_bodies.messages_change(PHONE, hello)]))
    await world.until("select true from channel_contacts")
    await world.neighbours.say(world.command("first"))
    await world.until("select true from channel_parks where until is null")
    odd = world.command(seq=2, contact="16505550002", body=ODD)
    await world.neighbours.say(odd, world.command("other", contact="16505550003"))
    await world.until("select count(*) = 3 from sends where state = 'planned'")
    await world.configure(channel_id=channel_id, revision=2)
    await world.neighbours.wait_for(MessageSent, 3)


async def test_a_reaction_to_odd_words_is_known(world: World) -> None:
    await world.configure()
    await world.neighbours.say(world.command(body=ODD))
    (sent,) = await world.neighbours.wait_for(MessageSent)
    reaction = whatsapp_bodies.reaction(CUSTOMER, sent.provider_message_ids[0], "👍")
    await world.post(whatsapp_bodies.body_of([whatsapp_bodies.messages_change(PHONE, [reaction])]))
    await world.until(
        "select is_known from message_states where recorded_message_id = $1",
        sent.recorded_message_id,
    )
