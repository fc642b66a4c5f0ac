"""Many conversations, several workers, kills: nothing lost, nothing twice, nothing out of order.

In CI two workers, 8 conversations of 6 messages and one kill; CHAT_TEST_FULL=1 has four workers,
64 conversations of 50 messages and a kill every five seconds. The ledger is what the outside saw.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from typing import Any

import pytest

from bus import BrokerAway
from contracts.v1.channels import MessageReceived
from contracts.v1.models import GenerateReply
from contracts.v1.sending import SendMessage
from contracts.v1.turns import MessageRecorded
from testkit import ServiceProcess, eventually_async

from .desk import reply
from .neighbours import Neighbours
from .test_kills import Spawn, neighbours, spawn

__all__ = ["neighbours", "spawn"]

FULL = os.environ.get("CHAT_TEST_FULL") == "1"
WORKERS, CONVERSATIONS, MESSAGES = (4, 64, 50) if FULL else (2, 8, 6)
SEED = int(os.environ.get("CHAT_TEST_SEED", "1"))


def visitor(number: int) -> str:
    return f"visitor-{number}"


async def surely_say(neighbours: Neighbours, message: MessageReceived) -> None:
    """Say it until the broker, which has much to do here, confirms it; repeats change nothing."""
    while True:
        try:
            await neighbours.say(message)
        except BrokerAway:
            continue
        return


async def write_all(neighbours: Neighbours, chance: random.Random) -> None:
    """Every customer writes at their own pace, and what they write says who and which it is."""

    async def one(number: int, gaps: list[float]) -> None:
        for place, gap in enumerate(gaps):
            await surely_say(neighbours, neighbours.message(f"c{number}m{place}.", visitor(number)))
            await asyncio.sleep(gap)

    paces = [
        [chance.choice([0.0, 0.02, 0.2]) for _ in range(MESSAGES)] for _ in range(CONVERSATIONS)
    ]
    await asyncio.gather(*(one(number, gaps) for number, gaps in enumerate(paces)))


async def kill_some(workers: list[ServiceProcess], chance: random.Random, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(5.0 if FULL else 0.4)
        victim = chance.choice(workers)
        await asyncio.to_thread(victim.kill)
        await asyncio.to_thread(lambda one=victim: one.start().wait_ready())


def answered(neighbours: Neighbours, number: int) -> list[list[str]]:
    """What each answer to a customer covers, in the order of places."""
    return [covers(send) for send in neighbours.sends(visitor(number))]


def covers(send: SendMessage) -> list[str]:
    """Which messages an answer repeats."""
    return send.body.text.removeprefix("You said: ").removesuffix(" [1]").split("\n")


@pytest.mark.resilience
@pytest.mark.timeout(300)
async def test_nothing_is_lost_doubled_or_overtaken(
    spawn: Spawn,
    neighbours: Neighbours,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(SEED)

    async def answer(request: GenerateReply) -> Any:
        await asyncio.sleep(chance.random() * 0.05)
        return reply(f"You said: {request.messages[-1].content} [1]")

    neighbours.model = answer
    workers = [spawn(f"orchestrator-{number}") for number in range(WORKERS)]
    for worker in workers:
        await asyncio.to_thread(worker.wait_ready)
    started = time.monotonic()
    await asyncio.gather(
        write_all(neighbours, chance), kill_some(workers, chance, 6 if FULL else 1)
    )

    def covered() -> int:
        return sum(len(covers(send)) for send in neighbours.heard(SendMessage))

    async def all_covered() -> bool:
        return covered() >= CONVERSATIONS * MESSAGES

    try:
        await eventually_async(all_covered, "every message answered", 150.0 if FULL else 40.0)
    except AssertionError as error:
        raise AssertionError(f"{covered()} of {CONVERSATIONS * MESSAGES} answered") from error
    seconds = time.monotonic() - started
    for number in range(CONVERSATIONS):
        check(neighbours, number)
    sends = sum(len(answered(neighbours, number)) for number in range(CONVERSATIONS))
    with capsys.disabled():
        print(
            f" [{CONVERSATIONS} conversations x {MESSAGES} messages, {WORKERS} workers: {sends}"
            f" answers in {seconds:.1f} s, seed {SEED}: 0 lost, 0 doubled, 0 inversions]",
            end="",
        )


def check(neighbours: Neighbours, number: int) -> None:
    """Every message answered once, in the order in which it has its place; no hole between them."""
    conversation_id = neighbours.conversation_of(visitor(number))
    recorded = sorted(
        (one.message for one in neighbours.heard(MessageRecorded)
         if one.conversation_id == conversation_id),
        key=lambda message: message.seq,
    )  # fmt: skip
    assert [message.seq for message in recorded] == list(range(1, len(recorded) + 1))
    asked = [message.text for message in recorded if message.role == "customer"]
    assert sorted(asked) == sorted(f"c{number}m{place}." for place in range(MESSAGES))
    told = [text for texts in answered(neighbours, number) for text in texts]
    assert [text for text, count in Counter(told).items() if count > 1] == [], "answered twice"
    assert told == asked, "out of order"
    turns = [send.turn_id for send in neighbours.sends(visitor(number))]
    assert len(turns) == len(set(turns)), "two answers of one turn"
