"""A month's money runs out: a cheaper model, then a person; and every cent is in the ledger."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from channel_desk import ChannelDesk, Json, channel_desk
from whole_platform import Shop, WholePlatform

from testkit import eventually_async

DEAR, CHEAP = "openai/gpt-4.1", "openai/gpt-4.1-nano"
QUESTION = "What does standard shipping cost?"
SHIPPING = "# Shipping\n\nStandard shipping costs 4.90 euros and takes 2 to 4 working days.\n"


@pytest.fixture(scope="module")
def thrifty_shop(platform: WholePlatform) -> Shop:
    """A shop whose model has a price that is known."""
    return platform.shop({"shipping.md": SHIPPING}, model=DEAR)


@pytest.fixture
async def desk(thrifty_shop: Shop) -> AsyncIterator[ChannelDesk]:
    async with channel_desk(thrifty_shop) as open_desk:
        yield open_desk


async def allow(desk: ChannelDesk, **rule: Any) -> Json:
    """Set the budget, as the platform's admin does; who answers from then on."""
    async with desk.shop.platform.api() as admin:
        standing: Json = await admin.put(f"{desk.tenant}/budget", rule)
    return standing


async def model_of_an_answer(desk: ChannelDesk) -> str | None:
    """Which model answers somebody new."""
    customer = desk.customer()
    await customer.say(QUESTION)
    await customer.reply()
    (turn,) = (await desk.api.get(f"{await desk.path(customer)}/turns"))["items"]
    calls = turn["evidence"]["model_calls"]
    return calls[-1]["model"] if calls else None


async def test_a_budget_steps_down_to_a_person_and_the_ledger_adds_up(desk: ChannelDesk):
    steps = {"cheaper_percent": 1, "cheaper_model": CHEAP, "when_spent": "person"}
    await allow(desk, monthly_usd=0.05, **steps)
    assert await model_of_an_answer(desk) == DEAR
    assert await model_of_an_answer(desk) == CHEAP
    spent = (await desk.api.get(f"{desk.tenant}/budget"))["spent_usd"]
    await allow(desk, monthly_usd=spent, **steps)
    ana = desk.customer()
    await ana.say(QUESTION)
    await ana.reply()
    assert await desk.standing(ana) == "human"
    assert (await desk.api.get(await desk.path(ana)))["brief"]["wish"] == QUESTION
    await allow(desk, monthly_usd=spent, when_spent="builtin")
    assert await model_of_an_answer(desk) == "builtin/extractive"
    await eventually_async(lambda: adds_up(desk, spent), "the ledger adds up")


async def adds_up(desk: ChannelDesk, spent: float) -> bool:
    """Whether ledger, conversations, models and budget tell the same sum."""
    total = (await desk.api.get(f"{desk.tenant}/spend"))["total"]["cost_usd"]
    of_each = 0.0
    for conversation in (await desk.api.get(f"{desk.tenant}/conversations"))["items"]:
        path = f"{desk.tenant}/conversations/{conversation['conversation_id']}"
        told = (await desk.api.get(f"{path}/spend"))["total"]["cost_usd"]
        turns = (await desk.api.get(f"{path}/turns"))["items"]
        calls = [call for turn in turns for call in turn["evidence"].get("model_calls") or []]
        assert sum(call["cost_usd"] for call in calls) == pytest.approx(told, abs=1e-9)
        of_each += told
    standing = await desk.api.get(f"{desk.tenant}/budget")
    assert total == pytest.approx(spent, abs=1e-9) == pytest.approx(standing["spent_usd"])
    return of_each == pytest.approx(total, abs=1e-9)
