"""Models that failed lately are passed over for a while, so that nobody waits for them again.

After the pause one call is let through (half-open); its outcome ends the pause or begins a longer
one. The states are by model and access, so that one tenant's bad key harms nobody else.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from llm_router import metrics
from llm_router.domain import Access, Model, ModelFailed

_COUNTED = frozenset(
    {"rate_limited", "overloaded", "unreachable", "timeout", "truncated", "not_authorised"}
)
_OF_THE_CALL = frozenset({"bad_request", "context_too_long", "empty_answer", "cooling_down"})
_FAILURES_MAX = 3
_LONGEST_SECONDS = 60.0
_LONGEST_TOLD_SECONDS = 3_600.0
_STATES_MAX = 10_000
Key = tuple[Model, Access]
Standing = Literal["unknown", "working", "cooling_down", "failing"]


@dataclass(slots=True)
class ModelState:
    """How a model is doing; times by the clock of `Cooldowns`."""

    failures: int = 0
    pauses: int = 0
    until: float = 0.0
    trial: bool = False
    in_flight: int = 0
    failure: ModelFailed | None = None
    checked_at: float | None = None
    wanted_at: float = 0.0
    wanted_by: UUID | None = None

    def standing(self, now: float) -> Standing:
        """Its state in one word."""
        if self.until > now or self.pauses:
            return "cooling_down"
        if self.failure is not None:
            return "failing"
        return "unknown" if self.checked_at is None else "working"


class Cooldowns:
    """Remembers how models are doing and says which are passed over."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._states: OrderedDict[Key, ModelState] = OrderedDict()

    def wait_seconds(self, model: Model, access: Access) -> float:
        """How long the model is passed over; 0 when it may be tried. Counts as wanting it."""
        state = self._states.get((model, access))
        if state is None:
            return 0.0
        now = self._clock()
        state.wanted_at = now
        if state.until > now:
            return state.until - now
        return self._seconds if state.trial else 0.0

    @contextmanager
    def call(self, model: Model, access: Access, tenant_id: UUID | None = None) -> Iterator[None]:
        """Around one call: it is in flight, and after a pause it is the one trial."""
        state = self._state(model, access)
        mine = state.pauses > 0 and not state.trial
        state.trial = state.trial or mine
        state.in_flight += 1
        if tenant_id is not None:
            state.wanted_at, state.wanted_by = self._clock(), tenant_id
        try:
            yield
        finally:
            state.in_flight -= 1
            state.trial = state.trial and not mine

    def succeeded(self, model: Model, access: Access) -> None:
        """The model works: forget its failures."""
        state = self._state(model, access)
        self._end_pause(model, state)
        state.failures, state.failure = 0, None
        state.checked_at = self._clock()

    def failed(self, model: Model, access: Access, failure: ModelFailed) -> None:
        """Count a failure; after some in a row, or when the provider says so, pass it over."""
        if failure.code in _OF_THE_CALL:
            return
        state = self._state(model, access)
        state.failure, state.checked_at = failure, self._clock()
        if failure.code not in _COUNTED:
            return
        state.failures += 1
        told, now = failure.retry_after_seconds or 0.0, self._clock()
        pausing = state.until > now
        if told > 0:
            state.until = max(state.until, now + min(_LONGEST_TOLD_SECONDS, told))
        elif pausing or not (state.pauses or state.failures >= _FAILURES_MAX):
            # Calls that began before the pause and fail inside it do not make it longer.
            return
        else:
            state.until = now + min(_LONGEST_SECONDS, self._seconds * 2**state.pauses)
        if not state.pauses:
            metrics.COOLING.labels(metrics.label_of(model)).inc()
        if not pausing:
            state.pauses = min(state.pauses + 1, 10)

    def note(self, model: Model, access: Access, failure: ModelFailed | None) -> None:
        """Remember how a call went that nobody is passed over for: vectors have no second model."""
        state = self._state(model, access)
        state.failure, state.checked_at = failure, self._clock()

    def forget(self, access: Access) -> None:
        """A key or an address was tested anew: what its models did before says nothing now."""
        for key in [key for key in self._states if key[1] == access]:
            if not self._states[key].in_flight:
                self._end_pause(key[0], self._states.pop(key))

    def state(self, model: Model, access: Access) -> tuple[ModelState, Standing]:
        """How a model is doing, for a person; a new state where nothing is known."""
        state = self._states.get((model, access), ModelState())
        return state, state.standing(self._clock())

    def ago(self, at: float) -> float:
        """Seconds since a time of a state; negative for one to come."""
        return self._clock() - at

    def to_probe(self, wanted_within_seconds: float) -> list[tuple[Model, Access, UUID]]:
        """Models whose pause is over, that a tenant wanted lately, and that nobody tries now.

        A key that was refused is not tried in the background: only a person can mend it.
        """
        now = self._clock()
        return [
            (*key, state.wanted_by)
            for key, state in self._states.items()
            if state.pauses
            and state.until <= now
            and not state.in_flight
            and state.wanted_by is not None
            and now - state.wanted_at <= wanted_within_seconds
            and (state.failure is None or state.failure.code != "not_authorised")
        ]

    def _state(self, model: Model, access: Access) -> ModelState:
        state = self._states.setdefault((model, access), ModelState())
        self._states.move_to_end((model, access))
        while len(self._states) > _STATES_MAX:
            (oldest, _), gone = self._states.popitem(last=False)
            self._end_pause(oldest, gone)
        return state

    def _end_pause(self, model: Model, state: ModelState) -> None:
        if state.pauses:
            metrics.COOLING.labels(metrics.label_of(model)).dec()
        state.pauses, state.until = 0, 0.0
