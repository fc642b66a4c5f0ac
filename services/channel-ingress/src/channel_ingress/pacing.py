"""Waits before Meta refuses: the pace of a person, kept in their row, and that of a number.

A number's calls are given away in Postgres in blocks, so that processes share its throughput: each
takes a block in a transaction of its own, in the background, and spends it without asking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from channel_ingress.policy_table import MESSAGES_PER_SECOND, PAIR_BURST, PAIR_SECONDS
from channel_ingress.store import SendingChannel
from observe import get_logger
from postgres import Database, DatabaseAway, Queries

BLOCK_SECONDS = 0.125
"""A block is what the number may send in this time."""
AHEAD_SECONDS = 0.25
"""Blocks may be taken this long before their time: a number's burst."""
WAIT_LEAST_SECONDS = 0.05
KEPT_MAX = 10_000

_log = get_logger("pacing")


def pair_cost_seconds(channel_type: str, parts: int) -> float:
    """What a send's parts cost of the pair's time; other channels know no pair rate."""
    return PAIR_SECONDS * parts if channel_type == "whatsapp" else 0.0


def pair_wait_seconds(paced_until: datetime | None, now: datetime, cost_seconds: float) -> float:
    """How long a send has to wait for its person; 0 = it may go."""
    if paced_until is None or cost_seconds <= 0:
        return 0.0
    burst = PAIR_SECONDS * PAIR_BURST
    debt = paced_until - now + timedelta(seconds=min(cost_seconds, burst))
    return max(0.0, debt.total_seconds() - burst)


@dataclass(slots=True)
class _Share:
    """This process's share of one number's throughput."""

    calls: float
    next_calls: float = 0.0
    next_at: float = 0.0
    """Monotonic seconds from when `next_calls` may be spent."""
    line_until: float = 0.0
    """Monotonic end of the line of those told to wait."""
    is_asking: bool = False


class NumberPace:
    """Gives the calls of each number away, in the order in which they are asked for."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._queries = Queries("channel_ingress", "queries_sending.sql")
        self._shares: dict[UUID, _Share] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, channel: SendingChannel, calls: int) -> float:
        """Take calls: 0.0 when they may be made, else seconds after which to ask again.

        A process that knows nothing of a number yet lends itself one block and takes it after.
        """
        rate = _rate_of(channel)
        share = self._shares.get(channel.channel_id)
        if share is None:
            if len(self._shares) >= KEPT_MAX:
                self._shares.clear()
            share = self._shares[channel.channel_id] = _Share(_block(rate))
        now = self._clock()
        if share.next_calls and share.next_at <= now:
            share.calls, share.next_calls = share.calls + share.next_calls, 0.0
        if share.calls > 0:
            # A long message may overdraw; the next block pays for it.
            share.calls -= calls
            if share.calls < _block(rate) / 2:
                self._ask(channel, share, rate)
            return 0.0
        self._ask(channel, share, rate)
        share.line_until = max(share.line_until, now, share.next_at) + calls / rate
        return max(WAIT_LEAST_SECONDS, share.line_until - now)

    def give_back(self, channel: SendingChannel, calls: int) -> None:
        """Calls that were taken and are not made."""
        share = self._shares.get(channel.channel_id)
        if share is not None:
            share.calls += calls

    async def close(self) -> None:
        """Let blocks that were asked for arrive."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)

    def _ask(self, channel: SendingChannel, share: _Share, rate: float) -> None:
        if share.is_asking or share.next_calls:
            return
        share.is_asking = True
        task = asyncio.create_task(self._take_block(channel, share, rate), name="number pace")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_block(self, channel: SendingChannel, share: _Share, rate: float) -> None:
        wanted = _block(rate) - min(0.0, share.calls)
        try:
            async with self._database.transaction(channel.tenant_id) as tx:
                wait: float = await tx.fetchval(
                    self._queries["take_pace"],
                    channel.channel_id,
                    channel.tenant_id,
                    wanted / rate,
                )
        except DatabaseAway as error:
            _log.info("a number's pace cannot be asked for", reason=str(error))
            return
        finally:
            share.is_asking = False
        share.next_calls = wanted
        share.next_at = self._clock() + max(0.0, wait - AHEAD_SECONDS)


def _rate_of(channel: SendingChannel) -> float:
    choices = channel.choices
    return float((choices and choices.messages_per_second) or MESSAGES_PER_SECOND)


def _block(rate: float) -> float:
    return max(1.0, rate * BLOCK_SECONDS)
