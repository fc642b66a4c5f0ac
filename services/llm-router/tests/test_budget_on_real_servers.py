"""Budgets in real processes: two replicas, one killed between the provider's answer and its row."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contracts.v1.model_routes import ListModelCalls
from contracts.v1.spending import BudgetRule, GetBudget, GetSpend, KeepBudget

from .test_on_real_servers import (  # noqa: F401 - the fixtures are used by their names
    TENANT,
    Asker,
    AskFailed,
    asker,
    database,
    environment,
    rows,
    until,
)

CALLS = 200
PRICES = {"openai/sim": {"input": 10, "output": 1_000}}
RULE = BudgetRule(
    monthly_usd=50.0,
    warn_percent=[1],
    cheaper_percent=None,
    cheaper_model=None,
    when_spent="person",
    unknown_price_usd=None,
)


@pytest.fixture
def priced(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:  # noqa: F811
    """Replicas that know what the simulator costs, and use it first."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES))
    return environment | {"CHAT_LLM_PRICES_FILE": str(file), "CHAT_LLM_MODEL": "openai/sim"}


async def sums(database: Any) -> tuple[Decimal, Decimal, Decimal, Decimal]:  # noqa: F811
    """The ledger, what is held, and both as the month has it."""
    [row] = await rows(
        database,
        "select coalesce((select sum(coalesce(counted_usd, cost_usd, 0)) from spends), 0)"
        " as ledger,"
        " coalesce((select sum(usd) from reservations), 0) as held,"
        " coalesce(sum(spent_usd), 0) as spent, coalesce(sum(reserved_usd), 0) as reserved"
        " from spend_months",
    )
    return row["ledger"], row["held"], row["spent"], row["reserved"]


async def test_two_hundred_calls_of_two_replicas_add_up_though_one_is_killed(
    processes: Any,
    priced: dict[str, str],
    asker: Asker,  # noqa: F811
    database: Any,  # noqa: F811
) -> None:
    await rows(
        database,
        "insert into budgets (tenant_id, monthly_usd, warn_percent, when_spent)"
        f" values ('{TENANT}', 50, '{{1}}', 'person')",
    )
    dying = processes.spawn(
        "llm_router", priced, CHAT_FAILPOINTS="llm-router.mid_stream=kill|after:40"
    )
    staying = processes.spawn("llm_router", priced)
    await asyncio.gather(*(asyncio.to_thread(process.wait_ready) for process in (dying, staying)))
    replies = await asyncio.gather(
        *(asker.reply(seconds=4.0) for _ in range(CALLS)), return_exceptions=True
    )
    answered = [reply for reply in replies if not isinstance(reply, BaseException)]
    assert await asyncio.to_thread(dying.wait_killed) == -9
    assert len(answered) > CALLS / 2
    assert {reply.budget_step for reply in answered} == {"full"}
    ledger, held, spent, reserved = await sums(database)
    assert (ledger, held) == (spent, reserved)
    assert held > 0, "what the killed replica had in hand is still held"

    await rows(database, "update reservations set expires_at = now() - interval '1 second'")
    await asyncio.to_thread(dying.restart)

    async def nothing_held() -> bool:
        return bool((await sums(database))[1] == 0)

    await until(nothing_held, "lost calls counted")
    ledger, held, spent, reserved = await sums(database)
    assert (held, reserved) == (0, 0)
    assert ledger == spent
    found = await asker.gateway.ask(GetBudget.make(tenant_id=TENANT), timeout_seconds=10)
    assert found.budget.spent_usd == float(spent)
    outcomes = await rows(database, "select outcome, count(*) from spends group by 1")
    counted = {row["outcome"]: row["count"] for row in outcomes}
    assert counted["lost"] > 0
    assert counted["answered"] >= len(answered)


async def test_people_answer_when_the_budget_is_spent(
    processes: Any,
    priced: dict[str, str],
    asker: Asker,  # noqa: F811
    provider: Any,
    database: Any,  # noqa: F811
) -> None:
    process = processes.spawn("llm_router", priced)
    await asyncio.to_thread(process.wait_ready)
    rule = RULE.model_copy(update={"monthly_usd": 0.5})
    await asker.gateway.ask(KeepBudget.make(tenant_id=TENANT, rule=rule), timeout_seconds=10)
    outcomes = []
    for _ in range(40):
        try:
            outcomes.append((await asker.reply()).model)
        except AskFailed as refused:
            outcomes.append(refused.code)
            break
    assert outcomes[-1] == "budget_exhausted"
    assert set(outcomes[:-1]) == {"openai/sim"}
    assert len(await provider.calls()) == len(outcomes) - 1
    found = await asker.gateway.ask(GetBudget.make(tenant_id=TENANT), timeout_seconds=10)
    assert (found.budget.step, found.budget.reserved_usd) == ("person", 0)
    assert found.budget.spent_usd <= 0.5
    [row] = await rows(database, "select min(occurred_at)::date as day, sum(cost_usd) from spends")
    spend = await asker.gateway.ask(
        GetSpend.make(
            tenant_id=TENANT,
            since=row["day"],
            until=row["day"],
            group_by="model",
            conversation_id=None,
            limit=5,
        ),
        timeout_seconds=10,
    )
    assert [line.group for line in spend.lines] == ["openai/sim"]
    assert spend.total.cost_usd == float(row["sum"]) == found.budget.spent_usd
    listed = await asker.gateway.ask(
        ListModelCalls.make(tenant_id=TENANT, turn_id=None, conversation_id=None),
        timeout_seconds=10,
    )
    assert len(listed.calls) == len(outcomes) - 1
