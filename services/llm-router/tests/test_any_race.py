"""Whatever models do and whenever somebody leaves: each call is paid once, one model is heard."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from llm_router import routing
from llm_router.choosing import Plan
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, ChainFailed, Model, ModelFailed
from llm_router.prices import Prices
from llm_router.provider_gates import Bounds, Gate
from llm_router.routing import Limits, Router

from .test_hedging import Purse, Step, Timed

SEEDS = 60
NAMES = ("a", "b", "c", "d")


def some_steps(chance: random.Random, name: str) -> list[Step]:
    """Words that tell who spoke, pauses, and a failure here and there."""
    choice = [0.0, 0.002, 0.006, 0.02, name, name]
    steps: list[Step] = [chance.choice(choice) for _ in range(chance.randint(0, 4))]
    if chance.random() < 0.5:
        code = chance.choice(["overloaded", "overloaded", "rate_limited", "truncated"])
        steps.append(ModelFailed(code, "scripted", chance.choice([None, 0.001, 30.0])))
    else:
        steps.append(name)
    return steps


async def play(seed: int, chat_call: Any) -> tuple[bool, Purse]:
    """One request with its own fate; gives whether it was answered."""
    chance = random.Random(seed)
    names = NAMES[: chance.randint(1, 4)]
    adapter, purse = Timed(**{name: some_steps(chance, name) for name in names}), Purse()
    cooldowns, words = Cooldowns(0.01), list[str]()
    router = Router(lambda *_: adapter, Prices(), cooldowns, Limits(60.0, chance.randint(0, 1)))
    gate = Gate("openai", Bounds(concurrent_max=chance.choice([1, 2, 9])))
    access = Access("http://x", "k", gates=(gate,))
    models = tuple(Model("openai", name) for name in names)
    plan = Plan(models, None, chance.choice([None, 0.001, 0.004, 0.01]), None)
    stream = chance.random() < 0.6
    call = chat_call(timeout_seconds=chance.choice([0.1, 0.5]))
    on_words = words.append if stream else None
    asked = asyncio.create_task(router.answer(call, plan, lambda _: access, on_words, purse))
    if chance.random() < 0.3:
        asyncio.get_running_loop().call_later(chance.random() * 0.02, asked.cancel)
    (answered,) = await asyncio.gather(asked, return_exceptions=True)
    if isinstance(answered, BaseException) and not isinstance(
        answered, ChainFailed | asyncio.CancelledError
    ):
        raise answered
    is_answered = not isinstance(answered, BaseException)
    told = [word for word in words if word in NAMES]
    assert len(set(told)) <= 1, f"seed {seed}: two models were heard: {words}"
    assert all(len(told) <= adapter.steps[name].count(name) for name in told), (
        f"seed {seed}: a second attempt was heard too: {words}"
    )
    if is_answered and told and answered.model.name == told[0] and not answered.fallback:
        assert answered.outcome.text.startswith(told[0])
    for model in models:
        assert cooldowns.state(model, access)[0].in_flight == 0, f"seed {seed}"
    async with asyncio.timeout(1), gate.enter(call.tenant_id, 1.0):
        assert gate._inside == 1, f"seed {seed}: a place at the provider was lost"
    assert len(purse.reserved) == len(purse.ended) + is_answered, (
        f"seed {seed}: {purse.reserved} were begun, {purse.ended} and {is_answered} ended"
    )
    return is_answered, purse


@pytest.mark.timeout(60)
async def test_every_call_that_began_ends_once_and_one_model_is_heard(
    chat_call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "_RETRY_WAIT_SECONDS", 0.002)
    some = asyncio.Semaphore(12)

    async def one(seed: int) -> tuple[bool, Purse]:
        async with some:
            return await play(seed, chat_call)

    played = await asyncio.gather(*map(one, range(SEEDS)))
    answers = sum(is_answered for is_answered, _ in played)
    assert 15 < answers < SEEDS - 8, "the races are too tame or too wild to show anything"
    assert sum(len(purse.ended) for _, purse in played) > 30
