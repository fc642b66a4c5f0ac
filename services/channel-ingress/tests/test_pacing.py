"""The pace of a person and of a number, pure and with a clock of our own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from channel_ingress.pacing import NumberPace, pair_cost_seconds, pair_wait_seconds
from channel_ingress.store import SendingChannel
from contracts.v1.tenants import ChannelChoices
from postgres import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def paid(until: datetime | None, now: datetime, cost: float) -> datetime:
    """What the database does when a send goes."""
    return max(until or now, now) + timedelta(seconds=cost)


def test_45_go_at_once_then_one_each_6_seconds() -> None:
    until, now, gone = None, NOW, []
    for _ in range(50):
        wait = pair_wait_seconds(until, now, 6.0)
        now += timedelta(seconds=wait)
        until = paid(until, now, 6.0)
        gone.append((now - NOW).total_seconds())
    assert gone[:45] == [0.0] * 45
    assert gone[45:] == [6.0, 12.0, 18.0, 24.0, 30.0]


def test_a_rest_is_earned_back() -> None:
    until = None
    for _ in range(45):
        until = paid(until, NOW, 6.0)
    rested = NOW + timedelta(seconds=60)
    gone = 0
    while pair_wait_seconds(until, rested, 6.0) == 0:
        until = paid(until, rested, 6.0)
        gone += 1
    assert gone == 10


def test_a_message_of_many_parts_pays_for_each_and_is_never_impossible() -> None:
    assert pair_cost_seconds("whatsapp", 4) == 24.0
    assert pair_cost_seconds("messenger", 4) == 0.0
    assert pair_wait_seconds(NOW + timedelta(seconds=260), NOW, 24.0) == 14.0
    assert pair_wait_seconds(NOW, NOW, 6.0 * 60) == 0.0


class Blocks:
    """A database that gives every process its block at once."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def transaction(self, _: object) -> Blocks:
        return self

    async def __aenter__(self) -> Blocks:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def fetchval(self, _sql: str, _id: object, _tenant: object, seconds: float) -> float:
        waits = sum(self.taken)
        self.taken.append(seconds)
        return waits


async def test_a_number_gives_its_calls_away_at_its_rate() -> None:
    choices = ChannelChoices(
        business_account_id=None,
        app_id=None,
        platform=None,
        reengagement_template=None,
        human_agent_tag=False,
        messages_per_second=8,
        silence_alarm_hours=None,
    )
    channel = SendingChannel(
        uuid4(), uuid4(), "whatsapp", "1", "active", None, 1, choices.model_dump_json()
    )
    now, blocks = [100.0], Blocks()
    pace = NumberPace(cast("Database", cast("Any", blocks)), lambda: now[0])
    gone = waits = 0
    # Everything is given at the number's rate, however often it is asked for in 10 s.
    for _ in range(1_000):
        if pace.take(channel, 1):
            waits += 1
        else:
            gone += 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        now[0] += 0.01
        blocks.taken = [max(0.0, sum(blocks.taken) - 0.01)]
    assert 70 <= gone <= 90
    assert waits == 1_000 - gone


async def test_those_who_wait_stand_in_a_line() -> None:
    channel = SendingChannel(uuid4(), uuid4(), "whatsapp", "1", "active", None, 1)
    pace = NumberPace(cast("Database", cast("Any", Blocks())), lambda: 0.0)
    while not pace.take(channel, 1):
        pass
    first, second = pace.take(channel, 8), pace.take(channel, 8)
    assert second - first > 0.09
