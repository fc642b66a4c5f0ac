"""The service as a process of its own, killed and stopped: one message, one reply, no other."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from contracts.v1.models import GenerateReply
from contracts.v1.sending import SendMessage
from contracts.v1.turns import MessageRecorded, TurnStarted
from testkit import ProcessHarness, ServiceProcess, Vhost, eventually_async

from .desk import Gate
from .neighbours import Neighbours, until_idle_for

LEASE_SECONDS = 2.0
FULL = os.environ.get("CHAT_TEST_FULL") == "1"
SEEDS = range(20) if FULL else range(1)
"""CI kills once at each point; CHAT_TEST_FULL=1 plays twenty histories of each."""

Spawn = Callable[..., ServiceProcess]


@pytest.fixture
async def neighbours(amqp_vhost: Vhost, tenant_settings) -> AsyncIterator[Neighbours]:
    made = Neighbours(amqp_vhost.url, tenant_settings)
    await made.start()
    await made.configure()
    yield made
    await made.close()


@pytest.fixture
def spawn(
    service_database: Any, amqp_vhost: Vhost, processes: ProcessHarness, neighbours: Neighbours
) -> Spawn:
    database = service_database("orchestrator")
    environment = {
        "CHAT_ORCHESTRATOR_DATABASE_URL": database.url,
        "CHAT_ORCHESTRATOR_AMQP_URL": amqp_vhost.url,
        "CHAT_ORCHESTRATOR_LEASE_SECONDS": str(LEASE_SECONDS),
        "CHAT_ORCHESTRATOR_HEARTBEAT_SECONDS": "0.5",
        "CHAT_ORCHESTRATOR_SWEEP_SECONDS": "0.3",
    }

    def start(name: str = "orchestrator", failpoints: str = "") -> ServiceProcess:
        more = {"CHAT_FAILPOINTS": failpoints} if failpoints else {}
        return processes.spawn("orchestrator", environment, name=name, **more)

    return start


async def one_message_one_reply(neighbours: Neighbours, text: str) -> None:
    """Check what the outside saw, once nothing more comes."""

    def recorded() -> list[tuple[int, str]]:
        return sorted(
            (one.message.seq, one.message.role)
            for one in neighbours.heard(MessageRecorded)
            if one.conversation_id == neighbours.conversation_of()
        )

    async def both_are_told() -> bool:
        return bool(neighbours.sends()) and len(recorded()) >= 2

    # What a killed process had kept to say is said by the next one after a grace of seconds.
    await eventually_async(both_are_told, "a message and its reply", 30.0)
    await until_idle_for(lambda: len(neighbours.ledger))
    assert [send.body.text for send in neighbours.sends()] == [text]
    assert recorded() == [(1, "customer"), (2, "bot")]


@pytest.mark.resilience
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "place",
    [
        "orchestrator.before_inbox",
        "orchestrator.after_commit_before_ack",
        "orchestrator.mid_llm",
        "orchestrator.before_reply_commit",
    ],
)
async def test_killed_anywhere_it_answers_once(
    place: str, seed: int, spawn: Spawn, neighbours: Neighbours
):
    """S6 to S9: one kill at each point; the seed says how slow the model is and who writes when."""
    chance = random.Random(seed)
    neighbours.model = slowly(neighbours, chance.random() * 0.2)
    victim = spawn()
    await asyncio.to_thread(victim.wait_ready)
    await neighbours.say(neighbours.message("Warm up", "warm"))
    await neighbours.wait_for(SendMessage)
    await asyncio.to_thread(lambda: victim.restart(CHAT_FAILPOINTS=f"{place}=kill"))
    await neighbours.say(neighbours.message("Hello"))
    if seed:  # a second customer in the same moment, before or after the kill
        await asyncio.sleep(chance.random() * 0.3)
        await neighbours.say(neighbours.message("Hello", "second"))
    # In threads: the neighbours of this process must go on answering meanwhile.
    assert await asyncio.to_thread(victim.wait_killed) == -9
    await asyncio.to_thread(victim.start().wait_ready)
    await one_message_one_reply(neighbours, "You said: Hello [1]")
    if seed:
        assert [one.body.text for one in neighbours.sends("second")] == ["You said: Hello [1]"]


def slowly(neighbours: Neighbours, seconds: float) -> Callable[[GenerateReply], Any]:
    """Answer as usual, after a while."""

    async def answer(request: GenerateReply) -> Any:
        await asyncio.sleep(seconds)
        return await neighbours.answer_at_once(request)

    return answer


@pytest.mark.resilience
async def test_stopped_for_longer_than_its_lease_it_says_nothing(
    spawn: Spawn, neighbours: Neighbours
):
    gate = Gate()
    neighbours.model = gate
    sleeper = spawn("sleeper")
    await asyncio.to_thread(sleeper.wait_ready)
    await neighbours.say(neighbours.message("Hello"))
    await neighbours.wait_for_questions(1)
    sleeper.pause()
    other = spawn("other")
    await asyncio.to_thread(other.wait_ready)
    await neighbours.wait_for_questions(2)
    gate.open("From the sleeper.")
    gate.open("From the other.")
    await neighbours.wait_for(SendMessage)
    sleeper.resume()
    await asyncio.to_thread(sleeper.wait_ready)
    await one_message_one_reply(neighbours, "From the other.")
    assert [one.attempt for one in neighbours.heard(TurnStarted)] == [1, 2]
    outcomes = [line.get("outcome") for line in other.log_records()]
    assert "answered" in outcomes
    assert "answered" not in [line.get("outcome") for line in sleeper.log_records()]


@pytest.mark.resilience
async def test_stopped_politely_it_gives_its_turn_to_another(spawn: Spawn, neighbours: Neighbours):
    gate = Gate()

    async def first_never(request: GenerateReply) -> Any:
        if len(neighbours.questions) > 1:
            return await neighbours.answer_at_once(request)
        return await gate(request)

    neighbours.model = first_never
    first = spawn("first")
    await asyncio.to_thread(first.wait_ready)
    await neighbours.say(neighbours.message("Hello"))
    await neighbours.wait_for_questions(1)
    await asyncio.to_thread(spawn("second").wait_ready)
    assert await asyncio.to_thread(first.terminate) == 0
    await one_message_one_reply(neighbours, "You said: Hello [1]")
    gate.open("Too late.")  # else the neighbours wait for their handler when they close
