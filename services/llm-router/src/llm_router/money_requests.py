"""What this service does when it is asked about money: budgets, sums of the ledger, its rows."""

from __future__ import annotations

from typing import Any

from bus import Bus, Refused
from contracts.v1.model_routes import ListModelCalls, ModelCallsListed, ModelCallStep
from contracts.v1.spending import (
    BudgetFound,
    GetBudget,
    GetSpend,
    KeepBudget,
    SpendFound,
    SpendLine,
)
from llm_router.budget_rules import BudgetRules
from llm_router.budget_store import BudgetStore
from llm_router.budgets import (
    Rule,
    Standing,
    contradiction,
    due_warnings,
    rule_of,
    shown,
)
from postgres import Database, Queries

_CALLS_MAX = 200


class MoneyRequests:
    """Load, decide, save."""

    def __init__(
        self, database: Database, queries: Queries, store: BudgetStore, rules: BudgetRules
    ) -> None:
        self._database = database
        self._queries = queries
        self._store = store
        self._rules = rules

    def listen(self, bus: Bus) -> None:
        """Answer what is asked about money."""
        bus.answer(GetBudget, self.get_budget)
        bus.answer(KeepBudget, self.keep_budget)
        bus.answer(GetSpend, self.get_spend)
        bus.answer(ListModelCalls, self.list_model_calls)

    async def get_budget(self, request: GetBudget) -> BudgetFound:
        """Rule and standing; a tenant without a budget has a rule without an amount."""
        async with self._database.transaction(request.tenant_id) as tx:
            rule = await self._store.find_rule(tx, request.tenant_id)
            standing = await self._store.standing(tx, request.tenant_id)
        return BudgetFound(budget=shown(rule or Rule(), standing))

    async def keep_budget(self, request: KeepBudget) -> BudgetFound:
        """Change the rule; refused with `invalid_budget` where it contradicts itself."""
        rule, tenant_id = rule_of(request.rule), request.tenant_id
        wrong = contradiction(rule)
        if wrong is not None:
            raise Refused("invalid_budget", wrong)
        async with self._database.transaction(tenant_id) as tx:
            before = await self._store.find_rule(tx, tenant_id) or Rule()
            await self._store.keep_rule(tx, tenant_id, rule)
            standing = await self._store.open_month(tx, tenant_id)
            month = standing.month
            await self._store.note_exhausted(tx, tenant_id, month, exhausted=False)
            if before.monthly_usd != rule.monthly_usd:
                await self._store.note_warned(tx, tenant_id, month, _passed(rule, standing))
            standing = await self._store.standing(tx, tenant_id)
        self._rules.learn(tenant_id, rule)
        return BudgetFound(budget=shown(rule, standing))

    async def get_spend(self, request: GetSpend) -> SpendFound:
        """Sums of the ledger by group, and the sum of all."""
        if request.until < request.since:
            raise Refused("invalid_days", "the last day is before the first")
        days = request.tenant_id, request.since, request.until
        async with self._database.transaction(request.tenant_id) as tx:
            rows = await tx.fetch(
                self._queries["spend_by_group"],
                *days,
                request.group_by,
                request.conversation_id,
                request.limit,
            )
            total = await tx.fetchrow(self._queries["spend_in_all"], *days, request.conversation_id)
        assert total is not None
        return SpendFound(
            lines=[_line(row["name"], row) for row in rows], total=_line("total", total)
        )

    async def list_model_calls(self, request: ListModelCalls) -> ModelCallsListed:
        """The newest calls, the oldest of them first."""
        async with self._database.transaction(request.tenant_id) as tx:
            rows = await tx.fetch(
                self._queries["list_calls"],
                request.tenant_id,
                request.turn_id,
                request.conversation_id,
                _CALLS_MAX,
            )
        return ModelCallsListed(calls=[_call(row) for row in reversed(rows)])


def _passed(rule: Rule, standing: Standing) -> list[int]:
    """Shares of a new amount that were passed already: they are no news."""
    return due_warnings(rule, Standing(standing.month, standing.spent_usd))


def _line(group: str, row: Any) -> SpendLine:
    return SpendLine(
        group=group,
        calls=row["calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=float(row["cost_usd"]),
        unpriced_calls=row["unpriced_calls"],
    )


def _call(row: Any) -> ModelCallStep:
    return ModelCallStep(
        at=row["occurred_at"],
        correlation_id=row["correlation_id"],
        conversation_id=row["conversation_id"],
        purpose=row["purpose"],
        model=row["model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=None if row["cost_usd"] is None else float(row["cost_usd"]),
        milliseconds=row["milliseconds"],
        outcome=row["outcome"],
    )
