"""When a delivery is tried again, when it ends, and who is switched off."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_dispatcher.domain import (
    SCHEDULE_SECONDS,
    Code,
    Outcome,
    code_of_status,
    judge,
    read_retry_after,
    wants_event,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def outcome(
    code: Code = Code.HTTP_ERROR, status: int | None = 500, retry_after: float | None = None
) -> Outcome:
    return Outcome(code, status, 12, "", retry_after)


def test_the_whole_schedule_and_its_end() -> None:
    delays = []
    for failures in range(len(SCHEDULE_SECONDS)):
        verdict = judge(outcome(), failures, None, NOW, chance=0.5)
        delays.append(verdict.delay_seconds)
    assert delays[:-1] == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert (verdict.state, verdict.delay_seconds) == ("exhausted", None)


@given(st.floats(0, 1), st.integers(0, 8))
def test_retries_are_spread_by_a_fifth(chance: float, failures: int) -> None:
    planned = SCHEDULE_SECONDS[failures + 1]
    delay = judge(outcome(), failures, None, NOW, chance).delay_seconds
    assert delay is not None
    assert planned * 0.8 <= delay <= planned * 1.2 + 1e-9


def test_success_is_final() -> None:
    verdict = judge(outcome(Code.DELIVERED, 204), 3, NOW - timedelta(days=9), NOW, 0.5)
    assert (verdict.state, verdict.disable_because) == ("delivered", None)


def test_gone_switches_the_endpoint_off_at_once() -> None:
    verdict = judge(outcome(Code.GONE, 410), 0, None, NOW, 0.5)
    assert verdict.state == "cancelled"
    assert verdict.disable_because is not None


@pytest.mark.parametrize(("hours", "disabled"), [(119, False), (120, True), (500, True)])
def test_five_days_of_only_failures_switch_it_off(hours: int, disabled: bool) -> None:
    verdict = judge(outcome(), 2, NOW - timedelta(hours=hours), NOW, 0.5)
    assert (verdict.disable_because is not None) is disabled


@pytest.mark.parametrize(
    ("result", "least"),
    [
        (outcome(Code.HTTP_ERROR, 429), 60),
        (outcome(Code.TIMEOUT, None), 60),
        (outcome(Code.HTTP_ERROR, 429, retry_after=120), 120),
        (outcome(Code.HTTP_ERROR, 503, retry_after=90), 90),
        (outcome(Code.HTTP_ERROR, 500, retry_after=90), 4),
    ],
)
def test_an_overloaded_receiver_is_given_time(result: Outcome, least: float) -> None:
    delay = judge(result, 0, None, NOW, chance=0.0).delay_seconds
    assert delay is not None
    assert least <= delay <= least * 1.3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, Code.DELIVERED),
        (204, Code.DELIVERED),
        (302, Code.REDIRECT),
        (304, Code.REDIRECT),
        (404, Code.HTTP_ERROR),
        (410, Code.GONE),
        (503, Code.HTTP_ERROR),
    ],
)
def test_codes(status: int, code: Code) -> None:
    assert code_of_status(status) is code


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ([], True),
        (["*"], True),
        (["message.*"], True),
        (["message.received"], True),
        (["document.*", "message.received"], True),
        (["message.sent"], False),
        (["mess.*"], False),
        (["document.*"], False),
    ],
)
def test_filters(patterns: list[str], wanted: bool) -> None:
    assert wants_event("message.received", patterns) is wanted


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 5 ", 5.0),
        ("99999999", 86_400.0),
        (None, None),
        ("-1", None),
        ("soon", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value) == seconds
