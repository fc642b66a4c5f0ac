"""A channel's own rhythm, and whether its silence is too long for it; pure.

For each hour of the week it is known how often something came in that hour. The chance of a
silence is the product of the chances that each of its full hours stays empty: a shop that sleeps
at night is not missed at night, a busy channel is missed after a few hours.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOURS = 168
UNWATCHED = -1.0
HOUR = timedelta(hours=1)
NEWEST_SHARE = 0.3
"""Weight of the newest week in an hour's share."""
SURPRISE_YELLOW = 6.9
"""A silence less likely than one in a thousand."""
SURPRISE_RED = 16.0
"""Less likely than one in ten million."""
CERTAINTY_MAX = 0.95
"""No hour is certain to have events, however many weeks it had some."""
WATCHED_MIN = HOURS
"""Hours of the week that must have been watched before silence means anything: a whole week."""
GAP_MAX = timedelta(hours=6)
"""If nobody looked for longer, nobody knows what was missed meanwhile."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known, and until when it is complete."""

    shares: tuple[float, ...]
    watched_until: datetime

    @property
    def is_learned(self) -> bool:
        """Whether a whole week has been watched."""
        return sum(share >= 0 for share in self.shares) >= WATCHED_MIN


def full_hour(at: datetime) -> datetime:
    """The beginning of its hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def learned(
    shares: Sequence[float], watched_until: datetime, heard: Collection[datetime], now: datetime
) -> Rhythm:
    """The rhythm with every hour that has ended since the last look."""
    result, end = list(shares), full_hour(now)
    if len(result) != HOURS:
        result = [UNWATCHED] * HOURS
    hour = full_hour(watched_until)
    if hour < watched_until:
        hour += HOUR
    if end - hour > GAP_MAX:
        return Rhythm(tuple(result), end)
    heard_hours = {full_hour(at) for at in heard}
    while hour < end:
        place, had = hour_of_week(hour), 1.0 if hour in heard_hours else 0.0
        known = result[place]
        result[place] = had if known < 0 else known + NEWEST_SHARE * (had - known)
        hour += HOUR
    return Rhythm(tuple(result), max(end, hour))


def hour_of_week(at: datetime) -> int:
    """0 for Monday from midnight, 167 for Sunday's last hour, UTC."""
    moment = at.astimezone(UTC)
    return moment.weekday() * 24 + moment.hour


def surprise(rhythm: Rhythm, last_event_at: datetime, now: datetime) -> float:
    """How unlikely the silence is: minus the natural logarithm of its chance."""
    hour, end = full_hour(last_event_at) + HOUR, full_hour(now)
    if end - hour > timedelta(weeks=4):
        hour = end - timedelta(weeks=4)
    total = 0.0
    while hour < end:
        share = min(CERTAINTY_MAX, max(0.0, rhythm.shares[hour_of_week(hour)]))
        total -= math.log1p(-share)
        hour += HOUR
    return total
