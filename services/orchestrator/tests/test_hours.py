"""Business hours: what the clock on the wall shows, whatever it is moved to."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.v1.tenants import BusinessHours, OpenHours
from orchestrator.hours import OpeningTimes

MINUTE = timedelta(minutes=1)


def times(*hours: tuple[int, str, str], zone: str = "Europe/Zagreb", closed: tuple[str, ...] = ()):
    week = [OpenHours(weekday=day, opens=opens, closes=closes) for day, opens, closes in hours]
    return OpeningTimes(BusinessHours(timezone=zone, hours=week, closed_on=list(closed)))


WEEKDAYS = [(day, "09:00", "17:00") for day in range(5)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-23T07:59", False),  # Monday 08:59 in Zagreb
        ("2026-11-23T08:00", True),
        ("2026-11-23T15:59", True),
        ("2026-11-23T16:00", False),  # closing time is outside
        ("2026-11-21T10:00", False),  # Saturday
        ("2026-07-20T07:00", True),  # summer: 09:00 is 07:00 UTC
    ],
)
def test_hours_are_local(at, is_open):
    assert times(*WEEKDAYS).is_open(utc(at)) is is_open


def test_without_hours_people_are_always_there_but_on_closed_days():
    assert OpeningTimes(None).is_open(utc("2026-12-25T03:00"))
    assert times().is_open(utc("2026-11-23T03:00"))
    holiday = times(closed=("2026-12-25",))
    assert not holiday.is_open(utc("2026-12-25T10:00"))
    assert holiday.next_opening(utc("2026-12-25T10:00")) == utc("2026-12-25T23:00")


def test_the_next_opening_leaves_holidays_and_weekends_out():
    hours = times(*WEEKDAYS, closed=("2026-11-23", "2026-11-24"))
    assert hours.next_opening(utc("2026-11-20T17:00")) == utc("2026-11-25T08:00")
    assert hours.next_opening(utc("2026-11-25T09:30")) == utc("2026-11-25T09:30")


def test_midnight_closes_a_day_and_the_next_one_goes_on():
    hours = times((0, "18:00", "24:00"), (1, "00:00", "02:00"))
    assert hours.is_open(utc("2026-11-23T22:59"))
    assert hours.is_open(utc("2026-11-24T00:59"))
    assert not hours.is_open(utc("2026-11-24T01:00"))


def test_an_hour_that_the_clock_skips_is_no_opening():
    # On 2026-03-29 the clock in Zagreb goes from 02:00 to 03:00 (at 01:00 UTC).
    hours = times((6, "02:15", "05:00"))
    assert hours.next_opening(utc("2026-03-29T00:30")) == utc("2026-03-29T01:00")
    assert not times((6, "02:00", "03:00")).is_open(utc("2026-03-29T01:00"))


def test_an_hour_that_the_clock_shows_twice_is_open_twice():
    # On 2026-10-25 it goes from 03:00 back to 02:00 (at 01:00 UTC).
    hours = times((6, "01:00", "02:30"))
    open_at = [
        minute for minute in range(240) if hours.is_open(utc("2026-10-24T23:00") + minute * MINUTE)
    ]
    assert open_at == [*range(90), *range(120, 150)]
    assert hours.next_opening(utc("2026-10-25T00:40")) == utc("2026-10-25T01:00")


def test_hours_that_never_come_open_nothing():
    assert times((0, "17:00", "09:00")).next_opening(utc("2026-11-23T10:00")) is None
    assert not times((0, "17:00", "09:00")).is_open(utc("2026-11-23T16:30"))


def test_an_unknown_zone_is_utc():
    assert times((0, "09:00", "10:00"), zone="Mars/Olympus").is_open(utc("2026-11-23T09:30"))


clock = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{half % 2 * 30:02d}")
week = st.lists(st.tuples(st.integers(0, 6), clock, clock), min_size=1, max_size=6)
zones = st.sampled_from(
    ["Europe/Zagreb", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
)
days = st.sampled_from(
    [
        "2026-03-29",
        "2026-10-25",
        "2026-03-08",
        "2026-11-01",
        "2026-04-05",
        "2026-10-04",
        "2026-06-01",
    ]
)


@settings(max_examples=60, deadline=None)
@given(week, zones, days, st.integers(0, 3 * 24 * 60))
def test_nothing_is_open_before_the_next_opening(week, zone, day, minutes):
    """Around every kind of clock change, against a look at each minute."""
    hours = times(*week, zone=zone)
    at = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    at += timedelta(minutes=minutes - 24 * 60)
    found = hours.next_opening(at)
    horizon = at + timedelta(days=8, minutes=1)
    moment = at
    while moment < horizon and not hours.is_open(moment):
        moment += MINUTE
    if moment < horizon:
        assert found == moment
    else:
        assert found is None
