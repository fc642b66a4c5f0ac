"""Trying what is due: claim, POST outside any transaction, record many tries at once.

A claim moves `next_attempt_at` past the lease, so that a process that dies anywhere in between
costs a delay and never an event; the receiver sees the same `webhook-id` again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from contracts.v1.webhooks import EndpointDisabled
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import Database, DatabaseAway, Transaction
from process import Life
from webhook_dispatcher import metrics
from webhook_dispatcher.config import Settings
from webhook_dispatcher.domain import Outcome, judge
from webhook_dispatcher.sender import Sender
from webhook_dispatcher.store import Claimed, Result, Store

_POLL_SECONDS: Final = 1.0
_CLAIMS_AT_ONCE: Final = 100
_COMMIT_TRIES: Final = 5
_DATABASE_AWAY_SECONDS: Final = 1.0

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
        self._in_flight: Counter[UUID] = Counter()
        self._sending: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
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
            claimed = await self._claim()
            for delivery in claimed:
                self._begin(delivery)
            if len(claimed) < _CLAIMS_AT_ONCE:
                await self._until_woken()

    async def _record_forever(self) -> None:
        """Write down finished tries, all that there are in one transaction."""
        while True:
            await self._recorded.wait()
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
        room = self._settings.in_flight_max - self._in_flight.total()
        if room <= 0:
            return []
        try:
            async with self._database.system() as tx:
                claimed = await self._store.claim_due(
                    tx,
                    dict(self._in_flight),
                    per_endpoint=self._settings.in_flight_per_endpoint,
                    limit=min(room, _CLAIMS_AT_ONCE),
                    lease_seconds=self._settings.lease_seconds,
                )
        except DatabaseAway as error:
            _log.warning("deliveries wait for the database", reason=str(error))
            return []
        if claimed:
            await afailpoint("webhook-dispatcher.claimed")
        return claimed

    def _begin(self, claimed: Claimed) -> None:
        self._in_flight[claimed.endpoint_id] += 1
        metrics.IN_FLIGHT.inc()
        task = asyncio.create_task(self._send(claimed))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: Claimed) -> None:
        at = self._now()
        outcome = await self._sender.send(claimed)
        await afailpoint("webhook-dispatcher.answered_uncommitted")
        self._results.append(self._judged(claimed, at, outcome))
        self._recorded.set()

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
        while self._results:
            results, self._results = self._results, []
            try:
                await self._commit(results)
            except (DatabaseAway, asyncpg.TransactionRollbackError) as error:
                _log.warning("tries not recorded", tries=len(results), reason=str(error))
            else:
                await afailpoint("webhook-dispatcher.committed")
            self._release(results)

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
            endpoint_id = result.claimed.endpoint_id
            self._in_flight[endpoint_id] -= 1
            if self._in_flight[endpoint_id] <= 0:
                del self._in_flight[endpoint_id]
            metrics.IN_FLIGHT.dec()
        self._work.set()
