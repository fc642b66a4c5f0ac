"""Many embedding requests, few calls: joining, splitting back, limits, and what a 429 does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.domain import Access, EmbeddingPurpose, Model, ModelFailed, Vectors
from llm_router.embedding import Embedder
from llm_router.embedding_batches import EmbeddingBatches, Key
from llm_router.joined_texts import Part, cut, items_of, token_shares
from llm_router.provider_limits import CallLimits, call_limits
from llm_router.vector_cache import VectorCache

TENANT, OTHER = UUID(int=1), UUID(int=2)
MODEL, ACCESS = Model("openai", "e"), Access("http://provider", "k")
LINGER = {"query": 0.0, "passage": 0.01}


class Provider:
    """An embeddings endpoint: each vector is its text; `failures` are raised first."""

    def __init__(self, *failures: ModelFailed, seconds: float = 0.0) -> None:
        self.failures, self.seconds = list(failures), seconds
        self.calls: list[list[str]] = []
        self.purposes: list[str] = []
        self.running = self.running_most = 0
        self.awaited = 1
        self.refused = ""
        self.called = asyncio.Event()

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        self.calls.append(list(texts))
        self.purposes.append(purpose)
        self.running += 1
        self.running_most = max(self.running, self.running_most)
        if self.running == self.awaited:
            self.called.set()
        try:
            await asyncio.sleep(self.seconds)
            if self.failures:
                raise self.failures.pop(0)
            if self.refused and self.refused in texts:
                raise ModelFailed("bad_request", "one of these texts is bad")
        finally:
            self.running -= 1
        return Vectors(tuple(text.encode() for text in texts), 1, 10 * len(texts))


def batches(texts: int = 2_048, tokens: int = 300_000, **others: Any) -> EmbeddingBatches:
    return EmbeddingBatches(
        limits_of=lambda _: CallLimits(texts, tokens), linger_seconds=LINGER, **others
    )


def key(tenant: UUID = TENANT, purpose: EmbeddingPurpose = "passage") -> Key:
    return Key(tenant, MODEL, ACCESS, purpose)


def texts(request: int, count: int = 3) -> list[str]:
    return [f"text {request}.{place}" for place in range(count)]


async def test_concurrent_requests_share_one_call_and_get_their_own_back() -> None:
    provider, joined = Provider(), batches()
    found = await asyncio.gather(*(joined.embed(key(), provider, texts(n), 5.0) for n in range(20)))
    assert len(provider.calls) == 1
    assert len(provider.calls[0]) == 60
    for number, vectors in enumerate(found):
        assert [row.decode() for row in vectors.rows] == texts(number)
    assert sum(vectors.tokens for vectors in found) == 600


async def test_tenants_and_purposes_never_share_a_call() -> None:
    provider, joined = Provider(), batches()
    await asyncio.gather(
        joined.embed(key(), provider, ["a"], 5.0),
        joined.embed(key(OTHER), provider, ["b"], 5.0),
        joined.embed(key(purpose="query"), provider, ["c"], 5.0),
    )
    assert sorted(provider.calls) == [["a"], ["b"], ["c"]]


async def test_no_call_is_larger_than_the_provider_takes() -> None:
    provider, joined = Provider(), batches(texts=10)
    found = await asyncio.gather(*(joined.embed(key(), provider, texts(n), 5.0) for n in range(9)))
    assert sorted(map(len, provider.calls)) == [7, 10, 10]
    assert [[row.decode() for row in one.rows] for one in found] == [texts(n) for n in range(9)]


async def test_a_429_is_waited_out_and_nobody_calls_meanwhile() -> None:
    wait = 0.3
    provider = Provider(ModelFailed("rate_limited", "slow down", wait))
    joined, started = batches(), time.monotonic()
    first = asyncio.create_task(joined.embed(key(), provider, ["a"], 5.0))
    await provider.called.wait()
    await asyncio.sleep(0.02)
    await joined.embed(key(), provider, ["b"], 5.0)
    await first
    assert time.monotonic() - started >= wait
    assert [sorted(call) for call in provider.calls[:1]] == [["a"]]
    assert sorted(text for call in provider.calls[1:] for text in call) == ["a", "b"]


async def test_who_cannot_wait_so_long_is_told_when_to_come_again() -> None:
    provider = Provider(ModelFailed("rate_limited", "slow down", 30.0))
    joined, started = batches(), time.monotonic()
    with pytest.raises(ModelFailed) as told:
        await joined.embed(key(), provider, ["a"], 2.0)
    with pytest.raises(ModelFailed) as known:
        await joined.embed(key(), provider, ["b"], 2.0)
    assert time.monotonic() - started < 1.0
    assert (told.value.code, told.value.retry_after_seconds) == ("rate_limited", 30.0)
    assert known.value.retry_after_seconds == pytest.approx(30.0, abs=1.0)
    assert len(provider.calls) == 1, "the provider was called in the pause that it asked for"


async def test_a_question_is_not_held_by_the_pause_of_passages() -> None:
    provider = Provider(ModelFailed("rate_limited", "slow down", 30.0))
    joined = batches()
    with pytest.raises(ModelFailed):
        await joined.embed(key(), provider, ["a"], 1.0)
    await joined.embed(key(purpose="query"), provider, ["question"], 1.0)


async def test_failures_that_pass_are_tried_again() -> None:
    provider = Provider(ModelFailed("overloaded", "503", 0.01), ModelFailed("unreachable", "", 0.0))
    found = await batches().embed(key(), provider, ["a"], 5.0)
    assert found.rows == (b"a",)
    assert len(provider.calls) == 3


async def test_a_failure_that_stays_is_told_at_once() -> None:
    provider = Provider(ModelFailed("not_authorised", "no key"))
    with pytest.raises(ModelFailed) as told:
        await batches().embed(key(), provider, ["a"], 5.0)
    assert (told.value.code, len(provider.calls)) == ("not_authorised", 1)


async def test_one_requests_bad_text_fails_that_request_alone() -> None:
    provider, joined = Provider(), batches()
    provider.refused = "bad"
    good, bad = await asyncio.gather(
        joined.embed(key(), provider, ["good"], 5.0),
        joined.embed(key(), provider, ["bad"], 5.0),
        return_exceptions=True,
    )
    assert isinstance(good, Vectors)
    assert isinstance(bad, ModelFailed)
    assert bad.code == "bad_request"


async def test_passages_leave_calls_for_questions() -> None:
    provider, joined = Provider(seconds=0.2), batches(texts=1, passage_calls_at_once=2)
    provider.awaited = 2
    passages = asyncio.create_task(joined.embed(key(), provider, texts(0, 6), 5.0))
    await provider.called.wait()
    question = asyncio.create_task(joined.embed(key(purpose="query"), provider, ["q"], 5.0))
    await question
    assert not passages.done()
    assert provider.calls.index(["q"]) == 2, "the question waited behind passages"
    await passages
    assert provider.running_most == 3


async def test_what_comes_while_all_calls_are_taken_is_joined() -> None:
    provider, joined = Provider(seconds=0.1), batches(passage_calls_at_once=1)
    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(joined.embed(key(), provider, texts(number), 5.0)))
        await asyncio.sleep(0.015)
    await asyncio.gather(*tasks)
    assert len(provider.calls) <= 3


async def test_too_late_is_a_timeout_and_harms_nobody() -> None:
    provider, joined = Provider(seconds=0.3), batches()
    patient = asyncio.create_task(joined.embed(key(), provider, ["a"], 5.0))
    with pytest.raises(ModelFailed) as late:
        await joined.embed(key(), provider, ["b"], 0.05)
    assert late.value.code == "timeout"
    assert (await patient).rows == (b"a",)


async def test_passages_never_fill_all_hands() -> None:
    provider = Provider(seconds=0.3)
    embedder = Embedder({"openai": provider}, VectorCache(), passages_in_hand_max=2)
    held = [
        asyncio.create_task(embedder.embed(TENANT, MODEL, ACCESS, [f"p{n}"], "passage", 5.0))
        for n in range(2)
    ]
    await asyncio.sleep(0.01)
    with pytest.raises(ModelFailed) as told:
        await embedder.embed(TENANT, MODEL, ACCESS, ["one too many"], "passage", 5.0)
    assert told.value.code == "overloaded"
    assert told.value.retry_after_seconds
    await embedder.embed(TENANT, MODEL, ACCESS, ["question"], "query", 5.0)
    await asyncio.gather(*held)


@given(st.lists(st.integers(0, 500), max_size=40), st.integers(0, 10_000))
def test_token_shares_add_up(estimates: list[int], total: int) -> None:
    shares = token_shares(estimates, total)
    assert len(shares) == len(estimates)
    assert sum(shares) == (total if estimates else 0)
    assert all(share >= 0 for share in shares)


@given(st.lists(st.lists(st.text(max_size=80), max_size=20), max_size=10))
def test_cutting_keeps_every_text_once_in_order(requests: list[list[str]]) -> None:
    items = items_of([Part(request) for request in requests])
    calls = cut(items, CallLimits(7, 50))
    assert [item for call in calls for item in call] == items
    assert all(len(call) <= 7 for call in calls)
    assert all(len(call) == 1 or sum(item.tokens for item in call) <= 50 for call in calls)


def test_limits_are_the_providers_or_careful_ones() -> None:
    assert call_limits(Model("openai", "e")).texts == 2_048
    assert call_limits(Model("nobody", "e")).texts <= 256
