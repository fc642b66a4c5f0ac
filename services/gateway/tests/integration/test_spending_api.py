"""Budgets and spending over the API: who may read, who may change, what is noted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.model_routes import ListModelCalls, ModelCallsListed
from contracts.v1.spending import (
    BudgetFound,
    BudgetRule,
    BudgetStanding,
    GetBudget,
    GetSpend,
    KeepBudget,
    SpendFound,
    SpendLine,
)

from .conftest import Owners, Running


def line(group: str) -> SpendLine:
    return SpendLine(
        group=group, calls=1, input_tokens=2, output_tokens=3, cost_usd=0.5, unpriced_calls=0
    )


class Money:
    """Stands where llm-router stands."""

    def __init__(self, owners: Owners) -> None:
        self.asked: list[Any] = []
        bus = owners.of("llm-router")
        bus.answer(GetBudget, self.budget)
        bus.answer(KeepBudget, self.budget)
        bus.answer(GetSpend, self.spend)
        bus.answer(ListModelCalls, self.calls)

    async def budget(self, request: GetBudget | KeepBudget) -> BudgetFound:
        self.asked.append(request)
        rule = BudgetRule(
            monthly_usd=5.0,
            warn_percent=[80],
            cheaper_percent=None,
            cheaper_model=None,
            when_spent="builtin",
            unknown_price_usd=None,
        )
        if isinstance(request, KeepBudget):
            rule = request.rule
            if rule.cheaper_percent and not rule.cheaper_model:
                raise Refused("invalid_budget", "cheaper_percent needs a cheaper_model")
        standing = BudgetStanding(
            month="2026-11",
            rule=rule,
            spent_usd=1.25,
            reserved_usd=0.0,
            unpriced_calls=0,
            step="full",
        )
        return BudgetFound(budget=standing)

    async def spend(self, request: GetSpend) -> SpendFound:
        self.asked.append(request)
        return SpendFound(lines=[line(request.group_by)], total=line("total"))

    async def calls(self, request: ListModelCalls) -> ModelCallsListed:
        self.asked.append(request)
        return ModelCallsListed(calls=[])


@pytest.fixture
async def money(running: Running, owners: Owners) -> Money:
    known = Money(owners)
    await owners.start()
    return known


async def test_the_admin_sets_a_budget_and_the_tenant_reads_it(
    running: Running, money: Money
) -> None:
    tenant = await running.tenant()
    wish = {"monthly_usd": 20, "when_spent": "person"}
    refused = await tenant.call("PUT", f"{tenant.path}/budget", wish)
    assert (refused.status, refused.json["code"]) == (403, "admin_only")
    assert money.asked == []
    kept = await running.call("PUT", f"{tenant.path}/budget", wish)
    assert kept.status == 200
    [asked] = money.asked
    assert (asked.rule.monthly_usd, asked.rule.warn_percent) == (20.0, [80, 100])
    read = await tenant.call("GET", f"{tenant.path}/budget")
    assert (read.json["spent_usd"], read.json["rule"]["monthly_usd"]) == (1.25, 5.0)
    audit = (await running.call("GET", f"{tenant.path}/audit")).json["items"]
    assert "budget.changed" in [entry["action"] for entry in audit]


async def test_a_budget_that_contradicts_itself_is_told_so(running: Running, money: Money) -> None:
    tenant = await running.tenant()
    wrong = await running.call("PUT", f"{tenant.path}/budget", {"cheaper_percent": 80})
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_budget")
    nobody = await running.call("GET", f"/api/tenants/{uuid4()}/budget")
    assert nobody.status == 404


async def test_spending_by_group_and_of_a_conversation(running: Running, money: Money) -> None:
    tenant = await running.tenant()
    query = {"since": "2026-11-01", "until": "2026-11-20", "group_by": "model"}
    found = await tenant.call("GET", f"{tenant.path}/spend", params=query)
    assert found.status == 200, found.raw
    assert [one["group"] for one in found.json["lines"]] == ["model"]
    assert (str(money.asked[0].since), str(money.asked[0].until)) == ("2026-11-01", "2026-11-20")
    turned = {"since": "2026-11-20", "until": "2026-11-01"}
    assert (await tenant.call("GET", f"{tenant.path}/spend", params=turned)).status == 422
    this_month = (await tenant.call("GET", f"{tenant.path}/spend")).json
    assert this_month["since"].endswith("-01")
    conversation_id = uuid4()
    path = f"{tenant.path}/conversations/{conversation_id}/spend"
    one = (await tenant.call("GET", path)).json
    assert one["total"]["cost_usd"] == 0.5
    assert {r.conversation_id for r in money.asked[-3:]} == {conversation_id}
