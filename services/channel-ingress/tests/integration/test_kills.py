"""channel-ingress killed around the Graph call: never sent twice, never lost without a word."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from contracts.v1.channels import MessageReceived
from contracts.v1.sending import MessageSent, MessageUnknown, SendMessage
from simulators.meta import whatsapp_bodies
from testkit import ServiceProcess, eventually_async

from .world import CUSTOMER, PHONE, World

SEEDS = int(os.environ.get("CHAT_TEST_SEEDS", "2"))
"""How often the campaign is run; each seed goes through every kill point."""
CONVERSATIONS = 3


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


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_killed_at_every_point_around_the_send(
    world: World, start: Callable[[str], ServiceProcess], seed: int
) -> None:
    """S10 to S13 one after the other, each process recovering what the one before it left."""
    dice = random.Random(seed)
    tells = seed % 2 == 1
    world.meta.later.delays_seconds = {"delivered": 0.1} if tells else {}
    service = start("")
    await world.configure()
    campaign = Campaign(world, start, dice, _last=service)
    stages = [campaign.planned, campaign.called, campaign.answered, campaign.committed]
    dice.shuffle(stages)
    for stage in stages:
        await stage()
    start("")
    await campaign.until_every_send_has_ended()
    print(f"seed {seed}: {campaign.kills}, {await campaign.account(tells)}")


@dataclass
class Campaign:
    """Sends in several conversations while the service is killed at a chosen point."""

    world: World
    start: Callable[[str], ServiceProcess]
    dice: random.Random
    said: list[SendMessage] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    _last: ServiceProcess | None = None

    async def planned(self) -> None:
        """S10: some sends are planned behind one that is being called."""
        service = self._fresh("")
        self.world.meta.faults.add({"kind": "slow", "milliseconds": 700, "count": CONVERSATIONS})
        await self._say()
        await self.world.until("select count(*) > 0 from sends where state = 'planned'")
        self._kill("S10", service)

    async def called(self) -> None:
        """S11: the request is on its way or at Meta, its answer not read."""
        service = self._fresh("")
        self.world.meta.faults.add({"kind": "slow", "milliseconds": 400, "count": CONVERSATIONS})
        await self._say()
        await self.world.until("select count(*) > 0 from sends where state = 'attempting'")
        await asyncio.sleep(self.dice.uniform(0.0, 0.5))
        self._kill("S11", service)

    async def answered(self) -> None:
        """S12: the answer is read, its outcome not committed."""
        after = self.dice.randrange(4)
        service = self._fresh(f"channel-ingress.after_graph_call=kill|after:{after}")
        await self._say()
        assert await asyncio.to_thread(service.wait_killed) == -9
        self.kills.append(f"S12 after {after}")

    async def committed(self) -> None:
        """S13: the command is committed, not acknowledged: it comes again."""
        service = self._fresh("channel-ingress.after_commit_before_ack=kill")
        await self._say()
        assert await asyncio.to_thread(service.wait_killed) == -9
        self.kills.append("S13")

    async def until_every_send_has_ended(self) -> None:
        """Nothing is planned, in flight or lost."""
        ended = "select count(*) = $1 from sends where state in ('accepted', 'unknown', 'failed')"
        await self.world.until(ended, len(self.said))

    async def account(self, tells: bool) -> dict[str, int]:
        """What became of each send: nothing twice, nothing in silence."""
        heard = self.world.neighbours
        sent = Counter(send.biz_opaque_callback_data for send in self.world.meta.sends.after(0))
        assert set(sent.values()) <= {1}, "sent twice"
        if tells:
            await self.world.until(
                "select count(*) = $1 from sends where state = 'accepted'", len(sent)
            )
        states = {one.send_id: await self.world.state(one.send_id) for one in self.said}
        unknown = {send_id for send_id, state in states.items() if state == "unknown"}
        accepted = {send_id for send_id, state in states.items() if state == "accepted"}
        assert unknown | accepted == set(states)
        assert {str(send_id) for send_id in accepted} <= set(sent)
        # Each kill leaves at most one in doubt of each conversation that there was by then.
        assert len(unknown) <= sum(CONVERSATIONS * (n + 1) for n in range(len(self.kills)))
        await eventually_async(
            lambda: (
                unknown <= {one.send_id for one in heard.of(MessageUnknown)}
                and accepted <= {one.send_id for one in heard.of(MessageSent)}
            ),
            "every outcome said",
        )
        return {"sends": len(states), "sent": len(sent), "unknown": len(unknown)}

    def _fresh(self, failpoint: str) -> ServiceProcess:
        service = self._last
        if service is not None and service.alive():
            service.kill()
        service = self._last = self.start(failpoint)
        return service

    async def _say(self) -> None:
        contacts = [f"{len(self.kills)}0{number}" for number in range(CONVERSATIONS)]
        commands = [
            self.world.command(f"{seq} to {contact}", seq=seq, contact=contact)
            for seq in (2, 4, 6)
            for contact in contacts
        ]
        self.said += commands
        await self.world.neighbours.say(*commands)

    def _kill(self, point: str, service: ServiceProcess) -> None:
        service.kill()
        self.kills.append(point)
