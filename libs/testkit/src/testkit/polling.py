"""Waiting for a state with a deadline, never for a length of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25


class NeverHappened(AssertionError):
    """What a test waited for did not come before the deadline."""


def eventually(look: Callable[[], T], what: str, timeout_seconds: float = 20.0) -> T:
    """Call `look` until it returns something true; NeverHappened at the deadline."""
    deadline = time.monotonic() + timeout_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise NeverHappened(f"{what}: not within {timeout_seconds} s, last seen {seen!r}")
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
    return seen


async def eventually_async(
    look: Callable[[], Awaitable[T] | T], what: str, timeout_seconds: float = 20.0
) -> T:
    """Call (or await) `look()` until it is something true; NeverHappened at the deadline."""
    deadline = time.monotonic() + timeout_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    while not (seen := await _looked(look)):
        if time.monotonic() > deadline:
            raise NeverHappened(f"{what}: not within {timeout_seconds} s, last seen {seen!r}")
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
    return seen


async def _looked(look: Callable[[], Awaitable[T] | T]) -> T:
    seen = look()
    return await seen if isinstance(seen, Awaitable) else seen
