"""How many questions to one embedding model are on their way at once."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

FAST_SECONDS = 2.0
SLOW_SECONDS = 6.0
_FIRST_LIMIT = 2
_STEP = 0.5


class Lane:
    """The questions to one model: quick answers make it wider, slow ones narrower."""

    def __init__(self, at_once_max: int, clock: Callable[[], float]) -> None:
        self._least = float(min(_FIRST_LIMIT, at_once_max))
        self._most = float(at_once_max)
        self._clock = clock
        self._not_before = 0.0
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.limit = self._least

    def answered(self, seconds: float) -> None:
        """An answer took so long."""
        if seconds < FAST_SECONDS:
            self.limit = min(self.limit + _STEP, self._most)
        elif seconds > SLOW_SECONDS:
            self.limit = max(self.limit - _STEP, self._least)

    def rate_limited(self, delay_seconds: float) -> None:
        """Half as many at once (once for a burst of refusals), none before the delay is over."""
        if self.pause_seconds() <= 0:
            self.limit = max(self.limit / 2, 1.0)
        self._not_before = max(self._not_before, self._clock() + delay_seconds)

    def pause_seconds(self) -> float:
        """How long nothing may be asked; zero or less when something may."""
        return self._not_before - self._clock()

    async def enter(self) -> None:
        """Wait for a place, first come first served."""
        if self._running < int(self.limit) and not self._waiting:
            self._running += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to whoever waits longest, as far as the limit lets them."""
        self._running -= 1
        while self._waiting and self._running < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._running += 1
                place.set_result(None)


class Pace:
    """A lane for each key (tenant and model)."""

    def __init__(self, at_once_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once_max = at_once_max
        self._clock = clock
        self._lanes: dict[Hashable, Lane] = {}

    def lane(self, key: Hashable) -> Lane:
        """The lane of a key."""
        if key not in self._lanes:
            self._lanes[key] = Lane(self._at_once_max, self._clock)
        return self._lanes[key]

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[Lane]:
        """Hold a place in the key's lane."""
        lane = self.lane(key)
        await lane.enter()
        try:
            yield lane
        finally:
            lane.leave()
