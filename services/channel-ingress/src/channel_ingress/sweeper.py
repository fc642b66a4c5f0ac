"""The net under everything: due sends, missing evidence, early statuses, bodies that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from blobs import Blobs
from channel_ingress.intake import Intake
from channel_ingress.metrics import TROUBLE
from channel_ingress.outbound import Outbound
from channel_ingress.sender import Sender
from channel_ingress.status_join import StatusJoin
from channel_ingress.store import Store
from contracts.v1.channels import ChannelWebhookReceived
from observe import get_logger
from outbox import RetryLater
from postgres import Database, DatabaseAway, Transaction

BLOB_TRIES = 6
COUNT_EVERY_SWEEPS = 15
JOINED_WITHIN_SECONDS = 900.0
"""A status whose send is not known by then is another's, or joined when its send is."""
CLAIM_ROUNDS_MAX = 20
"""Claims of one sweep, 50 sends each."""

_log = get_logger("sweeper")


class Sweeper:
    """Looks at everything that waits, every `sweep_seconds` or when woken."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        store: Store,
        *,
        sweep_seconds: float,
        unknown_after_seconds: float,
        unrouted_replay_seconds: float,
    ) -> None:
        self._database, self._blobs, self._store = database, blobs, store
        self._sweep_seconds = sweep_seconds
        self._unknown_after_seconds = unknown_after_seconds
        self._unrouted_replay_seconds = unrouted_replay_seconds
        self._woken = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._more: list[Callable[[Transaction], Awaitable[object]]] = []

    def also(self, *jobs: Callable[[Transaction], Awaitable[object]]) -> None:
        """Do these at each sweep too, each in a transaction of its own."""
        self._more += jobs

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def wake_in(self, seconds: float) -> None:
        """Look after this time at the latest."""
        if seconds <= 0:
            self.wake()
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._timer is not None and loop.time() < self._timer.when() <= at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at, self.wake)

    async def run(
        self, intake: Intake, outbound: Outbound, sender: Sender, joins: StatusJoin
    ) -> None:
        """Sweep until cancelled."""
        loop, next_sweep_at, sweeps = asyncio.get_running_loop(), 0.0, 0
        # What came while nobody looked is evidence too: before anything is said to be unknown.
        await _guarded(lambda: self.join_statuses(joins, every=True))
        while True:
            await _guarded(lambda: self.read_large_bodies(intake))
            await _guarded(lambda: self.call_due_sends(outbound, sender))
            await _guarded(partial(self._in_transaction, outbound.tell_delays))
            # Many sends that are paced wake often; the rest of the net need not be looked through.
            if loop.time() >= next_sweep_at:
                next_sweep_at = loop.time() + self._sweep_seconds
                await self._sweep(intake, outbound, joins)
                if sweeps % COUNT_EVERY_SWEEPS == 0:
                    await _guarded(self.count)
                sweeps += 1
            await self._pause()

    async def _sweep(self, intake: Intake, outbound: Outbound, joins: StatusJoin) -> None:
        await _guarded(lambda: self.join_statuses(joins))
        await _guarded(lambda: self.end_attempts(outbound))
        await _guarded(lambda: self.read_unrouted_bodies(intake))
        for more in self._more:
            await _guarded(partial(self._in_transaction, more))

    async def call_due_sends(self, outbound: Outbound, sender: Sender) -> None:
        """Start every planned send whose turn it is; a cancellation cannot part claim and call."""
        claiming = asyncio.ensure_future(self._claim_and_start(outbound, sender))
        try:
            await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await asyncio.wait([claiming])
            raise

    async def end_attempts(self, outbound: Outbound) -> None:
        """Attempts without evidence become unknown, and are said to be."""
        async with self._database.system() as tx:
            await outbound.expire(tx, self._unknown_after_seconds)

    async def join_statuses(self, joins: StatusJoin, *, every: bool = False) -> None:
        """Join statuses that came before their send could be known; `every`: however old."""
        async with self._database.system() as tx:
            await joins.settle(tx, None, newest_seconds=None if every else JOINED_WITHIN_SECONDS)

    async def read_unrouted_bodies(self, intake: Intake) -> None:
        """Read bodies again whose channel has become known."""
        async with self._database.system() as tx:
            routable = await self._store.find_routable(tx, self._unrouted_replay_seconds)
        for channel_type, address in routable:
            await _guarded(partial(self._read_unrouted, intake, channel_type, address))

    async def read_large_bodies(self, intake: Intake) -> None:
        """Fetch and read bodies that are in blobs, one at a time."""
        while await self._read_large_body(intake):
            pass

    async def count(self) -> None:
        """Set the gauges of what waits."""
        async with self._database.system() as tx:
            counts = await self._store.trouble_counts(tx)
        for what, count in counts.items():
            TROUBLE.labels(what).set(count)

    async def _read_unrouted(self, intake: Intake, channel_type: str, address: str) -> None:
        """One address, one transaction: what cannot be read holds up no other channel."""
        newest = self._unrouted_replay_seconds
        async with self._database.system() as tx:
            for event in await self._store.take_unrouted(tx, channel_type, address, newest):
                await intake.receive(ChannelWebhookReceived.hear(event.encode()), tx)

    async def _claim_and_start(self, outbound: Outbound, sender: Sender) -> None:
        for _ in range(CLAIM_ROUNDS_MAX):
            async with self._database.system() as tx:
                claims = await outbound.claim_due(tx)
            for claim in claims:
                sender.start(claim)
            if not claims:
                return

    async def _read_large_body(self, intake: Intake) -> bool:
        async with self._database.system() as tx:
            claimed = await self._store.claim_body(tx)
        if claimed is None:
            return False
        delivery_id, text, tries = claimed
        try:
            event = ChannelWebhookReceived.hear(text.encode())
            raw = await self._blobs.get(event.body_sha256 or "")
            async with self._database.system() as tx:
                await intake.read(event, raw, tx)
                await self._store.forget_body(tx, delivery_id, "in_blob")
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - tried again with a pause, then shown
            what, name = str(delivery_id), type(error).__name__
            _log.warning("a large body cannot be read", delivery_id=what, exc_info=error)
            if tries >= BLOB_TRIES and not isinstance(error, RetryLater):
                async with self._database.system() as tx:
                    problem = f"{name} in {tries} tries"
                    await self._store.mark_body_unparsed(tx, delivery_id, problem)
        return True

    async def _in_transaction(self, job: Callable[[Transaction], Awaitable[object]]) -> None:
        async with self._database.system() as tx:
            await job(tx)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._sweep_seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


async def _guarded(job: Callable[[], Awaitable[None]]) -> None:
    """One job's failure must not stop the others; it is tried again at the next sweep."""
    try:
        await job()
    except DatabaseAway as error:
        _log.warning("a sweep waits for the database", reason=str(error))
    except Exception:  # noqa: BLE001 - logged, and tried again at the next sweep
        _log.exception("a sweep failed")
