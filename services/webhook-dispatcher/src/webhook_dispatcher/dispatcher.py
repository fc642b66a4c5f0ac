"""Trying what is due: claim, POST outside any transaction, record many tries at once.

A claim moves `next_attempt_at` past the lease, so that a process that dies anywhere in between
costs a delay and never an event; the receiver sees the same `webhook-id` again.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Final

import asyncpg

from contracts.v1.webhooks import EndpointDisabled
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction
from process import Life
from webhook_dispatcher import metrics
from webhook_dispatcher.config import Settings
from webhook_dispatcher.domain import Outcome, judge
from webhook_dispatcher.endpoint_places import QUICK_MILLISECONDS, EndpointPlaces
from webhook_dispatcher.sender import Sender
from webhook_dispatcher.store import Claimed, Result, Store

_POLL_SECONDS: Final = 1.0
_CLAIMS_AT_ONCE: Final = 200
# Tries that end close together are recorded together, and their places filled together.
_LINGER_SECONDS: Final = 0.03
_COMMIT_TRIES: Final = 5
_DATABASE_AWAY_SECONDS: Final = 1.0
# Also a deadlock or a statement that took too long: the lease ends and it is tried again. Raised
# out of a loop, they would end the process with every POST that is in the air.
_NOT_NOW: Final = (DatabaseAway, asyncpg.PostgresError, TimeoutError)

_log = get_logger("dispatcher")


class Dispatcher:
    """Sends what is due for as long as the service lives."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: Store,
        sender: Sender,
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._sender = sender
        self._settings = settings
        self._now = now
        self._places = EndpointPlaces(
            per_endpoint=settings.in_flight_per_endpoint, in_all=settings.in_flight_max
        )
        self._sending: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._untried: list[Claimed] = []
        self._work = asyncio.Event()
        self._recorded = asyncio.Event()
        self._stopping = False

    async def start(self, life: Life) -> None:
        """Send from now on; at the end, let what runs finish and record it."""
        life.background("recording", self._record_forever())
        life.background("claiming", self._claim_forever())
        life.closing(self.stop)

    def wake(self) -> None:
        """Something may be due now."""
        self._work.set()

    async def _claim_forever(self) -> None:
        """Claim and send what is due, woken by new deliveries and by free places."""
        while not self._stopping:
            self._work.clear()
            lease_began = monotonic()
            claimed = await self._claim()
            for delivery in claimed:
                self._begin(delivery, lease_began)
            if not claimed:
                self._places.forget_idle()
            if len(claimed) < _CLAIMS_AT_ONCE:
                await self._until_woken()
            await asyncio.sleep(_LINGER_SECONDS)

    async def _record_forever(self) -> None:
        """Write down finished tries, all that there are in one transaction."""
        while True:
            await self._recorded.wait()
            await asyncio.sleep(_LINGER_SECONDS)
            self._recorded.clear()
            await self._record()

    async def stop(self) -> None:
        """Claim nothing more, let the POSTs that run end, and record them."""
        self._stopping = True
        self._work.set()
        if self._sending:
            await asyncio.wait(self._sending)
        await self._record()

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._work.wait()
        except TimeoutError:
            return

    async def _claim(self) -> list[Claimed]:
        room = self._places.room()
        if not room:
            return []
        try:
            async with self._database.system() as tx:
                claimed = await self._store.claim_due(
                    tx,
                    self._places.room_of_known(),
                    per_endpoint=self._settings.in_flight_per_endpoint,
                    limit=min(room, _CLAIMS_AT_ONCE),
                    lease_seconds=self._settings.lease_seconds,
                )
        except _NOT_NOW as error:
            _log.warning("deliveries wait for the database", reason=repr(error))
            return []
        if claimed:
            await afailpoint("webhook-dispatcher.claimed")
        return claimed

    def _begin(self, claimed: Claimed, lease_began: float) -> None:
        self._places.hold(claimed.endpoint_id)
        task = asyncio.create_task(self._send(claimed, lease_began))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: Claimed, lease_began: float) -> None:
        async with self._places.posting(claimed.endpoint_id):
            if self._stopping or not self._fits_lease(lease_began):
                # It waited too long behind others, or we stop: whoever is next may have it.
                self._places.release(claimed.endpoint_id, quick=False)
                self._untried.append(claimed)
                self._recorded.set()
                return
            at = self._now()
            with metrics.IN_FLIGHT.track_inprogress():
                outcome = await self._sender.send(claimed)
        await afailpoint("webhook-dispatcher.answered_uncommitted")
        self._results.append(self._judged(claimed, at, outcome))
        self._recorded.set()

    def _fits_lease(self, lease_began: float) -> bool:
        latest_end = monotonic() + self._settings.attempt_timeout_seconds
        return latest_end < lease_began + self._settings.lease_seconds

    def _judged(self, claimed: Claimed, at: datetime, outcome: Outcome) -> Result:
        verdict = judge(
            outcome,
            claimed.failures,
            claimed.failing_since,
            self._now(),
            random.random(),  # noqa: S311 - jitter
        )
        status_class = f"{outcome.status_code // 100}xx" if outcome.status_code else "none"
        metrics.ATTEMPTS.labels(outcome.code.value, status_class).inc()
        if verdict.state == "delivered":
            age = (self._now() - claimed.created_at).total_seconds()
            metrics.DELIVERY_AGE_SECONDS.observe(max(0.0, age))
        return Result(
            claimed=claimed,
            at=at,
            code=outcome.code.value,
            status_code=outcome.status_code,
            milliseconds=outcome.milliseconds,
            answer=outcome.answer,
            state=verdict.state,
            delay_seconds=verdict.delay_seconds,
            disable_because=verdict.disable_because,
        )

    async def _record(self) -> None:
        """Record what there is; what cannot be recorded is tried again when its lease ends."""
        await self._give_back()
        while self._results:
            results, self._results = self._results, []
            try:
                await self._commit(results)
            except _NOT_NOW as error:
                _log.warning("tries not recorded", tries=len(results), reason=repr(error))
            else:
                await afailpoint("webhook-dispatcher.committed")
            self._release(results)

    async def _give_back(self) -> None:
        untried, self._untried = self._untried, []
        if not untried:
            return
        try:
            async with self._database.system() as tx:
                await self._store.give_back(tx, untried)
        except _NOT_NOW:
            _log.warning("untried deliveries wait for their lease", deliveries=len(untried))

    async def _commit(self, results: list[Result]) -> None:
        for tries_left in reversed(range(_COMMIT_TRIES)):
            try:
                async with self._database.system() as tx:
                    await self._settle(tx, results)
            except (DatabaseAway, asyncpg.TransactionRollbackError):
                if not tries_left:
                    raise
                await asyncio.sleep(_DATABASE_AWAY_SECONDS)
            else:
                return

    async def _settle(self, tx: Transaction, results: list[Result]) -> None:
        await self._store.settle(tx, results)
        for result in results:
            if result.disable_because is None:
                continue
            endpoint_id = result.claimed.endpoint_id
            disabled = await self._store.disable_endpoint(tx, endpoint_id, result.disable_because)
            if disabled is None:
                continue
            tenant_id, url = disabled
            _log.warning("endpoint disabled", endpoint_id=endpoint_id, tenant_id=tenant_id)
            event = EndpointDisabled.make(
                tenant_id=tenant_id,
                correlation_id=endpoint_id,
                endpoint_id=endpoint_id,
                url=url,
                reason=result.disable_because,
            )
            await self._outbox.say(tx, event)

    def _release(self, results: list[Result]) -> None:
        for result in results:
            quick = result.state == "delivered" and result.milliseconds < QUICK_MILLISECONDS
            self._places.release(result.claimed.endpoint_id, quick=quick)
        self._work.set()
