"""Every tenant's budget rule in memory, so that a call of a tenant without one asks nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from llm_router.budget_store import LONG_AGO, BudgetStore
from llm_router.budgets import Rule
from postgres import Database

_OVERLAP = timedelta(seconds=10)
"""Commits become visible in another order than their clocks say."""


class BudgetRules:
    """Kept fresh by `refresh`; another replica's change is known after its next round."""

    def __init__(self, database: Database, store: BudgetStore) -> None:
        self._database = database
        self._store = store
        self._rules: dict[UUID, Rule] = {}
        self._newest: datetime = LONG_AGO

    def of(self, tenant_id: UUID) -> Rule | None:
        """The tenant's rule; None where it has no budget."""
        return self._rules.get(tenant_id)

    def learn(self, tenant_id: UUID, rule: Rule) -> None:
        """A rule that was changed here."""
        if rule.monthly_usd is None and rule.unknown_price_usd is None:
            self._rules.pop(tenant_id, None)
        else:
            self._rules[tenant_id] = rule

    async def refresh(self) -> None:
        """Read what was changed since the last time."""
        async with self._database.system() as tx:
            changed, self._newest = await self._store.changed_rules(tx, self._newest - _OVERLAP)
        for tenant_id, rule in changed.items():
            self.learn(tenant_id, rule)
