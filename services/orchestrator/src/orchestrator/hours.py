"""When people are there: business hours in a time zone, with holidays and summer time. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.v1.tenants import BusinessHours, OpenHours

_DAYS_AHEAD: Final = 370
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


class OpeningTimes:
    """A tenant's business hours, prepared once for each revision of its settings.

    Hours are what the clock on the wall shows: an hour that the clock skips is not open, one that
    it shows twice is open twice.
    """

    def __init__(self, hours: BusinessHours | None) -> None:
        self._zone = _zone_of(hours)
        self._week: dict[int, list[OpenHours]] = {}
        for one in hours.hours if hours else []:
            self._week.setdefault(one.weekday, []).append(one)
        self._closed_on = frozenset(hours.closed_on if hours else [])

    def is_open(self, at: datetime) -> bool:
        """Whether people are there; without any hours, always, but for the closed days."""
        local = at.astimezone(self._zone)
        if local.date().isoformat() in self._closed_on:
            return False
        clock = local.strftime("%H:%M")
        today = self._week.get(local.weekday(), [])
        return not self._week or any(one.opens <= clock < one.closes for one in today)

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the first moment from `at` on when people are there, UTC; None: not in a year."""
        if self.is_open(at):
            return at.astimezone(UTC)
        return next((moment for moment in self._openings(at) if moment > at), None)

    def _openings(self, at: datetime) -> Iterator[datetime]:
        day = at.astimezone(self._zone).date()
        for number in range(_DAYS_AHEAD):
            date = day + number * _DAY
            begins = datetime.combine(date, time(), self._zone)
            ends = datetime.combine(date + _DAY, time(), self._zone)
            if begins.utcoffset() != ends.utcoffset():
                yield from self._minute_by_minute(begins.astimezone(UTC), ends.astimezone(UTC))
            elif date.isoformat() not in self._closed_on:
                for opens in self._opens_on(date.weekday()):
                    yield datetime.combine(date, opens, self._zone).astimezone(UTC)

    def _opens_on(self, weekday: int) -> list[time]:
        if not self._week:
            return [time()]
        today = (one for one in self._week.get(weekday, []) if one.opens < one.closes)
        return sorted(time.fromisoformat(one.opens) for one in today)

    def _minute_by_minute(self, moment: datetime, end: datetime) -> Iterator[datetime]:
        """The moments of a day on which the clock is moved at which people come or are there."""
        while moment < end:
            if self.is_open(moment):
                yield moment
            moment += _MINUTE


def _zone_of(hours: BusinessHours | None) -> ZoneInfo:
    try:
        return ZoneInfo(hours.timezone if hours else "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
