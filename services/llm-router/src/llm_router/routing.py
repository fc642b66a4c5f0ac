"""One answer from a chain of models: deadlines, retries, passing over, and what each try took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llm_router import metrics
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
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

_RETRIED = frozenset({"rate_limited", "overloaded", "unreachable"})
_RETRY_WAIT_SECONDS = 0.2
_RETRY_WAIT_LONGEST_SECONDS = 2.0
_SMALLEST_TRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often one model is tried."""

    call_seconds_max: float
    retries: int


@dataclass(slots=True)
class Told:
    """The words of a streamed answer on their way, and when the first one came."""

    on_words: OnWords | None
    started: float = field(default_factory=time.perf_counter)
    first_after_seconds: float | None = None

    def listener(self) -> OnWords | None:
        """Where words go; nowhere once another model's words were already shown.

        The widget would append the second model's words to the first one's. The final message
        replaces them all the same.
        """
        return None if self.on_words is None or self.first_after_seconds is not None else self._hear

    def _hear(self, words: str) -> None:
        if self.first_after_seconds is None:
            self.first_after_seconds = time.perf_counter() - self.started
        if self.on_words is not None:
            self.on_words(words)


AccessOf = Callable[[Model], Access]
AdapterOf = Callable[[Model], ChatAdapter]
OnFailure = Callable[[Model, ModelFailed, float], None]


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
        chain: Sequence[Model],
        access_of: AccessOf,
        on_words: OnWords | None,
        on_failure: OnFailure,
    ) -> Answered:
        """Answer within `call.timeout_seconds` by the first model of the chain that can.

        `call.model` and `call.access` are replaced for each model. Raises ChainFailed.
        """
        deadline = time.monotonic() + call.timeout_seconds
        told = Told(on_words)
        failures: list[tuple[Model, ModelFailed]] = []
        for place, model in enumerate(chain):
            last = place == len(chain) - 1
            seconds = self._share(deadline - time.monotonic(), last=last)
            if seconds < _SMALLEST_TRY_SECONDS:
                failures.append((model, ModelFailed("timeout", "no time is left")))
                break
            try:
                access = access_of(model)
                self._refuse_cooling(model, access, last=last)
                mine = _with(call, model, access, seconds)
                outcome, took = await self._try(mine, told)
            except ModelFailed as failure:
                failures.append((model, failure))
                metrics.FALLBACKS.labels(str(model), failure.code).inc()
                on_failure(model, failure, seconds)
                continue
            return self._answered(mine, outcome, took, told, fallback=bool(failures))
        raise ChainFailed(failures)

    def _share(self, remaining: float, *, last: bool) -> float:
        """The time for one model: all that is left for the last, a part kept back for others."""
        if last:
            return remaining
        kept = min(5.0, 0.25 * remaining)
        return min(self._limits.call_seconds_max, remaining - kept)

    def _refuse_cooling(self, model: Model, access: Access, *, last: bool) -> None:
        seconds = self._cooldowns.cooling_seconds(model, access)
        if seconds > 0 and not last:
            raise ModelFailed("cooling_down", f"passed over for {seconds:.1f} s more")

    async def _try(self, call: ChatCall, told: Told) -> tuple[ChatOutcome, float]:
        """Call one model, again where that may help and time allows."""
        ends = time.monotonic() + call.timeout_seconds
        for attempt in range(self._limits.retries + 1):
            left = ends - time.monotonic()
            try:
                return await self._once(_with(call, call.model, call.access, left), told)
            except ModelFailed as failure:
                wait = failure.retry_after_seconds
                wait = _RETRY_WAIT_SECONDS * 2**attempt if wait is None else wait
                left = ends - time.monotonic()
                again = attempt < self._limits.retries and failure.code in _RETRIED
                if not again or wait > min(_RETRY_WAIT_LONGEST_SECONDS, left / 4):
                    raise
                await asyncio.sleep(wait)
        raise ModelFailed("timeout", "no try was made")

    async def _once(self, call: ChatCall, told: Told) -> tuple[ChatOutcome, float]:
        started = time.perf_counter()
        error = ""
        try:
            async with asyncio.timeout(call.timeout_seconds):
                outcome = await self._adapter_of(call.model).chat(call, told.listener())
        except TimeoutError:
            failure = ModelFailed("timeout", f"no answer in {call.timeout_seconds:.1f} s")
            error = failure.code
            self._cooldowns.failed(call.model, call.access, failure)
            raise failure from None
        except ModelFailed as failure:
            error = failure.code
            self._cooldowns.failed(call.model, call.access, failure)
            raise
        finally:
            took = time.perf_counter() - started
            metrics.OPERATION_SECONDS.labels(
                "chat", call.model.provider, call.model.name, error
            ).observe(took)
        self._cooldowns.succeeded(call.model, call.access)
        return outcome, took

    def _answered(
        self, call: ChatCall, outcome: ChatOutcome, took: float, told: Told, *, fallback: bool
    ) -> Answered:
        read = prompt_tokens(call) if outcome.input_tokens is None else outcome.input_tokens
        written = outcome.output_tokens
        if written is None:
            arguments = "".join(tool.arguments for tool in outcome.tool_calls)
            written = estimated_tokens(outcome.text + arguments)
        first = told.first_after_seconds
        provider, name = call.model.provider, call.model.name
        metrics.TOKENS.labels("chat", provider, name, "input").inc(read)
        metrics.TOKENS.labels("chat", provider, name, "output").inc(written)
        if first is not None:
            metrics.FIRST_CHUNK_SECONDS.labels(provider, name).observe(first)
        return Answered(
            outcome=outcome,
            model=call.model,
            fallback=fallback,
            input_tokens=read,
            output_tokens=written,
            cost_usd=self._prices.cost_usd(call.model, read, written),
            milliseconds=round(took * 1000),
            first_token_milliseconds=None if first is None else round(first * 1000),
        )


def _with(call: ChatCall, model: Model, access: Access, seconds: float) -> ChatCall:
    return ChatCall(
        tenant_id=call.tenant_id,
        model=model,
        access=access,
        purpose=call.purpose,
        messages=call.messages,
        tools=call.tools,
        passages=call.passages,
        reply_tokens_max=call.reply_tokens_max,
        timeout_seconds=seconds,
    )
