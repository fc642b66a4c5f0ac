"""Bounds of calls to a provider: at once, in a minute, and whose turn it is."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest

from llm_router.domain import ModelFailed
from llm_router.provider_gates import Bounds, Gate, GateFull, Gates

ONE, TWO = UUID(int=1), UUID(int=2)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_never_more_at_once_than_the_bound_under_concurrency() -> None:
    gate = Gate("openai", Bounds(concurrent_max=3))
    inside = most = 0

    async def call() -> None:
        nonlocal inside, most
        async with gate.enter(ONE, 60):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(60)))
    assert (most, inside) == (3, 0)


async def test_a_tenant_with_one_call_does_not_wait_behind_another_with_many() -> None:
    gate = Gate("openai", Bounds(concurrent_max=1))
    order: list[UUID] = []

    async def call(tenant: UUID) -> None:
        async with gate.enter(tenant, 60):
            order.append(tenant)
            await asyncio.sleep(0)

    async with gate.enter(ONE, 60):
        calls = [asyncio.create_task(call(ONE)) for _ in range(20)]
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(call(TWO)))
        await asyncio.sleep(0)
    await asyncio.gather(*calls)
    assert order.index(TWO) <= 1


async def test_who_cannot_have_a_place_soon_is_told_when_to_come_again() -> None:
    clock = Clock()
    gate = Gate("openai", Bounds(requests_per_minute=2), clock)
    for _ in range(2):
        async with gate.enter(ONE, 60):
            pass
    clock.now = 20.0
    with pytest.raises(GateFull) as full:
        async with gate.enter(ONE, 60):
            pass
    assert (full.value.code, full.value.retry_after_seconds) == ("rate_limited", 40.0)
    clock.now = 60.0
    async with gate.enter(ONE, 60):
        pass


async def test_a_busy_provider_is_waited_for_a_quarter_of_the_time() -> None:
    gate = Gate("openai", Bounds(concurrent_max=1))
    async with gate.enter(ONE, 60):
        started = time.monotonic()
        with pytest.raises(GateFull):
            async with gate.enter(TWO, 0.2):
                pass
        assert 0.04 <= time.monotonic() - started < 0.15
    async with gate.enter(TWO, 0.2):
        pass


async def test_a_place_that_was_given_to_somebody_who_left_is_not_lost() -> None:
    gate = Gate("openai", Bounds(concurrent_max=1))

    async def call() -> None:
        async with gate.enter(TWO, 60):
            await asyncio.sleep(60)

    for _ in range(50):
        async with gate.enter(ONE, 60):
            waiting = asyncio.create_task(call())
            await asyncio.sleep(0)
        waiting.cancel()  # its place has just been given to it
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), gate.enter(ONE, 60):
        pass


async def test_a_minute_that_passes_lets_the_waiting_in() -> None:
    gate = Gate("openai", Bounds(requests_per_minute=1))
    loop = asyncio.get_running_loop()
    gate._starts.append(time.monotonic() - 59.9)
    started = loop.time()
    async with gate.enter(ONE, 60):
        assert 0.05 <= loop.time() - started < 1.0


def test_bounds_of_a_tenant_hold_for_it_alone() -> None:
    gates = Gates(Bounds(), None)
    assert gates.of_platform("openai") is None
    mine = gates.of_tenant(ONE, "openai", Bounds(concurrent_max=1))
    assert mine is gates.of_tenant(ONE, "openai", Bounds(concurrent_max=2))
    assert mine is not gates.of_tenant(TWO, "openai", Bounds(concurrent_max=1))
    assert mine is not None
    assert mine.bounds.concurrent_max == 2
    assert issubclass(GateFull, ModelFailed)
