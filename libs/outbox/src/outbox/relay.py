"""From the outbox table to the broker.

Two roads. What this process just committed is published at once from memory (no look-up, no
lock); its rows became due only after a grace period. The sweep publishes every due row: delayed
ones, those whose process died between commit and publish, those the broker did not take. Both
delete a row only after the broker's confirm, so a crash in between says it twice, and the
listener's inbox drops the second.
"""

import asyncio
import json
import random
from collections import deque
from dataclasses import dataclass

import structlog

from bus import BrokerAway, Bus, Outgoing, Unroutable
from observe import afailpoint
from outbox.metrics import OLDEST_AGE_SECONDS, PENDING, QUARANTINED, RELAYED
from postgres import Database, DatabaseAway, Queries, Transaction

GRACE_SECONDS = 5.0
IN_FLIGHT_MAX = 50
SWEEP_BATCH = 200
IN_MEMORY_MAX = 5_000
_BACKLOG_EVERY_SECONDS = 5.0
_POLL_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 60.0
_DOUBLINGS_MAX = 6
_KEEP_DAYS = 7
_FORGET_EVERY_SECONDS = 3_600.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """A message and its row."""

    row_id: int
    message: Outgoing
    tries: int = 0


class Relay:
    """Publishes what the outbox holds, for as long as the service lives."""

    def __init__(self, database: Database, bus: Bus, queries: Queries) -> None:
        self._database = database
        self._bus = bus
        self._queries = queries
        self._fresh: deque[Kept] = deque()
        self._fresh_event = asyncio.Event()
        self._confirmed: list[int] = []
        self._confirmed_event = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        """Begin to relay."""
        roads = (self._publish_fresh, self._forget_confirmed, self._sweep, self._tidy)
        self._tasks = [asyncio.create_task(road()) for road in roads]

    async def stop(self) -> None:
        """Publish what is in memory, delete what is confirmed; the rest stays in the table."""
        if not self._tasks:
            return
        self._stopping = True
        self._fresh_event.set()
        self._confirmed_event.set()
        publishing, forgetting, *others = self._tasks
        for task in others:
            task.cancel()
        await asyncio.wait([publishing], timeout=5.0)
        await asyncio.wait([forgetting], timeout=5.0)
        for task in self._tasks:
            task.cancel()

    def publish_soon(self, kept: list[Kept]) -> None:
        """These rows are committed now; more than memory should hold is left to the sweep."""
        room = IN_MEMORY_MAX - len(self._fresh)
        self._fresh.extend(kept[: max(0, room)])
        self._fresh_event.set()

    async def _publish_fresh(self) -> None:
        gate = asyncio.Semaphore(IN_FLIGHT_MAX)
        running: set[asyncio.Task[None]] = set()
        while True:
            await self._fresh_event.wait()
            self._fresh_event.clear()
            while self._fresh:
                await gate.acquire()
                task = asyncio.create_task(self._publish_one(self._fresh.popleft(), gate))
                running.add(task)
                task.add_done_callback(running.discard)
            if self._stopping:
                break
        if running:
            await asyncio.wait(running)

    async def _publish_one(self, kept: Kept, gate: asyncio.Semaphore) -> None:
        try:
            await self._bus.publish(kept.message)
            await afailpoint("outbox.published_before_mark")
            self._confirmed.append(kept.row_id)
            self._confirmed_event.set()
            RELAYED.labels("at_once").inc()
        except (BrokerAway, Unroutable) as error:
            # Its row is due soon: the sweep says it, with growing delays.
            _log.info("left to the sweep", address=kept.message.address, reason=str(error))
        except Exception:  # noqa: BLE001 - its row stays; the sweep keeps the reason
            _log.exception("a message could not be said", address=kept.message.address)
        finally:
            gate.release()

    async def _forget_confirmed(self) -> None:
        while not (self._stopping and not self._confirmed and self._tasks[0].done()):
            if not self._stopping:
                await self._confirmed_event.wait()
            self._confirmed_event.clear()
            # One delete for what the last few milliseconds confirmed.
            await asyncio.sleep(0.02)
            row_ids, self._confirmed = self._confirmed, []
            if not row_ids:
                continue
            try:
                async with self._database.system() as tx:
                    await tx.execute(self._queries["forget_said"], row_ids)
            except DatabaseAway:
                # They stay, become due, and are said again: the inbox drops the copies.
                _log.info("confirmed messages could not be deleted", rows=len(row_ids))
            except Exception:  # noqa: BLE001 - the same, and this road must not end
                _log.exception("confirmed messages could not be deleted", rows=len(row_ids))

    async def _sweep(self) -> None:
        await self._bus.until_can_say()
        while True:
            said = 0
            try:
                said = await self._sweep_once()
            except DatabaseAway as error:
                _log.info("outbox sweep waits for the database", reason=str(error))
            except Exception:  # noqa: BLE001 - without this road what a crash left is never said
                _log.exception("an outbox sweep failed")
            if said < SWEEP_BATCH:
                await asyncio.sleep(_POLL_SECONDS)

    async def _sweep_once(self) -> int:
        """Say what is due. The rows stay locked while the broker confirms, for seconds at most:
        a crash frees them at once, which a claim with a lease would not.
        """
        async with self._database.system() as tx:
            rows = await tx.fetch(self._queries["claim_due"], SWEEP_BATCH)
            if not rows:
                return 0
            due = [_kept(row) for row in rows]
            said = await self._say_all(tx, due)
            RELAYED.labels("sweep").inc(said)
            return said

    async def _say_all(self, tx: Transaction, due: list[Kept]) -> int:
        confirmed: list[int] = []
        for start in range(0, len(due), IN_FLIGHT_MAX):
            part = due[start : start + IN_FLIGHT_MAX]
            results = await asyncio.gather(
                *(self._bus.publish(kept.message) for kept in part), return_exceptions=True
            )
            for kept, result in zip(part, results, strict=True):
                if result is None:
                    confirmed.append(kept.row_id)
                else:
                    # Whatever it is, it is this row's alone: the others are said.
                    await self._postpone(tx, kept, result)
        await afailpoint("outbox.swept_before_mark")
        await tx.execute(self._queries["forget_said"], confirmed)
        return len(confirmed)

    async def _postpone(self, tx: Transaction, kept: Kept, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        delay = postpone_seconds(kept.tries)
        if isinstance(error, BrokerAway):
            delay = min(delay, 2.0)
        else:
            _log.error("a message cannot be said", address=kept.message.address, reason=reason)
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        await tx.execute(self._queries["postpone"], kept.row_id, delay, reason[:500])

    async def _tidy(self) -> None:
        forget_in = 0.0
        while True:
            try:
                async with self._database.system() as tx:
                    row = await tx.fetchrow(self._queries["backlog"])
                    QUARANTINED.set(await tx.fetchval(self._queries["count_quarantined"]))
                    if forget_in <= 0:
                        await tx.execute(self._queries["forget_old"], _KEEP_DAYS)
                        forget_in = _FORGET_EVERY_SECONDS
                if row is not None:
                    PENDING.set(row["pending"])
                    OLDEST_AGE_SECONDS.set(row["oldest_age_seconds"])
            except DatabaseAway as error:
                _log.info("outbox backlog unknown", reason=str(error))
            except Exception:  # noqa: BLE001 - the next round may do better
                _log.exception("the outbox could not be tidied")
            forget_in -= _BACKLOG_EVERY_SECONDS
            await asyncio.sleep(_BACKLOG_EVERY_SECONDS)


def postpone_seconds(tries: int) -> float:
    """How long a row waits after so many tries, however many: 2.0**1024 is no number."""
    return min(2.0 ** min(tries, _DOUBLINGS_MAX), _LONGEST_DELAY_SECONDS)


def _kept(row: object) -> Kept:
    values = dict(row)  # type: ignore[call-overload]
    message = Outgoing(
        exchange=values["exchange"],
        routing_key=values["routing_key"],
        body=values["body"],
        message_id=values["message_id"],
        address=values["address"],
        headers=json.loads(values["headers"]),
    )
    return Kept(values["id"], message, values["tries"])
