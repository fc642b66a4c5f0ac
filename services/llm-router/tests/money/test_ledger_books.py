"""The ledger over time: lost calls, turning months, old code, unusual hours, what is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.model_routes import ListModelCalls
from contracts.v1.spending import (
    BudgetRule,
    BudgetWarned,
    GetBudget,
    GetSpend,
    KeepBudget,
    SpendUnusual,
)
from llm_router import metrics
from llm_router.domain import Model, ModelFailed
from llm_router.purses import Usage

MAIN = Model("openai", "main")
YESTERDAYS_INSERT = """
insert into spends (spend_id, tenant_id, correlation_id, conversation_id, purpose, model,
    input_tokens, output_tokens, estimated, cost_usd, milliseconds, outcome, occurred_at)
values ($1, $2, $1, null, 'answer', 'openai/main', 10, 5, false, $3, 7, 'answered', $4)
"""


async def past(books: Any, cents: float, ago: timedelta) -> None:
    """A call of some time ago, as yesterday's code wrote it."""
    at = datetime.now(UTC) - ago
    await books.sql(YESTERDAYS_INSERT, uuid4(), books.tenant_id, Decimal(str(cents)) / 100, at)


async def test_a_lost_call_counts_as_spent_until_the_truth_is_known(books: Any) -> None:
    await books.keep(1.00, warn_percent=[50])
    purse, held = await books.hold(60)
    await books.sql("update reservations set expires_at = now() - interval '1 s'")
    await asyncio.gather(*(replica.bookkeeping.expire() for replica in books.replicas))
    assert await books.month() == (Decimal("0.6"), 0)
    [row] = await books.sql("select outcome, estimated, cost_usd from spends")
    assert tuple(row) == ("lost", True, Decimal("0.6"))
    assert [one.percent for one in books.said(BudgetWarned)] == [50]
    with pytest.raises(ModelFailed):
        await books.hold(50)
    await books.settle(purse, held, 20)
    assert await books.month() == (Decimal("0.2"), 0)
    [row] = await books.sql("select outcome, estimated, cost_usd from spends")
    assert tuple(row) == ("answered", False, Decimal("0.2"))
    assert (await books.hold(50))[1] is not None
    assert await books.adds_up()


async def test_a_new_month_has_its_whole_budget_and_old_calls_count_in_their_own(
    dated_books: Any,
) -> None:
    books, turn_to = dated_books
    await books.keep(1.00, warn_percent=[50])
    await books.settle(*(await books.hold(40)), 40)
    old = await books.hold(60)
    with pytest.raises(ModelFailed):
        await books.hold(1)
    await turn_to("2026-02-01T00:00:05Z")
    new = await books.hold(100)
    await books.settle(*old, 60)
    await books.settle(*new, 100)
    rows = await books.sql("select month, spent_usd, reserved_usd from spend_months order by month")
    assert [tuple(row) for row in rows] == [
        (date(2026, 1, 1), Decimal(1), 0),
        (date(2026, 2, 1), Decimal(1), 0),
    ]
    assert [(one.month, one.percent) for one in books.said(BudgetWarned)] == [
        ("2026-01", 50),
        ("2026-02", 50),
    ]
    standing = await books.replicas[0].requests.get_budget(
        GetBudget.make(tenant_id=books.tenant_id)
    )
    assert (standing.budget.month, standing.budget.spent_usd) == ("2026-02", 1.0)


async def test_what_yesterdays_code_writes_counts_in_the_month(books: Any) -> None:
    await past(books, 70, timedelta())
    await books.keep(1.00)
    assert await books.month() == (Decimal("0.7"), 0)
    with pytest.raises(ModelFailed):
        await books.hold(31)
    assert await books.adds_up()


async def test_a_sum_that_was_changed_by_hand_is_found(books: Any) -> None:
    await books.keep(1.00)
    await books.settle(*(await books.hold(10)), 7)
    keeper = books.replicas[0].bookkeeping
    await keeper.add_up()
    assert metrics.LEDGER_DIFFERENCES._value.get() == 0
    await books.sql("update spend_months set spent_usd = spent_usd - 0.0000000001")
    await keeper.add_up()
    assert metrics.LEDGER_DIFFERENCES._value.get() == 1


async def test_an_unusual_hour_is_said_once(books: Any) -> None:
    for day in range(1, 15):
        await past(books, 50 + day, timedelta(days=day))
    await past(books, 999, timedelta(hours=5))
    conversation = uuid4()
    purse = books.purse(conversation_id=conversation)
    looks = [replica.bookkeeping._works[2].do for replica in books.replicas]
    await books.replicas[0].ledger.record(purse.spend(MAIN, Usage(1, 1, Decimal("1.5")), None))
    await asyncio.gather(*(look() for look in looks))
    assert books.said(SpendUnusual) == []
    await books.replicas[0].ledger.record(purse.spend(MAIN, Usage(1, 1, Decimal("0.4")), None))
    await asyncio.gather(*(look() for look in looks * 2))
    [said] = books.said(SpendUnusual)
    assert (said.spent_usd, said.usual_usd) == (1.9, 0.57)
    assert (said.model, said.conversation_id) == ("openai/main", conversation)


async def test_a_tenant_that_is_new_has_no_usual_hour(books: Any) -> None:
    await past(books, 900, timedelta())
    for replica in books.replicas:
        await replica.bookkeeping._works[2].do()
    assert books.said(SpendUnusual) == []


async def test_the_ledger_is_asked_by_day_model_purpose_and_conversation(books: Any) -> None:
    talk, turn = uuid4(), uuid4()
    requests = books.replicas[0].requests
    for purpose, cents, conversation in (
        ("answer", 3, talk),
        ("rewrite", 1, talk),
        ("query", 9, None),
    ):
        purse = books.purse(purpose=purpose, conversation_id=conversation, correlation_id=turn)
        usage = Usage(10, 5, Decimal(cents) / 100, cached_tokens=4)
        await books.replicas[0].ledger.record(purse.spend(MAIN, usage, None))
    unpriced = books.purse(conversation_id=talk, correlation_id=uuid4())
    await books.replicas[0].ledger.record(
        unpriced.spend(Model("openai", "own"), Usage(7, 7, None), None)
    )
    await past(books, 50, timedelta(days=40))

    async def asked(group_by: str, conversation: Any = None, limit: int = 10) -> Any:
        today = datetime.now(UTC).date()
        return await requests.get_spend(
            GetSpend.make(
                tenant_id=books.tenant_id,
                since=today - timedelta(days=1),
                until=today,
                group_by=group_by,
                conversation_id=conversation,
                limit=limit,
            )
        )

    purposes = await asked("purpose")
    assert [(one.group, one.cost_usd) for one in purposes.lines] == [
        ("query", 0.09),
        ("answer", 0.03),
        ("rewrite", 0.01),
    ]
    assert (purposes.total.cost_usd, purposes.total.calls) == (0.13, 4)
    assert purposes.total.unpriced_calls == 1
    assert [one.group for one in (await asked("conversation")).lines] == ["none", str(talk)]
    models = await asked("model", talk, limit=1)
    assert [(one.group, one.cost_usd) for one in models.lines] == [("openai/main", 0.04)]
    assert models.total.calls == 3
    assert len((await asked("day")).lines) == 1
    listed = await requests.list_model_calls(
        ListModelCalls.make(tenant_id=books.tenant_id, turn_id=turn, conversation_id=None)
    )
    assert [call.purpose for call in listed.calls] == ["answer", "rewrite", "query"]
    foreign = await requests.list_model_calls(
        ListModelCalls.make(tenant_id=uuid4(), turn_id=turn, conversation_id=None)
    )
    assert foreign.calls == []


async def test_a_changed_rule_counts_at_once_and_warns_anew(books: Any) -> None:
    await books.keep(1.00, warn_percent=[50])
    await books.settle(*(await books.hold(60)), 60)
    budget = await books.keep(2.00, warn_percent=[20, 50])
    assert (budget.step, budget.spent_usd) == ("full", 0.6)
    await books.settle(*(await books.hold(50)), 50)
    assert [(one.percent, one.monthly_usd) for one in books.said(BudgetWarned)] == [
        (50, 1.0),
        (50, 2.0),
    ]
    lowered = await books.keep(1.00)
    assert lowered.step == "builtin"
    with pytest.raises(ModelFailed):
        await books.hold(1, replica=1)
    await books.keep(None)
    assert (await books.hold(1, replica=1))[1] is None
    rule = BudgetRule(
        monthly_usd=1.0,
        warn_percent=[],
        cheaper_percent=80,
        cheaper_model=None,
        when_spent="builtin",
        unknown_price_usd=None,
    )
    with pytest.raises(Refused):
        await books.replicas[0].requests.keep_budget(
            KeepBudget.make(tenant_id=books.tenant_id, rule=rule)
        )


async def test_rows_are_forgotten_and_their_months_are_not(books: Any) -> None:
    await past(books, 30, timedelta(days=500))
    await past(books, 40, timedelta())
    await books.replicas[0].bookkeeping.forget()
    [row] = await books.sql("select count(*) from spends")
    assert row[0] == 1
    assert (await books.month())[0] == Decimal("0.7")
