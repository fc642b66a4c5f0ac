"""A clock that moves only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Callable like `datetime.now(UTC)`; `monotonic()` moves along with it."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._started = now

    def __call__(self) -> datetime:
        """Return the moment it is now, in UTC."""
        return self._now

    def now(self) -> datetime:
        """Return the moment it is now, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since this clock was made."""
        return (self._now - self._started).total_seconds()

    def advance(self, seconds: float) -> datetime:
        """Move on and return the new moment."""
        self._now += timedelta(seconds=seconds)
        return self._now
