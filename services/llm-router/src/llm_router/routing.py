"""One answer from a chain of models: deadlines, retries, passing over, hedging, who may speak."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from contracts.v1.models import ModelTry
from llm_router import metrics
from llm_router.choosing import Plan
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
    BUILTIN,
    Access,
    Answered,
    ChainFailed,
    ChatAdapter,
    ChatCall,
    ChatOutcome,
    Model,
    ModelFailed,
    OnWords,
    estimated_tokens,
    prompt_tokens,
)
from llm_router.prices import Prices
from llm_router.provider_gates import GateFull
from llm_router.purse import Purse, Reservation
from observe import get_logger

ABANDONED = "abandoned"
_RETRIED = frozenset({"rate_limited", "overloaded", "unreachable"})
_RETRY_WAIT_SECONDS = 0.2
_RETRY_WAIT_LONGEST_SECONDS = 2.0
_SMALLEST_TRY_SECONDS = 0.05
_STOP_SECONDS_MAX = 1.0

_log = get_logger("llm-router")

AccessOf = Callable[[Model], Access]
AdapterOf = Callable[[Model, Access], ChatAdapter]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often one model is tried."""

    call_seconds_max: float
    retries: int


@dataclass(frozen=True, slots=True)
class Done:
    """An answer, the call that it came from and what was held for it."""

    call: ChatCall
    outcome: ChatOutcome
    held: Reservation | None
    seconds: float


@dataclass(eq=False, slots=True)
class Runner:
    """One model that is being asked, and the words that came from it in this attempt."""

    model: Model
    access: Access
    seconds: float
    started: float = field(default_factory=time.perf_counter)
    heard: list[str] | None = None
    task: asyncio.Task[Done] | None = None

    def tried(self, outcome: str, detail: str = "") -> ModelTry:
        """How it ended, as the answer tells it."""
        took = round((time.perf_counter() - self.started) * 1000)
        return ModelTry(
            model=str(self.model)[:512], outcome=outcome, detail=detail, milliseconds=took
        )


@dataclass(eq=False, slots=True)
class Walk:
    """One request on its way along the chain; the first runner that says a word is the speaker."""

    call: ChatCall
    plan: Plan
    access_of: AccessOf
    on_words: OnWords | None
    purse: Purse
    ends: float
    chain: deque[Model]
    started: float = field(default_factory=time.perf_counter)
    failures: list[tuple[Model, ModelFailed]] = field(default_factory=list)
    tries: list[ModelTry] = field(default_factory=list)
    running: list[Runner] = field(default_factory=list)
    speaker: Runner | None = None
    first_after_seconds: float | None = None

    def left(self) -> float:
        """Seconds until nobody waits any more."""
        return self.ends - time.monotonic()

    def listener(self, runner: Runner) -> OnWords | None:
        """Where a runner's words go; nowhere once words of another attempt were shown.

        The widget would append them to the first ones. The final message replaces all of them.
        """
        runner.heard = None
        if self.on_words is None or self.speaker is not None:
            return None
        heard: list[str] = []
        runner.heard = heard

        def hear(words: str) -> None:
            heard.append(words)
            if self.speaker is None:
                self._let_speak(runner)
            if self.speaker is runner and self.on_words is not None:
                self.on_words(words)

        return hear

    def _let_speak(self, runner: Runner) -> None:
        """From the first word on it is alone: two models' words must not be mixed."""
        self.speaker = runner
        self.first_after_seconds = time.perf_counter() - self.started
        for other in self.running:
            if other is not runner and other.task is not None:
                other.task.cancel()

    def fail(self, model: Model, failure: ModelFailed) -> None:
        """Remember why a model gave no answer."""
        self.failures.append((model, failure))
        metrics.FALLBACKS.labels(metrics.label_of(model), failure.code).inc()
        _log.warning(
            "a model was passed over", model=str(model), code=failure.code, detail=failure.detail
        )


class Router:
    """Tries models in order until one gives an answer that may be used."""

    def __init__(
        self, adapter_of: AdapterOf, prices: Prices, cooldowns: Cooldowns, limits: Limits
    ) -> None:
        self._adapter_of = adapter_of
        self._prices = prices
        self._cooldowns = cooldowns
        self._limits = limits

    async def answer(
        self,
        call: ChatCall,
        plan: Plan,
        access_of: AccessOf,
        on_words: OnWords | None,
        purse: Purse,
    ) -> Answered:
        """Answer within `call.timeout_seconds` by the first model of the plan that can.

        `call.model` and `call.access` are replaced for each model. Raises ChainFailed. Whoever
        cancels this also ends the calls that are under way; the purse hears of each.
        """
        ends = time.monotonic() + call.timeout_seconds
        walk = Walk(call, plan, access_of, on_words, purse, ends, deque(plan.chain))
        while walk.chain:
            answered = await self._round(walk)
            if answered is not None:
                return answered
        raise ChainFailed(walk.failures)

    async def _round(self, walk: Walk) -> Answered | None:
        """Ask the next model, and beside a slow one the one after it; None if none answered."""
        first = self._start(walk)
        hedge_after = walk.plan.hedge_after_seconds
        try:
            while walk.running:
                tasks = [runner.task for runner in walk.running if runner.task is not None]
                done, _ = await asyncio.wait(
                    tasks, timeout=hedge_after, return_when=asyncio.FIRST_COMPLETED
                )
                hedge_after = None
                if not done and walk.speaker is None and self._next_is_a_provider(walk):
                    self._start(walk)
                for runner in [one for one in walk.running if one.task in done]:
                    answer = self._ended(walk, runner)
                    if answer is not None:
                        return self._answered(walk, runner, answer, hedged=runner is not first)
        finally:
            await self._stop(walk)
        return None

    def _next_is_a_provider(self, walk: Walk) -> bool:
        """Whether there is a model to hedge with: the builtin would win against every provider."""
        return bool(walk.chain) and walk.chain[0].provider != BUILTIN

    def _start(self, walk: Walk) -> Runner | None:
        """Begin with the next model that may be asked now."""
        while walk.chain:
            model = walk.chain.popleft()
            last = not walk.chain
            seconds = self._share(walk, model, last=last)
            runner = Runner(model, Access(None, None), seconds)
            try:
                if seconds < _SMALLEST_TRY_SECONDS:
                    walk.chain.clear()
                    raise ModelFailed("timeout", "no time is left")
                runner.access = walk.access_of(model)
                self._refuse_cooling(model, runner.access, last=last)
            except ModelFailed as failure:
                walk.fail(model, failure)
                walk.tries.append(runner.tried(failure.code, failure.detail))
                continue
            runner.task = asyncio.create_task(self._try(walk, runner))
            walk.running.append(runner)
            return runner
        return None

    def _share(self, walk: Walk, model: Model, *, last: bool) -> float:
        """The time for one model: all that is left for the last, a part kept back for others."""
        remaining, own = walk.left(), walk.plan.call_seconds_max
        if last:
            return remaining if own is None or model.provider == BUILTIN else min(own, remaining)
        kept = min(5.0, 0.25 * remaining)
        return min(self._limits.call_seconds_max if own is None else own, remaining - kept)

    def _refuse_cooling(self, model: Model, access: Access, *, last: bool) -> None:
        seconds = self._cooldowns.wait_seconds(model, access)
        if seconds > 0 and not last:
            raise ModelFailed("cooling_down", f"passed over for {seconds:.1f} s more", seconds)

    def _ended(self, walk: Walk, runner: Runner) -> Done | None:
        """Take a runner that is at its end out of the race; gives its answer if it has one."""
        walk.running.remove(runner)
        task = runner.task
        if task is None or task.cancelled():
            # Another one speaks. Should that fail, this model is asked once more.
            walk.tries.append(runner.tried(ABANDONED))
            walk.chain.appendleft(runner.model)
            return None
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, ModelFailed):
            raise error
        walk.fail(runner.model, error)
        walk.tries.append(runner.tried(error.code, error.detail))
        return None

    async def _stop(self, walk: Walk) -> None:
        """End what is still running; its connections are closed, the purse has heard of it."""
        losers, walk.running = walk.running, []
        tasks = [runner.task for runner in losers if runner.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS_MAX)
        for task in tasks:
            if task.done():
                _pay_unused(walk.purse, task)
            else:  # an adapter that is slow to leave
                task.add_done_callback(partial(_pay_unused, walk.purse))

    async def _try(self, walk: Walk, runner: Runner) -> Done:
        """Call one model, again where that may help and time allows."""
        ends = time.monotonic() + runner.seconds
        for attempt in range(self._limits.retries + 1):
            try:
                return await self._once(walk, runner, ends)
            except ModelFailed as failure:
                wait = failure.retry_after_seconds
                wait = _RETRY_WAIT_SECONDS * 2**attempt if wait is None else wait
                left = ends - time.monotonic()
                again = attempt < self._limits.retries and failure.code in _RETRIED
                if not again or isinstance(failure, GateFull):
                    raise
                if wait > min(_RETRY_WAIT_LONGEST_SECONDS, left / 4):
                    raise
                await asyncio.sleep(wait)
        raise ModelFailed("timeout", "no try was made")

    async def _once(self, walk: Walk, runner: Runner, ends: float) -> Done:
        """One call: its place at the provider, its money, its words; the purse hears the end."""
        model, access = runner.model, runner.access
        async with AsyncExitStack() as places:
            for gate in access.gates:
                left = ends - time.monotonic()
                await places.enter_async_context(gate.enter(walk.call.tenant_id, left))
            seconds = max(_SMALLEST_TRY_SECONDS, ends - time.monotonic())
            call = replace(walk.call, model=model, access=access, timeout_seconds=seconds)
            held = await walk.purse.reserve(call)
            started, code, billed = time.perf_counter(), ABANDONED, None
            try:
                with self._cooldowns.call(model, access, call.tenant_id):
                    outcome = await self._asked(call, walk.listener(runner))
                    code = ""
                    self._cooldowns.succeeded(model, access)
            except ModelFailed as failure:
                code, billed = failure.code, failure.billed
                if not self._was_too_short(walk, runner, failure):
                    self._cooldowns.failed(model, access, failure)
                raise
            finally:
                took = time.perf_counter() - started
                _measure(model, code, took)
                if code:
                    heard = None if runner.heard is None else "".join(runner.heard)
                    walk.purse.failed(call, held, code, heard, billed)
        return Done(call, outcome, held, took)

    def _was_too_short(self, walk: Walk, runner: Runner, failure: ModelFailed) -> bool:
        """Whether a tenant's own short deadline ended a call on the way that all tenants share.

        That says nothing of the model, and must not keep everybody else from it.
        """
        own = walk.plan.call_seconds_max
        short = own is not None and own < self._limits.call_seconds_max
        return failure.code == "timeout" and short and not runner.access.own

    async def _asked(self, call: ChatCall, on_words: OnWords | None) -> ChatOutcome:
        """The adapter's answer in time; whatever goes wrong is a ModelFailed."""
        try:
            async with asyncio.timeout(call.timeout_seconds):
                return await self._adapter_of(call.model, call.access).chat(call, on_words)
        except ModelFailed as failure:
            told = failure.without(call.access.key)
            if told is failure:
                raise
            raise told from None
        except TimeoutError:
            detail = f"no answer in {call.timeout_seconds:.1f} s"
            raise ModelFailed("timeout", detail) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the next model is asked
            broken = ModelFailed("bad_response", f"{type(error).__name__}: {error}")
            told = broken.without(call.access.key)
            _log.error(
                "an adapter failed in a way it should not",
                model=str(call.model),
                reason=told.detail,
            )
            raise told from None

    def _answered(self, walk: Walk, runner: Runner, done: Done, *, hedged: bool) -> Answered:
        if len(walk.running) or hedged:
            metrics.HEDGES.labels("second" if hedged else "first").inc()
        walk.tries += [other.tried(ABANDONED) for other in walk.running]
        walk.tries.append(runner.tried("answered", done.outcome.note))
        call, outcome = done.call, done.outcome
        read = prompt_tokens(call) if outcome.input_tokens is None else outcome.input_tokens
        written = outcome.output_tokens
        if written is None:
            arguments = "".join(tool.arguments for tool in outcome.tool_calls)
            written = estimated_tokens(outcome.text + arguments)
        first = walk.first_after_seconds if walk.speaker is runner else None
        provider, name = metrics.labels_of(call.model)
        metrics.TOKENS.labels("chat", provider, name, "input").inc(read)
        metrics.TOKENS.labels("chat", provider, name, "output").inc(written)
        if first is not None:
            metrics.FIRST_CHUNK_SECONDS.labels(provider, name).observe(first)
        return Answered(
            outcome=outcome,
            model=call.model,
            fallback=call.model != walk.plan.chain[0],
            input_tokens=read,
            output_tokens=written,
            cost_usd=self._prices.cost_usd(
                call.model,
                read,
                written,
                cached_tokens=outcome.cached_tokens,
                cache_write_tokens=outcome.cache_write_tokens,
            ),
            milliseconds=round(done.seconds * 1000),
            first_token_milliseconds=None if first is None else round(first * 1000),
            call=call,
            held=done.held,
            variant=walk.plan.variant,
            tries=tuple(walk.tries),
        )


def _pay_unused(purse: Purse, task: asyncio.Task[Done]) -> None:
    """It answered too, a moment later: paid for, and not used."""
    if not task.cancelled() and task.exception() is None:
        lost = task.result()
        purse.failed(lost.call, lost.held, ABANDONED, lost.outcome.text)


def _measure(model: Model, code: str, seconds: float) -> None:
    metrics.OPERATION_SECONDS.labels("chat", *metrics.labels_of(model), code).observe(seconds)
    if code == ABANDONED:
        metrics.ABANDONED.labels(metrics.label_of(model)).inc()
