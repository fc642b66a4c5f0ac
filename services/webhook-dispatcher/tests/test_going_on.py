"""What runs for the process's whole life outlives a statement or a start that failed."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import aio_pika
import asyncpg
import pytest

from webhook_dispatcher import tidying
from webhook_dispatcher.dispatcher import Dispatcher
from webhook_dispatcher.event_feed import EventFeed
from webhook_dispatcher.tidying import tidy_forever

UNUSED: Any = None


class Settings:
    in_flight_per_endpoint = 2
    in_flight_max = 2
    lease_seconds = 30.0


class Deadlocked:
    def system(self) -> Any:
        raise asyncpg.DeadlockDetectedError("two at once")


async def test_a_deadlock_does_not_end_the_claiming() -> None:
    any_settings: Any = Settings()
    deadlocked: Any = Deadlocked()
    dispatcher = Dispatcher(
        deadlocked, UNUSED, UNUSED, UNUSED, any_settings, lambda: datetime.now(UTC)
    )
    assert await dispatcher._claim() == []


async def test_a_deadlock_does_not_end_the_tidying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_GAUGES_SECONDS", 0.01)
    deadlocked: Any = Deadlocked()
    tidying_task = asyncio.create_task(tidy_forever(deadlocked, UNUSED, 1))
    await asyncio.sleep(0.05)
    assert not tidying_task.done()
    tidying_task.cancel()


async def test_a_connection_that_could_not_be_used_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each try makes a new one; those left open would reconnect for ever."""
    closed: list[object] = []

    class Connection:
        async def channel(self, **_: object) -> None:
            raise ConnectionError("gone again")

        async def close(self) -> None:
            closed.append(self)

    async def connect_robust(*_: object, **__: object) -> Connection:
        return Connection()

    monkeypatch.setattr(aio_pika, "connect_robust", connect_robust)
    feed = EventFeed("amqp://nowhere", UNUSED, UNUSED)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await feed.connect()
    assert len(closed) == 2
