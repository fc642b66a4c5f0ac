"""What is looked at in the background: rules, lost calls, sums, unusual hours, old rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from llm_router import metrics
from llm_router.anomalies import Anomalies
from llm_router.budget_rules import BudgetRules
from llm_router.budget_store import BudgetStore
from llm_router.budget_warnings import BudgetWarnings
from llm_router.prices import InvalidPrices, Prices
from observe import get_logger
from postgres import Database

_ROWS_MAX = 500

_log = get_logger("llm-router")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often each thing is looked at, in seconds, and how long ledger rows are kept."""

    rules_seconds: float = 2.0
    lost_seconds: float = 5.0
    unusual_seconds: float = 60.0
    prices_seconds: float = 30.0
    sums_seconds: float = 3_600.0
    ledger_days: int = 400


@dataclass(slots=True)
class _Work:
    every_seconds: float
    do: Callable[[], Awaitable[None]]
    due_at: float = field(default_factory=time.monotonic)


class Bookkeeping:
    """One round after the other; what fails is tried again when it is due again."""

    def __init__(
        self,
        database: Database,
        store: BudgetStore,
        rules: BudgetRules,
        warnings: BudgetWarnings,
        anomalies: Anomalies,
        prices: Prices,
        rhythm: Rhythm,
    ) -> None:
        self._database = database
        self._store = store
        self._rules = rules
        self._warnings = warnings
        self._prices = prices
        self._days = rhythm.ledger_days
        self._works = [
            _Work(rhythm.rules_seconds, rules.refresh),
            _Work(rhythm.lost_seconds, self.expire),
            _Work(rhythm.unusual_seconds, anomalies.look),
            _Work(rhythm.prices_seconds, self.read_prices),
            _Work(rhythm.sums_seconds, self.add_up),
            _Work(rhythm.sums_seconds, self.forget),
        ]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Know every rule before the first call, then go round."""
        await self._rules.refresh()
        self._task = asyncio.create_task(self._go_round())

    async def close(self) -> None:
        """Stop going round."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def expire(self) -> None:
        """Count calls that nobody settled as spent; the provider was likely paid."""
        while True:
            async with self._database.system() as tx:
                lost = await self._store.expire(tx, _ROWS_MAX)
                await self._warnings.look(tx, lost)
            if lost:
                metrics.CALLS_LOST.inc(len(lost))
                _log.warning("calls were never settled, counted as spent", calls=len(lost))
            if len(lost) < _ROWS_MAX:
                return

    async def add_up(self) -> None:
        """Compare the months' sums with their rows; a difference is an alarm, never repaired."""
        async with self._database.system() as tx:
            found = await self._store.differences(tx)
        metrics.LEDGER_DIFFERENCES.set(len(found))
        for one in found:
            _log.error(
                "the ledger does not add up",
                month=str(one.month),
                spent_usd=str(one.spent_usd),
                ledger_usd=str(one.ledger_usd),
                reserved_usd=str(one.reserved_usd),
                held_usd=str(one.held_usd),
            )

    async def forget(self) -> None:
        """Delete ledger rows that are older than they are kept."""
        while True:
            async with self._database.system() as tx:
                gone = await self._store.forget(tx, self._days, _ROWS_MAX)
            if gone < _ROWS_MAX:
                return

    async def read_prices(self) -> None:
        """Take in a changed file of prices; a wrong one is said and the old prices stay."""
        try:
            if await asyncio.to_thread(self._prices.refresh):
                _log.info("prices were read again")
        except InvalidPrices as error:
            _log.error("the file of prices is wrong, the old ones stay", reason=str(error))

    async def _go_round(self) -> None:
        while True:
            for work in self._works:
                if time.monotonic() >= work.due_at:
                    await self._tried(work)
            await asyncio.sleep(max(0.05, min(w.due_at for w in self._works) - time.monotonic()))

    async def _tried(self, work: _Work) -> None:
        try:
            await work.do()
        except Exception as error:  # noqa: BLE001 - the next round tries again
            _log.warning("bookkeeping failed", work=work.do.__name__, reason=str(error))
        work.due_at = time.monotonic() + work.every_seconds
