"""Concurrent embedding requests become few calls of a provider, and its limits are kept.

Requests of one tenant, model, key and purpose that come within some milliseconds share a call and
are split back. When a provider says 429, everybody of that lane waits as long as it says, if the
deadline allows; else the asker is told when to come again. Passages may hold only some of a
model's calls at once, so that a question always finds a free one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from llm_router import metrics
from llm_router.domain import (
    Access,
    EmbeddingAdapter,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    Vectors,
)
from llm_router.joined_texts import Item, Part, cut, deliver, items_of
from llm_router.provider_limits import CallLimits, call_limits

LINGER_SECONDS = {"query": 0.002, "passage": 0.01}
PASSAGE_CALLS_AT_ONCE = 4
_RETRIED = frozenset({"rate_limited", "overloaded", "unreachable"})
_OF_ONE_TEXT = frozenset({"bad_request", "context_too_long"})
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 20.0
_TRIES_MAX = 8
_SMALLEST_TRY_SECONDS = 0.05


class Key(NamedTuple):
    """Whose texts may share a call."""

    tenant_id: UUID
    model: Model
    access: Access
    purpose: EmbeddingPurpose


@dataclass(eq=False, slots=True)
class Waiter:
    """One request that waits for its vectors until `deadline` (monotonic seconds)."""

    part: Part
    deadline: float
    answer: asyncio.Future[Vectors]

    def left(self) -> float:
        """Seconds until nobody waits any more."""
        return self.deadline - time.monotonic()

    def fail(self, failure: ModelFailed) -> None:
        """Say that there will be no vectors; what other calls read of its texts is billed."""
        if self.answer.done():
            return
        if self.part.tokens:
            billed = (self.part.tokens, 0)
            wait = failure.retry_after_seconds
            failure = ModelFailed(failure.code, failure.detail, wait, billed)
        self.answer.set_exception(failure)


@dataclass(slots=True)
class Lane:
    """The requests of one key, and until when its provider wants no call."""

    waiting: list[Waiter] = field(default_factory=list)
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    paused_until: float = 0.0

    def pause_seconds(self) -> float:
        """How long no call may be made."""
        return max(0.0, self.paused_until - time.monotonic())


class EmbeddingBatches:
    """Joins, sends, waits as the provider says, and splits back."""

    def __init__(
        self,
        *,
        limits_of: Callable[[Model], CallLimits] = call_limits,
        linger_seconds: dict[str, float] | None = None,
        passage_calls_at_once: int = PASSAGE_CALLS_AT_ONCE,
    ) -> None:
        self._limits_of = limits_of
        self._linger = linger_seconds or LINGER_SECONDS
        self._calls_at_once = passage_calls_at_once
        self._lanes: dict[Key, Lane] = {}
        self._slots: dict[tuple[Model, Access], asyncio.Semaphore] = {}

    async def embed(
        self,
        key: Key,
        adapter: EmbeddingAdapter,
        texts: Sequence[str],
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order. Raises ModelFailed."""
        lane = self._lanes.setdefault(key, Lane())
        paused = lane.pause_seconds()
        if paused > timeout_seconds:
            raise ModelFailed("rate_limited", f"{key.model} asked for a pause", paused)
        answer: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        waiter = Waiter(Part(texts), time.monotonic() + timeout_seconds, answer)
        lane.waiting.append(waiter)
        if len(lane.waiting) == 1:
            task = asyncio.create_task(self._send(key, lane, adapter))
            lane.sending.add(task)
            task.add_done_callback(lambda done: self._sent(key, lane, done))
        try:
            async with asyncio.timeout(timeout_seconds):
                return await answer
        except TimeoutError:
            detail = f"{key.model}: no vectors in {timeout_seconds:.1f} s"
            raise ModelFailed("timeout", detail) from None

    def _sent(self, key: Key, lane: Lane, task: asyncio.Task[None]) -> None:
        """Forget a lane that nobody uses."""
        lane.sending.discard(task)
        if not lane.sending and not lane.waiting and not lane.pause_seconds():
            self._lanes.pop(key, None)

    async def _send(self, key: Key, lane: Lane, adapter: EmbeddingAdapter) -> None:
        """Gather while the provider rests or is busy, then take what has come together."""
        await asyncio.sleep(self._linger[key.purpose])
        await asyncio.sleep(lane.pause_seconds())
        if key.purpose == "passage":
            async with self.slot(key):
                waiters, lane.waiting = lane.waiting, []
        else:
            waiters, lane.waiting = lane.waiting, []
        metrics.EMBEDDING_JOINED.observe(len(waiters))
        by_part = {id(waiter.part): waiter for waiter in waiters}
        calls = cut(items_of([waiter.part for waiter in waiters]), self._limits_of(key.model))
        sending = Sending(self, key, lane, adapter, by_part)
        await asyncio.gather(*(sending.call(call) for call in calls))

    def slot(self, key: Key) -> asyncio.Semaphore:
        """What a passage call of this model has to hold."""
        road = (key.model, key.access)
        return self._slots.setdefault(road, asyncio.Semaphore(self._calls_at_once))


@dataclass(slots=True)
class Sending:
    """The calls of the requests that were joined."""

    batches: EmbeddingBatches
    key: Key
    lane: Lane
    adapter: EmbeddingAdapter
    by_part: dict[int, Waiter]

    async def call(self, items: Sequence[Item]) -> None:
        """One call, again where that may help and somebody still waits."""
        for attempt in range(_TRIES_MAX):
            await asyncio.sleep(self.lane.pause_seconds())
            items = [item for item in items if self._waits(item)]
            if not items:
                return
            try:
                found = await self._try(items)
            except ModelFailed as failure:
                wait = self._wait(items, failure, attempt)
                if wait is None:
                    await self._refused(items, failure)
                    return
                await asyncio.sleep(wait)
            else:
                self._deliver(items, found)
                return
        self._fail(items, ModelFailed("overloaded", f"{self.key.model}: {_TRIES_MAX} tries"))

    async def _try(self, items: Sequence[Item]) -> Vectors:
        if self.key.purpose == "query":
            return await self._embed(items)
        async with self.batches.slot(self.key):
            return await self._embed(items)

    async def _embed(self, items: Sequence[Item]) -> Vectors:
        seconds = max(waiter.left() for waiter in self._waiters(items))
        texts = [item.text for item in items]
        model, access, purpose = self.key.model, self.key.access, self.key.purpose
        try:
            return await self.adapter.embed(
                model, access, texts, purpose, max(seconds, _SMALLEST_TRY_SECONDS)
            )
        except (ModelFailed, asyncio.CancelledError):
            raise
        except Exception as error:
            raise ModelFailed("bad_response", f"{type(error).__name__}: {error}") from error

    def _wait(self, items: Sequence[Item], failure: ModelFailed, attempt: int) -> float | None:
        """Seconds until the next try; whoever cannot wait so long is told when to come again."""
        if failure.code not in _RETRIED:
            return None
        told = failure.retry_after_seconds
        backoff = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
        wait = backoff * random.uniform(0.8, 1.2) if told is None else told  # noqa: S311 - no secret
        if failure.code == "rate_limited":
            until = time.monotonic() + wait
            self.lane.paused_until = max(self.lane.paused_until, until)
        waiters = self._waiters(items)
        late = [waiter for waiter in waiters if waiter.left() < wait + _SMALLEST_TRY_SECONDS]
        for waiter in late:
            waiter.fail(ModelFailed(failure.code, failure.detail, wait))
        return wait if len(late) < len(waiters) else None

    async def _refused(self, items: Sequence[Item], failure: ModelFailed) -> None:
        """One request's bad text must not be another's failure: each is sent alone."""
        waiters = self._waiters(items)
        if failure.code not in _OF_ONE_TEXT or len(waiters) < 2:
            self._fail(items, failure)
            return
        await asyncio.gather(
            *(self.call([item for item in items if item.part is one.part]) for one in waiters)
        )

    def _deliver(self, items: Sequence[Item], found: Vectors) -> None:
        if len(found.rows) != len(items):
            detail = f"{len(found.rows)} vectors for {len(items)} texts"
            self._fail(items, ModelFailed("bad_response", detail))
            return
        deliver(items, found)
        for waiter in self._waiters(items):
            if not waiter.part.missing and not waiter.answer.done():
                waiter.answer.set_result(waiter.part.whole())

    def _waits(self, item: Item) -> bool:
        return not self.by_part[id(item.part)].answer.done()

    def _waiters(self, items: Iterable[Item]) -> list[Waiter]:
        parts = dict.fromkeys(id(item.part) for item in items)
        return [self.by_part[part] for part in parts]

    def _fail(self, items: Sequence[Item], failure: ModelFailed) -> None:
        for waiter in self._waiters(items):
            waiter.fail(failure)
