"""The ledger's commits: rows, what was held given back, events and warnings in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from llm_router.budget_rules import BudgetRules
from llm_router.budget_store import BudgetStore
from llm_router.budget_warnings import BudgetWarnings
from llm_router.domain import Spend
from llm_router.usage_events import usage_events
from outbox import Outbox
from postgres import Database


class Settling:
    """Keeps ledger rows of many tenants; saving a row twice keeps it once."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        store: BudgetStore,
        rules: BudgetRules,
        warnings: BudgetWarnings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._rules = rules
        self._warnings = warnings

    async def save_spends(self, spends: Sequence[Spend]) -> None:
        """Rows and their events; a commit that is tried again changes nothing twice."""
        async with self._database.system() as tx:
            new = await self._store.settle(tx, spends)
            kept = [spend for spend in spends if spend.spend_id in new]
            await self._outbox.say(tx, *usage_events(kept))
            await self._warnings.look(tx, self._months(kept))

    def _months(self, spends: Sequence[Spend]) -> set[tuple[UUID, date]]:
        """Months of tenants with a budget that may have passed a share of it."""
        return {
            (spend.tenant_id, spend.month or spend.occurred_at.date().replace(day=1))
            for spend in spends
            if (spend.counted_usd or spend.cost_usd) and self._warns(spend.tenant_id)
        }

    def _warns(self, tenant_id: UUID) -> bool:
        rule = self._rules.of(tenant_id)
        return rule is not None and rule.monthly_usd is not None and bool(rule.warn_percent)
