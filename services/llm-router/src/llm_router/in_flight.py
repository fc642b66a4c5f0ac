"""Calls that nobody waits for any more are stopped, because the provider's meter runs with them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.models import CallAbandoned

ABANDONED = "abandoned"
_KEPT_SECONDS = 60.0
_KEPT_MAX = 10_000

_Key = tuple[UUID, UUID]
"""Tenant and request: nobody ends the call of another tenant."""


class _Asked(Protocol):
    """A request, as far as it is told apart here."""

    @property
    def tenant_id(self) -> UUID:
        """Whose it is."""
        ...

    @property
    def message_id(self) -> UUID:
        """Which it is."""
        ...


class InFlight:
    """The requests in hand of this process, each of which may be ended from outside."""

    def __init__(self) -> None:
        self._scopes: dict[_Key, asyncio.Timeout] = {}
        self._too_early: OrderedDict[_Key, float] = OrderedDict()

    def listen(self, bus: Bus) -> None:
        """Hear what nobody waits for; each replica hears it, one of them has the call."""
        bus.hear_stream(CallAbandoned, self.abandoned)

    async def abandoned(self, message: CallAbandoned) -> None:
        """End the request; remembered for a while, as it may still wait in the queue."""
        key = message.tenant_id, message.request_id
        scope = self._scopes.get(key)
        if scope is not None and scope.expired():
            return
        if scope is not None:
            scope.reschedule(asyncio.get_running_loop().time())
            return
        now = time.monotonic()
        self._too_early[key] = now
        while self._too_early:
            oldest = next(iter(self._too_early.values()))
            if now - oldest < _KEPT_SECONDS and len(self._too_early) <= _KEPT_MAX:
                break
            self._too_early.popitem(last=False)

    @asynccontextmanager
    async def held(self, request: _Asked) -> AsyncIterator[None]:
        """While inside, `abandoned` cancels what is done here; then it is Refused."""
        key = request.tenant_id, request.message_id
        if self._too_early.pop(key, None) is not None:
            raise Refused(ABANDONED, "nobody waited any more when the call would have begun")
        scope = asyncio.timeout(None)
        self._scopes[key] = scope
        try:
            async with scope:
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Refused(ABANDONED, "nobody waited any more") from error
        finally:
            self._scopes.pop(key, None)
