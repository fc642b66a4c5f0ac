"""Says `budget-warned` once for each share of the budget and month, whichever replica sees it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from contracts.v1.spending import BudgetWarned
from llm_router.budget_store import BudgetStore
from llm_router.budgets import Rule, Standing, due_warnings, step_of
from outbox import Outbox
from postgres import Transaction


class BudgetWarnings:
    """Decides under the lock of the month's row, in the transaction that moved it."""

    def __init__(self, store: BudgetStore, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def look(self, tx: Transaction, months: Iterable[tuple[UUID, date]]) -> None:
        """Say what these months' sums have passed."""
        wanted = sorted(set(months))
        if not wanted:
            return
        for tenant_id, standings in (await self._store.lock_due_months(tx, wanted)).items():
            rule = await self._store.find_rule(tx, tenant_id)
            for standing in standings:
                if rule is not None:
                    await self.say(tx, tenant_id, rule, standing)

    async def say(self, tx: Transaction, tenant_id: UUID, rule: Rule, standing: Standing) -> None:
        """Say what is due; the month's row is locked by the caller."""
        due = due_warnings(rule, standing)
        if not due:
            return
        warned = sorted({*standing.warned, *due})
        await self._store.note_warned(tx, tenant_id, standing.month, warned)
        await self._outbox.say(
            tx, *(_warning(tenant_id, rule, standing, percent) for percent in due)
        )


def _warning(tenant_id: UUID, rule: Rule, standing: Standing, percent: int) -> BudgetWarned:
    return BudgetWarned.make(
        tenant_id=tenant_id,
        month=f"{standing.month:%Y-%m}",
        percent=percent,
        spent_usd=float(standing.spent_usd),
        monthly_usd=float(rule.monthly_usd or 0),
        step=step_of(rule, standing),
    )
