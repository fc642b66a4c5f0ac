"""Calls that nobody waits for any more are stopped, because the provider's meter runs with them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.models import CallAbandoned

ABANDONED = "abandoned"
_KEPT_SECONDS = 60.0
_KEPT_MAX = 10_000


class InFlight:
    """The requests in hand of this process, each of which may be ended from outside."""

    def __init__(self) -> None:
        self._scopes: dict[UUID, asyncio.Timeout] = {}
        self._too_early: OrderedDict[UUID, float] = OrderedDict()

    def listen(self, bus: Bus) -> None:
        """Hear what nobody waits for; each replica hears it, one of them has the call."""
        bus.hear_stream(CallAbandoned, self.abandoned)

    async def abandoned(self, message: CallAbandoned) -> None:
        """End the request; remembered for a while, as it may still wait in the queue."""
        scope = self._scopes.get(message.request_id)
        if scope is not None:
            scope.reschedule(asyncio.get_running_loop().time())
            return
        now = time.monotonic()
        self._too_early[message.request_id] = now
        while self._too_early:
            oldest = next(iter(self._too_early.values()))
            if now - oldest < _KEPT_SECONDS and len(self._too_early) <= _KEPT_MAX:
                break
            self._too_early.popitem(last=False)

    @asynccontextmanager
    async def held(self, request_id: UUID) -> AsyncIterator[None]:
        """While inside, `abandoned` cancels what is done here; then it is Refused."""
        if self._too_early.pop(request_id, None) is not None:
            raise Refused(ABANDONED, "nobody waited any more when the call would have begun")
        scope = asyncio.timeout(None)
        self._scopes[request_id] = scope
        try:
            async with scope:
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Refused(ABANDONED, "nobody waited any more") from error
        finally:
            self._scopes.pop(request_id, None)
