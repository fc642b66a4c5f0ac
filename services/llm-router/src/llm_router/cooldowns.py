"""Models that failed lately are passed over for a while, so that nobody waits for them again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from llm_router import metrics
from llm_router.domain import Access, Model, ModelFailed

_COUNTED = frozenset({"rate_limited", "overloaded", "unreachable", "timeout", "truncated"})
_FAILURES_MAX = 3
_LONGEST_SECONDS = 60.0
Key = tuple[Model, Access]


@dataclass(slots=True)
class _State:
    failures: int = 0
    until: float = 0.0


class Cooldowns:
    """Failure counts by model and access, so that one tenant's bad key harms nobody else."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._states: dict[Key, _State] = {}

    def cooling_seconds(self, model: Model, access: Access) -> float:
        """How long the model is still passed over; 0 when it may be tried."""
        state = self._states.get((model, access))
        return max(0.0, state.until - self._clock()) if state else 0.0

    def succeeded(self, model: Model, access: Access) -> None:
        """The model works: forget its failures."""
        if self._states.pop((model, access), None) is not None:
            metrics.COOLING.labels(str(model)).set(0)

    def failed(self, model: Model, access: Access, failure: ModelFailed) -> None:
        """Count a failure; after some in a row, or when the provider says so, pass it over."""
        if failure.code not in _COUNTED:
            return
        state = self._states.setdefault((model, access), _State())
        state.failures += 1
        told = failure.retry_after_seconds or 0.0
        if state.failures >= _FAILURES_MAX or told > 0:
            pause = min(_LONGEST_SECONDS, max(told, self._seconds * (told == 0)))
            state.until = self._clock() + pause
            metrics.COOLING.labels(str(model)).set(1)
