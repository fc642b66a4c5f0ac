"""What this service does when it is asked to write down a voice note."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from blobs import BlobCorrupt, BlobMissing, Blobs, InvalidBlobAddress
from bus import Bus, Refused
from contracts.v1.models import AudioTranscribed, TranscribeAudio
from llm_router import metrics
from llm_router.choosing import Choices
from llm_router.domain import Access, Model, ModelFailed
from llm_router.in_flight import InFlight
from llm_router.listening import ListenAdapter, ListenCall, Listened, longest_seconds
from llm_router.prices import Prices
from llm_router.purse import Reservation
from llm_router.purses import OVER_BUDGET, Payer, Purses, RequestPurse, Usage
from llm_router.routes import Routes
from llm_router.spending import Ledger
from observe import get_logger

PURPOSE = "transcribe"
RECORDING_BYTES_MAX = 25 * 1024 * 1024
"""What OpenAI takes of one recording."""

_ANSWER_RESERVE_SECONDS = 0.1
_SMALLEST_TRY_SECONDS = 0.05
_SECONDS_MAX = 120.0
_BUDGET_WAIT_SECONDS = 600.0

_log = get_logger("llm-router")


@dataclass(frozen=True, slots=True)
class Ears:
    """Who listens for which provider: the lean path, the checked way out, and litellm."""

    lean: ListenAdapter
    guarded: ListenAdapter
    otherwise: ListenAdapter
    lean_providers: frozenset[str]

    def of(self, model: Model, access: Access) -> ListenAdapter:
        """Who speaks to this model at this address. Raises ModelFailed."""
        if "://" in model.name:
            raise ModelFailed("unknown_model", "an address is not the name of a model")
        if access.guarded:
            return self.guarded
        return self.lean if model.provider in self.lean_providers else self.otherwise


class Transcribing:
    """Load, listen, and keep what it cost."""

    def __init__(
        self,
        *,
        routes: Routes,
        ears: Ears,
        blobs: Blobs | None,
        prices: Prices,
        purses: Purses,
        ledger: Ledger,
        choices: Choices,
        in_flight: InFlight,
    ) -> None:
        self._routes = routes
        self._ears = ears
        self._blobs = blobs
        self._prices = prices
        self._purses = purses
        self._ledger = ledger
        self._choices = choices
        self._in_flight = in_flight

    def listen(self, bus: Bus, at_once: int) -> None:
        """Answer requests."""
        bus.answer(TranscribeAudio, self.transcribe_audio, prefetch=at_once)

    async def transcribe_audio(self, request: TranscribeAudio) -> AudioTranscribed:
        """The words of a recording; refused with a code if no model can write them down."""
        ends = time.monotonic() + _seconds_left(request)
        async with self._in_flight.held(request):
            route = await self._routes.of(request.tenant_id)
            kept = route.routes.filled("transcribe", route.choices(self._choices))
            names = [name for name in (kept.model, *(kept.fallbacks or ())) if name]
            if not names:
                raise Refused("unknown_model", "no model that listens is configured")
            data = await self._recording(request)
            access_of = partial(self._routes.access, request.tenant_id, route)
            failures: list[tuple[Model, ModelFailed]] = []
            for place, name in enumerate(names):
                model = Model.named(name)
                share = _share(ends - time.monotonic(), len(names) - place)
                try:
                    call = ListenCall(
                        model, access_of(model), data, request.mime_type, request.language, share
                    )
                    return await self._one(request, call)
                except ModelFailed as failure:
                    _log.warning("a model did not listen", model=name, reason=str(failure))
                    failures.append((model, failure))
            raise _refusal(failures)

    async def _one(self, request: TranscribeAudio, call: ListenCall) -> AudioTranscribed:
        """One model: its place at the provider, its money, its words."""
        if call.timeout_seconds < _SMALLEST_TRY_SECONDS:
            raise ModelFailed("timeout", "no time is left")
        payer = Payer(request.tenant_id, request.correlation_id, request.conversation_id, PURPOSE)
        purse, started = self._purses.of(payer), time.perf_counter()
        async with AsyncExitStack() as places:
            for gate in call.access.gates:
                await places.enter_async_context(
                    gate.enter(request.tenant_id, call.timeout_seconds)
                )
            seconds = call.timeout_seconds - (time.perf_counter() - started)
            async with self._paid(purse, call) as held:
                heard = await self._heard(replace(call, timeout_seconds=max(0.05, seconds)))
        took = round((time.perf_counter() - started) * 1000)
        cost = self._prices.audio_cost_usd(call.model, heard.seconds)
        usage = Usage(0, 0, cost, estimated=heard.seconds is None, milliseconds=took)
        await self._ledger.record(purse.spend(call.model, usage, held))
        return AudioTranscribed(
            text=heard.text,
            language=heard.language,
            model=str(call.model)[:512],
            seconds=heard.seconds,
            cost_usd=None if cost is None else float(cost),
            milliseconds=took,
        )

    async def _heard(self, call: ListenCall) -> Listened:
        started, error = time.perf_counter(), "abandoned"
        try:
            heard = await self._ears.of(call.model, call.access).listen(call)
            error = ""
        except ModelFailed as failure:
            error = failure.code
            raise failure.without(call.access.key) from None
        finally:
            metrics.OPERATION_SECONDS.labels(
                PURPOSE, *metrics.labels_of(call.model), error
            ).observe(time.perf_counter() - started)
        return heard

    @asynccontextmanager
    async def _paid(
        self, purse: RequestPurse, call: ListenCall
    ) -> AsyncIterator[Reservation | None]:
        """Hold what the recording may cost at most; a call that fails gives it back."""
        most = self._prices.audio_cost_usd(call.model, longest_seconds(call.data))
        held = await purse.hold(call.model, most, call.timeout_seconds)
        code = "abandoned"
        try:
            yield held
            code = ""
        except ModelFailed as failure:
            code = failure.code
            raise
        finally:
            if code and held is not None:
                purse.dropped(call.model, held, code)

    async def _recording(self, request: TranscribeAudio) -> bytes:
        if self._blobs is None:
            raise Refused("unreachable", "no storage of files is configured")
        try:
            if await self._blobs.size(request.sha256) > RECORDING_BYTES_MAX:
                raise Refused("bad_request", f"a recording has at most {RECORDING_BYTES_MAX} bytes")
            return await self._blobs.get(request.sha256)
        except (BlobMissing, BlobCorrupt, InvalidBlobAddress) as error:
            raise Refused("bad_request", f"the recording cannot be read: {error}") from error
        except OSError as error:
            raise Refused("unreachable", f"the storage of files: {error}") from error


def _seconds_left(request: TranscribeAudio) -> float:
    left = (request.deadline_at - datetime.now(UTC)).total_seconds() - _ANSWER_RESERVE_SECONDS
    if left <= 0:
        raise Refused("deadline_passed", "the deadline had passed before the work began")
    return min(left, _SECONDS_MAX)


def _share(left: float, models: int) -> float:
    """The time for one model: all that is left for the last, a part kept back for the others."""
    return left if models == 1 else left * 0.6


def _refusal(failures: Sequence[tuple[Model, ModelFailed]]) -> Refused:
    _, first = failures[0]
    detail = "; ".join(f"{model}: {failure}" for model, failure in failures)
    if all(failure.code == OVER_BUDGET for _, failure in failures):
        return Refused("budget_exhausted", detail, _BUDGET_WAIT_SECONDS)
    return Refused(first.code, detail, first.retry_after_seconds)
