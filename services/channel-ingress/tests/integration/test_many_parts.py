"""Messages of many calls: each part has tries of its own, and the pair's time is paid once."""

from __future__ import annotations

from contracts.v1.sending import MessageSent

from ..rendered_bodies import body  # noqa: TID252 - shared with the unit tests
from .test_rendered_sends import PNG, sends, stored
from .world import World


async def test_an_album_is_not_given_up_for_the_tries_of_its_other_parts(world: World) -> None:
    await world.configure()
    album = [
        await stored(world, PNG + bytes([n]), "image", "image/png", f"{n}.png") for n in range(10)
    ]
    world.meta.faults.add({"kind": "slow", "count": 9, "operation": "messages"})
    world.meta.faults.add({"kind": "error_code", "code": 131000, "operation": "messages"})
    await world.neighbours.say(world.command(body=body("", media=album)))
    await world.neighbours.wait_for(MessageSent, timeout_seconds=20)
    assert len(sends(world)) == 10
    # Ten messages of six seconds each, however often they were claimed and waited for files.
    paid = "select extract(epoch from paced_until - now())::float8 from conversations"
    assert 45 < await world.value(paid) <= 66
