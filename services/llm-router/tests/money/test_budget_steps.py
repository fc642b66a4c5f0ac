"""Main, cheaper, builtin, person: which model answers while the money runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from contracts.v1.spending import BudgetWarned
from llm_router.choosing import Plan
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
    Access,
    Answered,
    ChainFailed,
    ChatCall,
    ChatOutcome,
    Model,
    ModelFailed,
    OnWords,
)
from llm_router.purses import RequestPurse, Usage
from llm_router.routing import Limits, Router

BUILTIN = "builtin/extractive"
CHAIN = ("openai/main", "openai/other", BUILTIN)


class Told:
    """An adapter that says ten tokens were read and five written, or fails."""

    def __init__(self) -> None:
        self.fails: dict[str, str] = {}
        self.asked: list[str] = []

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        self.asked.append(str(call.model))
        code = self.fails.get(str(call.model))
        if code == "hang":
            if on_words is not None:
                on_words("a word and one more")
            await asyncio.sleep(60)
        if code:
            raise ModelFailed(code, "as told")
        return ChatOutcome("words", (), "stop", 10, 5)


class Desk:
    """Asks for replies as the handler does, and settles them."""

    def __init__(self, books: Any, chat: Callable[..., ChatCall]) -> None:
        self.books, self.model = books, Told()
        self.call = chat()
        self.purse: RequestPurse = books.purse()

    async def reply(
        self, chain: tuple[str, ...] = CHAIN, on_words: OnWords | None = None, **others: Any
    ) -> Answered:
        money = self.books.replicas[0]
        router = Router(
            lambda _model, _access: self.model, money.prices, Cooldowns(10), Limits(5, 0)
        )
        self.purse = self.books.purse()
        models = self.purse.chain([Model.named(name) for name in chain])
        plan = Plan(models, None, None, None)
        call = replace(self.call, model=models[0], **others)
        answered = await router.answer(
            call, plan, lambda _: Access(None, None), on_words, self.purse
        )
        await money.ledger.record(self.purse.spend_of(answered))
        return answered


@pytest.fixture
def desk(books: Any, chat: Callable[..., ChatCall]) -> Desk:
    return Desk(books, chat)


async def spend(desk: Desk, cents: str) -> None:
    await desk.books.settle(desk.books.purse(), None, cents)


async def test_the_steps_come_in_order_and_no_hard_error_before_the_last(desk: Desk) -> None:
    await desk.books.keep(10.0, cheaper_percent=80, cheaper_model="openai/cheap")
    steps = []
    for before in ("0", "800", "183"):
        await spend(desk, before)
        answered = await desk.reply()
        steps.append((str(answered.model), desk.purse.step(answered.model)))
    assert steps == [
        ("openai/main", "full"),
        ("openai/cheap", "cheaper"),
        (BUILTIN, "builtin"),
    ]
    assert desk.model.asked == ["openai/main", "openai/cheap", BUILTIN]
    standing = await desk.books.replicas[0].requests.get_budget(desk.books.purse()._payer)
    assert standing.budget.step == "builtin"


async def test_people_answer_where_the_tenant_wants_it(desk: Desk) -> None:
    await desk.books.keep(1.0, when_spent="person", warn_percent=[100])
    await spend(desk, "95")
    with pytest.raises(ChainFailed) as failed:
        await desk.reply()
    assert desk.purse.hands_over
    assert {failure.code for _, failure in failed.value.failures} == {"over_budget"}
    assert desk.model.asked == []
    await spend(desk, "0")
    with pytest.raises(ChainFailed):
        await desk.reply()
    [warned] = desk.books.said(BudgetWarned)
    assert (warned.percent, warned.step) == (100, "person")


async def test_an_outage_is_no_empty_purse(desk: Desk) -> None:
    await desk.books.keep(10.0, when_spent="person")
    desk.model.fails = {"openai/main": "overloaded", "openai/other": "unknown_model"}
    answered = await desk.reply(("openai/main", BUILTIN))
    assert (str(answered.model), desk.purse.step(answered.model)) == (BUILTIN, "full")
    await spend(desk, "990")
    desk.model.fails = {"openai/cheap": "overloaded"}
    answered = await desk.reply(("openai/cheap", "openai/main", BUILTIN))
    assert str(answered.model) == BUILTIN, "the one that fitted was down: no reason for people"
    assert not desk.purse.hands_over


async def test_a_call_that_does_not_fit_goes_to_the_cheaper_model(desk: Desk) -> None:
    await desk.books.keep(10.0, cheaper_model="openai/cheap")
    answered = await desk.reply(reply_tokens_max=2_000)
    assert str(answered.model) == "openai/cheap"
    answered = await desk.reply(reply_tokens_max=10)
    assert str(answered.model) == "openai/main", "a small one still fits"


async def test_what_flowed_before_an_end_is_kept_as_estimated(desk: Desk) -> None:
    await desk.books.keep(100.0)
    desk.model.fails = {"openai/main": "hang", "openai/other": "rate_limited"}
    asking = asyncio.create_task(desk.reply(on_words=lambda _: None))
    await asyncio.sleep(0.2)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    desk.model.fails["openai/main"] = "rate_limited"
    answered = await desk.reply()
    assert str(answered.model) == BUILTIN

    from testkit import eventually_async

    async def kept() -> Any:
        return len(await rows(desk)) == 3

    await eventually_async(kept, "three rows")
    by_outcome = {row["outcome"]: row for row in await rows(desk)}
    assert by_outcome["rate_limited"]["cost_usd"] == 0
    abandoned = by_outcome["abandoned"]
    assert (abandoned["input_tokens"], abandoned["output_tokens"]) == (5, 5)
    assert (abandoned["estimated"], abandoned["cost_usd"]) == (True, Decimal("0.1"))
    assert (await desk.books.month()) == (Decimal("0.1"), 0)


async def rows(desk: Desk) -> list[Any]:
    found: list[Any] = await desk.books.sql("select * from spends where model <> $1", BUILTIN)
    return found


async def test_unknown_prices_count_what_the_tenant_says(desk: Desk) -> None:
    unknown, books = ("openai/never-heard-of", BUILTIN), desk.books
    await books.keep(1.0, unknown_price_usd=0.4)
    steps = [str((await desk.reply(unknown)).model) for _ in range(3)]
    assert steps == [unknown[0], unknown[0], BUILTIN]
    assert await books.month() == (Decimal("0.8"), 0)
    await books.keep(1.0, unknown_price_usd=None)
    assert str((await desk.reply(unknown)).model) == unknown[0]
    assert await books.month() == (Decimal("0.8"), 0)
    standing = (await books.replicas[0].requests.get_budget(books.purse()._payer)).budget
    assert standing.unpriced_calls == 3
    assert await books.adds_up()


async def test_who_has_no_budget_asks_nobody(desk: Desk) -> None:
    desk.books.replicas[0].purses.reserving = None
    answered = await desk.reply()
    assert (str(answered.model), answered.held, desk.purse.step(answered.model)) == (
        "openai/main",
        None,
        None,
    )
    spent = desk.purse.spend(Model.named("openai/main"), Usage(1, 1, Decimal("0.02")), None)
    await desk.books.replicas[0].ledger.record(spent)
    assert (await desk.books.month())[0] == answered.cost_usd + Decimal("0.02")
