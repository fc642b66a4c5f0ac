"""Puts the parts of money together: one place that composition and tests use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bus import Bus
from llm_router.anomalies import Anomalies, Unusual
from llm_router.bookkeeping import Bookkeeping, Rhythm
from llm_router.budget_rules import BudgetRules
from llm_router.budget_store import BudgetStore
from llm_router.budget_warnings import BudgetWarnings
from llm_router.config import Settings
from llm_router.money_requests import MoneyRequests
from llm_router.prices import Prices
from llm_router.purses import Purses, Reserving
from llm_router.settling import Settling
from llm_router.spending import Ledger
from outbox import Outbox
from postgres import Database, Queries


@dataclass(frozen=True, slots=True)
class Money:
    """Prices, purses, the ledger, what is asked about them and what goes on behind them."""

    prices: Prices
    rules: BudgetRules
    ledger: Ledger
    purses: Purses
    requests: MoneyRequests
    bookkeeping: Bookkeeping

    def listen(self, bus: Bus) -> None:
        """Answer what is asked about money."""
        self.requests.listen(bus)

    async def start(self) -> None:
        """Read every budget, then begin to write and to look after the books."""
        self.ledger.start()
        await self.bookkeeping.start()

    async def close(self) -> None:
        """Write what the ledger still holds."""
        await self.bookkeeping.close()
        await self.ledger.close()


def money(
    settings: Settings, database: Database, outbox: Outbox, rhythm: Rhythm | None = None
) -> Money:
    """Wire everything; nothing connects here."""
    queries = Queries("llm_router", "queries_money.sql")
    prices = Prices(Path(settings.prices_file) if settings.prices_file else None)
    store = BudgetStore(queries)
    rules, warnings = BudgetRules(database, store), BudgetWarnings(store, outbox)
    ledger = Ledger(Settling(database, outbox, store, rules, warnings).save_spends)
    unusual = Unusual(floor_usd=Decimal(repr(settings.unusual_floor_usd)))
    anomalies = Anomalies(database, outbox, queries, unusual)
    return Money(
        prices=prices,
        rules=rules,
        ledger=ledger,
        purses=Purses(Reserving(database, store, warnings), rules.of, prices, ledger.note),
        requests=MoneyRequests(database, queries, store, rules),
        bookkeeping=Bookkeeping(
            database,
            store,
            rules,
            warnings,
            anomalies,
            prices,
            rhythm or Rhythm(ledger_days=settings.ledger_days),
        ),
    )
