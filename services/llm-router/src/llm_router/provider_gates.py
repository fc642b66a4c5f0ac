"""How many calls a provider gets from us at once and in a minute, and the short queue before it.

Tenants that share an access take turns: one that sends a hundred calls delays the others by one of
them at a time. The bounds are those of one process; N replicas let N times as many through.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from llm_router import metrics
from llm_router.domain import ModelFailed

_WINDOW_SECONDS = 60.0
_WAIT_SECONDS_MAX = 5.0
_WAIT_SHARE = 0.25
_WAITING_MAX = 1_000
_BUSY_RETRY_SECONDS = 1.0


class GateFull(ModelFailed):
    """Our own limit, not the provider's: the model itself is not to blame."""

    def __init__(self, provider: str, retry_after_seconds: float) -> None:
        detail = f"the limit of calls to {provider} is reached"
        super().__init__("rate_limited", detail, retry_after_seconds)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Calls at once and calls a minute; None is without bound."""

    concurrent_max: int | None = None
    requests_per_minute: int | None = None

    def __bool__(self) -> bool:
        return self.concurrent_max is not None or self.requests_per_minute is not None


class Gate:
    """Lets calls through within its bounds, one tenant after the other."""

    def __init__(
        self, provider: str, bounds: Bounds, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.bounds = bounds
        self._provider = provider
        self._clock = clock
        self._inside = 0
        self._starts: deque[float] = deque()
        self._waiting: OrderedDict[UUID, deque[asyncio.Future[None]]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def enter(self, tenant_id: UUID, seconds: float) -> AsyncIterator[None]:
        """Hold a place during a call of at most `seconds`; GateFull when none comes soon."""
        await self._take_place(tenant_id, seconds)
        try:
            yield
        finally:
            self._inside -= 1
            self._admit()

    async def _take_place(self, tenant_id: UUID, seconds: float) -> None:
        if not self._waiting and self._wait_seconds() == 0:
            self._count()
            return
        patience = min(_WAIT_SECONDS_MAX, seconds * _WAIT_SHARE)
        queued = sum(map(len, self._waiting.values()))
        wait = self._minute_wait_seconds()
        if wait > patience or queued >= _WAITING_MAX:
            raise GateFull(self._provider, max(wait, _BUSY_RETRY_SECONDS))
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(place)
        self._admit()
        metrics.GATE_WAITING.labels(self._provider).inc()
        try:
            async with asyncio.timeout(patience):
                await place
        except (TimeoutError, asyncio.CancelledError) as error:
            given = place.done() and not place.cancelled()
            if isinstance(error, TimeoutError):
                if given:
                    return
                wait = max(self._minute_wait_seconds(), _BUSY_RETRY_SECONDS)
                raise GateFull(self._provider, wait) from None
            if given:
                self._inside -= 1
                self._admit()
            raise
        finally:
            metrics.GATE_WAITING.labels(self._provider).dec()
            self._leave_queue(tenant_id, place)

    def _leave_queue(self, tenant_id: UUID, place: asyncio.Future[None]) -> None:
        queue = self._waiting.get(tenant_id)
        if queue is not None and place in queue:
            queue.remove(place)
        if queue is not None and not queue:
            self._waiting.pop(tenant_id, None)

    def _admit(self) -> None:
        """Let in whoever is next, tenant by tenant, as long as there is room."""
        while self._waiting and self._wait_seconds() == 0:
            tenant_id, queue = self._waiting.popitem(last=False)
            place = queue.popleft()
            if queue:
                self._waiting[tenant_id] = queue
            if not place.done():
                self._count()
                place.set_result(None)
        self._wake_later()

    def _wake_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._minute_wait_seconds()
        if self._waiting and wait > 0:
            self._timer = asyncio.get_running_loop().call_later(wait, self._admit)

    def _count(self) -> None:
        self._inside += 1
        if self.bounds.requests_per_minute is not None:
            self._starts.append(self._clock())

    def _wait_seconds(self) -> float:
        """0 when a call may begin; how long it surely waits, as far as that is known."""
        most = self.bounds.concurrent_max
        if most is not None and self._inside >= most:
            return max(self._minute_wait_seconds(), 0.001)
        return self._minute_wait_seconds()

    def _minute_wait_seconds(self) -> float:
        most = self.bounds.requests_per_minute
        if most is None:
            self._starts.clear()
            return 0.0
        now = self._clock()
        while self._starts and now - self._starts[0] >= _WINDOW_SECONDS:
            self._starts.popleft()
        if len(self._starts) < most:
            return 0.0
        return max(0.001, self._starts[-most] + _WINDOW_SECONDS - now)


class Gates:
    """The gates of this process: one for each provider of the platform, one for each tenant's."""

    def __init__(self, platform: Bounds, tenants_concurrent_max: int | None) -> None:
        self._platform = platform
        self._tenants_concurrent_max = tenants_concurrent_max
        self._gates: dict[tuple[UUID | None, str], Gate] = {}

    def of_platform(self, provider: str) -> Gate | None:
        """The gate of an access that all tenants share."""
        return self._gate((None, provider), self._platform)

    def of_tenant(self, tenant_id: UUID, provider: str, bounds: Bounds) -> Gate | None:
        """The gate of a tenant's own way; what is not bound is bound as the platform says."""
        concurrent = bounds.concurrent_max or self._tenants_concurrent_max
        wanted = Bounds(concurrent, bounds.requests_per_minute)
        return self._gate((tenant_id, provider), wanted)

    def _gate(self, key: tuple[UUID | None, str], bounds: Bounds) -> Gate | None:
        if not bounds:
            return None
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = Gate(key[1], bounds)
        gate.bounds = bounds
        return gate
