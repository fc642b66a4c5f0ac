"""The chain of models: fallback, retries, deadlines, cooling, and whose words are shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contracts.v1.models import ToolCall
from llm_router.choosing import Plan
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
    Access,
    ChainFailed,
    ChatCall,
    ChatOutcome,
    Model,
    ModelFailed,
    OnWords,
    chain_of,
    checked,
    failure_of_status,
    finish_reason,
)
from llm_router.prices import Prices
from llm_router.routing import Limits, Router

Step = ModelFailed | str | float


class Scripted:
    """An adapter that plays, for each model, a list: a failure, a text, or seconds to hang."""

    def __init__(self, **steps: list[Step]) -> None:
        self.steps = steps
        self.tried: list[str] = []

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        self.tried.append(call.model.name)
        step = self.steps[call.model.name].pop(0)
        if isinstance(step, float):
            await asyncio.sleep(step)
            raise AssertionError("nobody waited")
        if isinstance(step, ModelFailed):
            if step.code == "truncated" and on_words:
                on_words("half a ")
            raise step
        if on_words:
            on_words(step)
        return ChatOutcome(step, (), "stop", 10, 5)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Chain:
    """A router over a scripted adapter."""

    def __init__(
        self, chat_call: Callable[..., ChatCall], adapter: Scripted, **limits: Any
    ) -> None:
        self.clock, self.adapter, self.chat_call = Clock(), adapter, chat_call
        limit = Limits(limits.get("call_seconds_max", 60.0), limits.get("retries", 1))
        cooldowns = Cooldowns(10.0, self.clock)
        self.router = Router(lambda *_: adapter, Prices(), cooldowns, limit)
        self.failures: list[tuple[str, str]] = []
        self.words: list[str] = []

    async def ask(self, *names: str, seconds: float = 5.0, stream: bool = False) -> Any:
        try:
            answered = await self.router.answer(
                self.chat_call(timeout_seconds=seconds),
                Plan(tuple(Model("openai", name) for name in names)),
                lambda _: Access("http://x", "k"),
                self.words.append if stream else None,
                FreePurse(),
            )
        except ChainFailed as failed:
            self.failures += [(model.name, failure.code) for model, failure in failed.failures]
            raise
        self.failures += [(one.model[7:], one.outcome) for one in answered.tries[:-1]]
        return answered


class FreePurse:
    """Holds nothing."""

    async def reserve(self, call: ChatCall) -> None:
        return None

    def failed(
        self, call: ChatCall, held: None, code: str, written: str | None, billed: object = None
    ) -> None:
        return None


def overloaded() -> ModelFailed:
    return ModelFailed("overloaded", "HTTP 500")


async def test_the_first_model_that_works_answers(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[ModelFailed("bad_request", "no")], b=["yes"]))
    answered = await chain.ask("a", "b")
    assert (answered.outcome.text, str(answered.model), answered.fallback) == (
        "yes",
        "openai/b",
        True,
    )
    assert chain.failures == [("a", "bad_request")]


async def test_a_passing_failure_is_tried_again_and_no_other(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[overloaded(), "yes"]))
    assert (await chain.ask("a")).outcome.text == "yes"
    assert chain.adapter.tried == ["a", "a"]
    chain = Chain(chat_call, Scripted(a=[ModelFailed("bad_request", "no")] * 3, b=["yes"]))
    await chain.ask("a", "b")
    assert chain.adapter.tried == ["a", "b"]


async def test_retry_after_is_honoured_when_short_and_passed_over_when_long(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[ModelFailed("rate_limited", "slow", 0.2), "yes"]))
    started = time.monotonic()
    assert (await chain.ask("a")).outcome.text == "yes"
    assert time.monotonic() - started >= 0.2
    chain = Chain(chat_call, Scripted(a=[ModelFailed("rate_limited", "slow", 30.0)], b=["yes"]))
    assert (await chain.ask("a", "b")).outcome.text == "yes"
    assert chain.adapter.tried == ["a", "b"]


async def test_a_hanging_model_leaves_time_for_the_next(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[30.0], b=["yes"]))
    assert (await chain.ask("a", "b", seconds=1.0)).outcome.text == "yes"
    assert chain.failures == [("a", "timeout")]


async def test_all_failed_says_why_in_order(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[ModelFailed("not_authorised", "key")], b=[30.0]))
    with pytest.raises(ChainFailed) as caught:
        await chain.ask("a", "b", seconds=0.5)
    assert caught.value.code == "not_authorised"
    assert [failure.code for _, failure in caught.value.failures] == ["not_authorised", "timeout"]


async def test_words_of_two_models_are_never_mixed(chat_call: Any) -> None:
    cut = ModelFailed("truncated", "cut")
    chain = Chain(chat_call, Scripted(a=[cut], b=["whole"]))
    answered = await chain.ask("a", "b", stream=True)
    assert answered.outcome.text == "whole"
    assert chain.words == ["half a "]


async def test_the_next_model_streams_if_nothing_was_shown(chat_call: Any) -> None:
    chain = Chain(chat_call, Scripted(a=[ModelFailed("bad_request", "no")], b=["whole"]))
    await chain.ask("a", "b", stream=True)
    assert chain.words == ["whole"]


async def test_a_model_that_keeps_failing_is_passed_over_for_a_while(chat_call: Any) -> None:
    steps: list[Step] = [overloaded(), overloaded(), overloaded(), "well again"]
    chain = Chain(chat_call, Scripted(a=steps, b=["1", "2", "3", "4"]), retries=0)
    for _ in range(4):
        await chain.ask("a", "b")
    assert chain.adapter.tried == ["a", "b"] * 3 + ["b"]
    assert chain.failures[-1] == ("a", "cooling_down")
    chain.clock.now = 10.1
    assert (await chain.ask("a", "b")).outcome.text == "well again"


async def test_the_last_model_is_tried_even_when_cooling(chat_call: Any) -> None:
    chain = Chain(
        chat_call, Scripted(a=[overloaded(), overloaded(), overloaded(), "yes"]), retries=0
    )
    for _ in range(3):
        with pytest.raises(ChainFailed):
            await chain.ask("a")
    assert (await chain.ask("a")).outcome.text == "yes"


async def test_tokens_and_cost_of_a_known_model(chat_call: Any) -> None:
    adapter = Scripted(**{"gpt-4o-mini": ["yes"]})
    answered = await Chain(chat_call, adapter).ask("gpt-4o-mini")
    assert (answered.input_tokens, answered.output_tokens) == (10, 5)
    assert answered.cost_usd == Decimal("0.0000045")


def test_the_chain_has_each_model_once_and_ends_with_the_builtin() -> None:
    chain = chain_of(None, "openai/a", ["openai/b", "openai/a", "builtin/extractive"], "openai/c")
    assert [str(model) for model in chain] == ["openai/a", "openai/b", "builtin/extractive"]
    assert [str(model) for model in chain_of("gpt", None, [], "openai/c")] == [
        "openai/gpt",
        "builtin/extractive",
    ]


@pytest.mark.parametrize(
    ("raw", "called", "unified"),
    [
        ("end_turn", False, "stop"),
        ("max_tokens", False, "length"),
        ("tool_use", True, "tool_calls"),
        ("stop", True, "tool_calls"),
        ("tool_calls", False, "stop"),
        ("refusal", False, "content_filter"),
        ("something new", False, "stop"),
        (None, False, "stop"),
    ],
)
def test_finish_reasons_have_one_name(raw: str | None, called: bool, unified: str) -> None:
    assert finish_reason(raw, called_tools=called) == unified


def test_a_provider_that_says_it_failed_has_failed() -> None:
    with pytest.raises(ModelFailed):
        finish_reason("error", called_tools=False)


def test_nothing_said_is_no_answer_but_a_refusal_is(chat_call: Any) -> None:
    with pytest.raises(ModelFailed):
        checked(ChatOutcome(" \n", (), "stop", 1, 1), chat_call())
    refused = checked(ChatOutcome("", (), "content_filter", 1, 1), chat_call())
    assert refused.finish_reason == "content_filter"


def test_a_tool_that_was_not_offered_is_left_out_of_an_answer_with_words(chat_call: Any) -> None:
    wish = ToolCall(call_id="a", name="search", arguments="{}")
    outcome = checked(ChatOutcome("Well.", (wish,), "tool_calls", 1, 1), chat_call(tools=[]))
    assert (outcome.text, outcome.tool_calls, outcome.finish_reason) == ("Well.", (), "stop")


def test_an_answer_fits_into_a_message(chat_call: Any) -> None:
    outcome = checked(ChatOutcome("ž" * 150_000, (), "stop", 1, 1), chat_call())
    assert len(outcome.text.encode()) <= 200_000
    assert outcome.finish_reason == "length"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "rate_limited"),
        (500, "overloaded"),
        (529, "overloaded"),
        (401, "not_authorised"),
        (404, "unknown_model"),
        (400, "bad_request"),
    ],
)
def test_statuses_have_codes(status: int, code: str) -> None:
    assert failure_of_status(status, "HTTP", None).code == code


def test_a_prompt_that_is_too_long_has_a_code_of_its_own() -> None:
    detail = "maximum context length is 8192 tokens"
    assert failure_of_status(400, detail, None).code == "context_too_long"
