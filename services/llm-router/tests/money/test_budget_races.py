"""Many calls at once over two replicas: never over the budget, and the ledger adds up."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

from contracts.v1.models import TokensSpent
from contracts.v1.spending import BudgetWarned
from llm_router.domain import Model, ModelFailed
from llm_router.purses import BUDGET_UNKNOWN, OVER_BUDGET

MAIN = Model("openai", "main")


async def test_parallel_calls_never_pass_the_budget_by_a_cent(books: Any) -> None:
    await books.keep(1.00)
    seen: list[Decimal] = []

    async def call(number: int) -> str:
        replica = number % 2
        try:
            purse, held = await books.hold(3, replica)
        except ModelFailed as failure:
            return failure.code
        seen.append(sum(await books.month(), Decimal(0)))
        await asyncio.sleep(0.001 * (number % 5))
        await books.settle(purse, held, 1 + number % 3, replica)
        return "answered"

    outcomes = await asyncio.gather(*(call(number) for number in range(64)))
    spent, held = await books.month()
    assert OVER_BUDGET in outcomes
    assert outcomes.count("answered") >= 33
    assert max(seen) <= 1
    assert (spent <= 1, held) == (True, 0)
    assert await books.adds_up()


async def test_two_hundred_calls_add_up_whatever_happens_to_them(books: Any) -> None:
    await books.keep(100.0)
    chance = random.Random(7)

    async def call(number: int) -> None:
        replica = number % 2
        purse, held = await books.hold(chance.uniform(0.1, 3), replica)
        await asyncio.sleep(chance.uniform(0, 0.01))
        if number % 7 == 0:
            return  # its process died
        spend = await books.settle(purse, held, round(chance.uniform(0, 3), 6), replica)
        if number % 5 == 0:
            books.replicas[1 - replica].ledger.note(spend)  # the commit's answer was lost

    await asyncio.gather(*(call(number) for number in range(200)))
    await books.sql("update reservations set expires_at = now() - interval '1 s'")
    await asyncio.gather(*(replica.bookkeeping.expire() for replica in books.replicas))
    await books.close()
    books.replicas = []
    [counted] = await books.sql(
        "select count(*), count(*) filter (where outcome = 'lost') from spends"
    )
    assert tuple(counted) == (200, 29)
    assert (await books.month())[1] == 0
    assert await books.adds_up()
    assert len(books.said(TokensSpent)) == 171


async def test_each_share_is_warned_of_once(books: Any) -> None:
    await books.keep(1.00, warn_percent=[50, 80])
    pairs = [await books.hold(4, number % 2) for number in range(24)]
    for first in range(0, 24, 4):
        some = enumerate(pairs[first : first + 4])
        await asyncio.gather(*(books.settle(*pair, 4, number % 2) for number, pair in some))
    assert sorted(one.percent for one in books.said(BudgetWarned)) == [50, 80]
    [last] = [one for one in books.said(BudgetWarned) if one.percent == 80]
    assert last.spent_usd >= 0.8
    assert last.monthly_usd == 1.0


async def test_who_is_cancelled_while_asking_gives_back_what_was_held(books: Any) -> None:
    await books.keep(1.00)
    purse = books.purse()
    asking = [asyncio.create_task(purse.hold(*_cents(1))) for _ in range(20)]
    await asyncio.sleep(0.004)
    for task in asking:
        task.cancel()
    done = await asyncio.gather(*asking, return_exceptions=True)
    for held in done:
        if not isinstance(held, BaseException):
            await books.settle(purse, held, 0)

    from testkit import eventually_async

    async def nothing_held() -> bool:
        return bool((await books.month())[1] == 0)

    await eventually_async(nothing_held, "everything given back")
    assert await books.adds_up()


async def test_a_budget_that_cannot_be_asked_is_not_spent(books: Any) -> None:
    await books.keep(1.00)
    purse = books.purse()
    for database in books._opened:
        await database.close()
    with pytest.raises(ModelFailed) as refused:
        await purse.hold(*_cents(1))
    assert refused.value.code == BUDGET_UNKNOWN
    assert not purse.hands_over
    books.replicas = []


def _cents(cents: int) -> tuple[Model, Decimal, float]:
    return MAIN, Decimal(cents) / 100, 5.0
