"""Pauses of models: how long, who is the trial after one, and what people are told."""

from __future__ import annotations

from uuid import UUID

from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, Model, ModelFailed

MODEL, ACCESS, OTHER = Model("openai", "a"), Access("http://x", "k"), Access("http://x", "other")
TENANT = UUID(int=7)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(cooldowns: Cooldowns, times: int = 1, told: float | None = None) -> None:
    code = "overloaded" if told is None else "rate_limited"
    for _ in range(times):
        with cooldowns.call(MODEL, ACCESS, TENANT):
            cooldowns.failed(MODEL, ACCESS, ModelFailed(code, "HTTP 500", told))


def test_three_failures_pause_and_one_access_harms_no_other() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    fail(cooldowns, 2)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0
    fail(cooldowns)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 10
    assert cooldowns.wait_seconds(MODEL, OTHER) == 0


def test_retry_after_is_kept_for_as_long_as_it_says_up_to_an_hour() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    fail(cooldowns, told=300.0)
    clock.now += 299
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 1
    assert cooldowns.to_probe(600) == [], "asked before the provider's time"
    clock.now += 1
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0
    fail(cooldowns, told=90_000.0)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 3_600


def test_a_burst_of_calls_that_fail_together_pauses_once() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    fail(cooldowns, 64)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 10
    clock.now += 10
    fail(cooldowns)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 20


def test_after_a_pause_one_call_is_the_trial_and_the_others_pass_by() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    fail(cooldowns, 3)
    clock.now += 10
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0
    with cooldowns.call(MODEL, ACCESS, TENANT):
        assert cooldowns.wait_seconds(MODEL, ACCESS) > 0, "two trials at once"
        cooldowns.failed(MODEL, ACCESS, ModelFailed("overloaded", "still"))
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 20, "the second pause is no longer"
    clock.now += 20
    with cooldowns.call(MODEL, ACCESS, TENANT):
        cooldowns.succeeded(MODEL, ACCESS)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0
    fail(cooldowns)
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0, "old failures were not forgotten"


def test_only_models_that_somebody_wants_are_probed_and_none_twice() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    fail(cooldowns, 3)
    assert cooldowns.to_probe(600) == []
    clock.now += 10
    assert cooldowns.to_probe(600) == [(MODEL, ACCESS, TENANT)]
    with cooldowns.call(MODEL, ACCESS):
        assert cooldowns.to_probe(600) == []
    clock.now += 700
    assert cooldowns.to_probe(600) == [], "nobody wanted it for so long"


def test_a_refused_key_pauses_but_is_not_tried_behind_peoples_backs() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    for _ in range(3):
        with cooldowns.call(MODEL, ACCESS, TENANT):
            cooldowns.failed(MODEL, ACCESS, ModelFailed("not_authorised", "no such key"))
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 10
    clock.now += 10
    assert cooldowns.to_probe(600) == []
    assert cooldowns.wait_seconds(MODEL, ACCESS) == 0


def test_what_people_are_told() -> None:
    clock = Clock()
    cooldowns = Cooldowns(10.0, clock)
    assert cooldowns.state(MODEL, ACCESS)[1] == "unknown"
    cooldowns.succeeded(MODEL, ACCESS)
    assert cooldowns.state(MODEL, ACCESS)[1] == "working"
    cooldowns.failed(MODEL, ACCESS, ModelFailed("unknown_model", "no such model"))
    state, standing = cooldowns.state(MODEL, ACCESS)
    assert (standing, state.failure and state.failure.code) == ("failing", "unknown_model")
    fail(cooldowns, 3)
    assert cooldowns.state(MODEL, ACCESS)[1] == "cooling_down"
    cooldowns.forget(ACCESS)
    assert cooldowns.state(MODEL, ACCESS)[1] == "unknown"
