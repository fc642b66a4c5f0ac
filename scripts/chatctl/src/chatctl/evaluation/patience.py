"""Asking the API again where it says that waiting helps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp

from chatctl.gateway_api import ApiProblem

T = TypeVar("T")

TRIES = 8
_PAUSE_SECONDS = 1.0
_WAITING_HELPS = {429, 500, 502, 503, 504}


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` gives; a busy platform is asked again, longer and longer apart."""
    for attempt in range(TRIES):
        try:
            return await ask()
        except ApiProblem as problem:
            if problem.status not in _WAITING_HELPS or attempt == TRIES - 1:
                raise
        except (TimeoutError, aiohttp.ClientConnectionError):
            if attempt == TRIES - 1:
                raise
        await asyncio.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError("the last try returns or raises")
