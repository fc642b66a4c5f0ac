"""Two models at once, and calls that are stopped: whose words are shown, what the purse hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_router import routing
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
)
from llm_router.prices import Prices
from llm_router.routing import Limits, Router

Step = float | str | ModelFailed


class Timed:
    """Plays each model's steps in order: seconds to wait, a word to say, a failure; then ends."""

    def __init__(self, **steps: Sequence[Step]) -> None:
        self.steps = steps
        self.asked: list[str] = []
        self.closed: list[str] = []
        self.began: asyncio.Queue[str] = asyncio.Queue()

    async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        name = call.model.name
        self.asked.append(name)
        self.began.put_nowait(name)
        said = []
        try:
            for step in self.steps[name]:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, ModelFailed):
                    raise step
                else:
                    said.append(step)
                    if on_words:
                        on_words(step)
        except asyncio.CancelledError:
            self.closed.append(name)
            if on_words:
                on_words("a word too late")
            raise
        return ChatOutcome("".join(said), (), "stop", 10, 5)


class Purse:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.reserved: list[str] = []
        self.ended: list[tuple[str, str, str | None]] = []
        self.told = asyncio.Event()

    async def reserve(self, call: ChatCall) -> None:
        self.reserved.append(call.model.name)

    def failed(
        self, call: ChatCall, held: None, code: str, written: str | None, billed: object = None
    ) -> None:
        self.ended.append((call.model.name, code, written))
        self.told.set()


class Race:
    """A router over timed models, one request."""

    def __init__(self, chat_call: Callable[..., ChatCall], adapter: Timed) -> None:
        self.adapter, self.chat_call, self.purse = adapter, chat_call, Purse()
        self.cooldowns = Cooldowns(10.0)
        limits = Limits(60.0, 0)
        self.router = Router(lambda *_: adapter, Prices(), self.cooldowns, limits)
        self.words: list[str] = []
        self.access = Access("http://x", "sk-secret-1234567")

    async def ask(
        self,
        *names: str,
        stream: bool = False,
        hedge: float | None = 0.03,
        seconds: float = 5.0,
        call_seconds: float | None = None,
    ) -> Any:
        models = tuple(Model.named(name if "/" in name else f"openai/{name}") for name in names)
        return await self.router.answer(
            self.chat_call(timeout_seconds=seconds),
            Plan(models, "primary", hedge, call_seconds),
            lambda _: self.access,
            self.words.append if stream else None,
            self.purse,
        )


def tried(answered: Any) -> list[tuple[str, str]]:
    return [(one.model.partition("/")[2], one.outcome) for one in answered.tries]


async def test_a_slow_model_gets_company_and_the_first_answer_wins(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=[9.0, "late"], b=["soon"]))
    answered = await race.ask("a", "b")
    assert (answered.outcome.text, answered.fallback) == ("soon", True)
    assert race.adapter.closed == ["a"], "the loser's call went on"
    assert race.purse.reserved == ["a", "b"]
    assert race.purse.ended == [("a", "abandoned", None)], "the loser was not paid for"
    assert tried(answered) == [("a", "abandoned"), ("b", "answered")]


async def test_a_fast_model_stays_alone(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=["soon"], b=["never"]))
    assert (await race.ask("a", "b")).outcome.text == "soon"
    assert race.adapter.asked == ["a"]


async def test_without_hedging_nobody_is_asked_beside(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=[0.1, "late"], b=["soon"]))
    assert (await race.ask("a", "b", hedge=None)).outcome.text == "late"
    assert race.adapter.asked == ["a"]


async def test_a_loser_that_is_slow_to_leave_is_paid_for_when_it_ends(
    chat_call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(Timed):
        async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
            try:
                return await super().chat(call, on_words)
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
                return ChatOutcome("after all", (), "stop", 10, 5)

    monkeypatch.setattr(routing, "_STOP_SECONDS_MAX", 0.01)
    race = Race(chat_call, Deaf(a=[9.0], b=["soon"]))
    assert (await race.ask("a", "b")).outcome.text == "soon"
    assert race.purse.ended == []
    async with asyncio.timeout(2):
        await race.purse.told.wait()
    assert race.purse.ended == [("a", "abandoned", "after all")]


async def test_the_builtin_is_no_company(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=[0.1, "late"], extractive=["soon"]))
    assert (await race.ask("a", "builtin/extractive")).outcome.text == "late"


async def test_streams_never_mix_words(chat_call: Any) -> None:
    both: Sequence[Step] = ["x", 0.05, "y", 0.05, "z"]
    race = Race(chat_call, Timed(a=[0.06, *both], b=[0.02, *both]))
    answered = await race.ask("a", "b", stream=True)
    assert race.words == ["x", "y", "z"]
    assert answered.outcome.text == "xyz"
    assert len(race.adapter.closed) == 1
    assert race.purse.ended == [(race.adapter.closed[0], "abandoned", "a word too late")]


async def test_a_model_that_speaks_in_time_gets_no_company(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=["x", 0.1, "y"], b=["never"]))
    assert (await race.ask("a", "b", stream=True)).outcome.text == "xy"
    assert race.adapter.asked == ["a"]


async def test_when_the_speaker_breaks_down_the_other_is_asked_again(chat_call: Any) -> None:
    cut = ModelFailed("truncated", "cut")
    race = Race(chat_call, Timed(a=[0.05, "half", 0.02, cut], b=[0.2, "whole"]))
    answered = await race.ask("a", "b", stream=True)
    assert answered.outcome.text == "whole"
    assert race.words == ["half"], "a second model's words were shown"
    assert race.purse.ended == [
        ("b", "abandoned", "a word too late"),
        ("a", "truncated", "half"),
    ]


async def test_one_fails_and_the_other_answers(chat_call: Any) -> None:
    broken = ModelFailed("overloaded", "HTTP 500")
    race = Race(chat_call, Timed(a=[0.05, broken], b=[0.1, "yes"]))
    answered = await race.ask("a", "b")
    assert tried(answered) == [("a", "overloaded"), ("b", "answered")]
    race = Race(chat_call, Timed(a=[0.05, broken], b=[broken], c=["yes"]))
    assert (await race.ask("a", "b", "c")).outcome.text == "yes"
    assert race.adapter.asked == ["a", "b", "c"]


@asynccontextmanager
async def begun(race: Race, *names: str, **others: Any) -> AsyncIterator[asyncio.Task[Any]]:
    asked = asyncio.create_task(race.ask(*names, **others))
    for _ in names:
        await race.adapter.began.get()
    yield asked


async def test_whoever_stops_the_chain_stops_every_call_of_it(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=[0.01, "word", 9.0], b=[9.0]))
    async with begun(race, "a", stream=True) as asked:
        await asyncio.sleep(0.03)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert race.purse.ended == [("a", "abandoned", "worda word too late")]
    race = Race(chat_call, Timed(a=[9.0], b=[9.0]))
    async with begun(race, "a", "b") as asked:
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert sorted(race.adapter.closed) == ["a", "b"]
    assert sorted(race.purse.ended) == [("a", "abandoned", None), ("b", "abandoned", None)]
    state, _ = race.cooldowns.state(Model("openai", "a"), race.access)
    assert state.in_flight == 0


async def test_the_deadline_of_a_route_and_that_of_the_asker(chat_call: Any) -> None:
    race = Race(chat_call, Timed(a=[9.0], b=["yes"]))
    answered = await race.ask("a", "b", hedge=None, call_seconds=0.06)
    assert tried(answered) == [("a", "timeout"), ("b", "answered")]
    assert answered.tries[0].milliseconds < 500
    race = Race(chat_call, Timed(a=[9.0]))
    with pytest.raises(ChainFailed) as failed:
        await race.ask("a", seconds=0.1)
    assert failed.value.code == "timeout"
    assert race.adapter.closed == ["a"]


async def test_a_failure_that_nobody_thought_of_is_one_models_failure(chat_call: Any) -> None:
    class Odd(Timed):
        async def chat(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
            if call.model.name == "a":
                raise RuntimeError("never thought of")
            return await super().chat(call, on_words)

    answered = await Race(chat_call, Odd(b=["yes"])).ask("a", "b")
    assert tried(answered) == [("a", "bad_response"), ("b", "answered")]


async def test_a_key_that_the_provider_repeats_goes_no_further(chat_call: Any) -> None:
    echo = ModelFailed("not_authorised", "wrong key sk-secret-1234567, sorry")
    race = Race(chat_call, Timed(a=[echo], b=["yes"]))
    answered = await race.ask("a", "b")
    assert answered.tries[0].detail == "wrong key …, sorry"
    state, _ = race.cooldowns.state(Model("openai", "a"), race.access)
    assert "secret" not in f"{state} {race.access!r}"
