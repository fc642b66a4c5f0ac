"""What a provider's words say about a channel, and when silence is too long for its rhythm."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from channel_ingress.domain import NotSent, Refused
from channel_ingress.graph import Answered, words_of
from channel_ingress.graph_versions import END_DATES, version_level
from channel_ingress.health import (
    EXPIRY_WARNED_BEFORE,
    found,
    notice_finding,
    number_findings,
    page_findings,
    silence_finding,
    subscription_finding,
    token_looked,
    worst,
    worst_first,
)
from channel_ingress.rhythm import HOURS, UNWATCHED, Rhythm, hour_of_week, learned, surprise

NOW = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
NUMBER = {
    "display_phone_number": "+1 555 0100",
    "verified_name": "Shop",
    "quality_rating": "GREEN",
    "code_verification_status": "VERIFIED",
    "status": "CONNECTED",
}


def levels(findings: list[object]) -> dict[str, tuple[str, str]]:
    return {one.check: (one.level, one.code) for one in findings}  # type: ignore[attr-defined]


def test_a_good_number_is_green() -> None:
    found_here = levels(list(number_findings(Answered(NUMBER), NOW)))
    checks = ("token", "permissions", "number", "quality")
    assert found_here == dict.fromkeys(checks, ("green", "ok"))


@pytest.mark.parametrize(
    ("changes", "check", "level", "code"),
    [
        ({"status": "BANNED"}, "number", "red", "number_banned"),
        ({"status": "FLAGGED"}, "number", "yellow", "number_flagged"),
        ({"quality_rating": "RED"}, "quality", "red", "quality_red"),
        ({"quality_rating": "YELLOW"}, "quality", "yellow", "quality_yellow"),
        ({"quality_rating": "UNKNOWN"}, "quality", "green", "ok"),
        ({"code_verification_status": "NOT_VERIFIED"}, "number", "yellow", "not_verified"),
    ],
)
def test_what_is_wrong_with_a_number(
    changes: dict[str, str], check: str, level: str, code: str
) -> None:
    findings = number_findings(Answered({**NUMBER, **changes}), NOW)
    assert levels(list(findings))[check] == (level, code)


@pytest.mark.parametrize(
    ("code", "check", "ours"),
    [
        (190, "token", "token_invalid"),
        (0, "token", "token_invalid"),
        (10, "permissions", "permission_missing"),
        (200, "permissions", "permission_missing"),
        (100, "number", "refused"),
    ],
)
def test_a_refused_look_says_why_in_the_providers_words(code: int, check: str, ours: str) -> None:
    error = {
        "message": "Error validating access token",
        "code": code,
        "error_user_msg": "Please log in again.",
        "error_data": {"details": "The session has expired."},
    }
    refused = Refused(400, code, words_of(error))
    for findings in (number_findings(refused, NOW), page_findings(refused, NOW)):
        (finding,) = findings
        assert (finding.check, finding.level, finding.code) == (check, "red", ours)
        assert finding.provider_code == code
        for words in ("Error validating", "log in again", "session has expired"):
            assert words in finding.detail


def test_a_provider_that_does_not_answer_says_nothing_of_the_channel() -> None:
    (finding,) = number_findings(NotSent("ClientConnectorError"), NOW)
    assert (finding.level, finding.code) == ("unknown", "unreachable")


def test_worst() -> None:
    def of(*names: str) -> str:
        return worst([found(f"c{n}", name, "x", "", NOW) for n, name in enumerate(names)])  # type: ignore[arg-type]

    assert of() == "unknown"
    assert of("unknown") == "unknown"
    assert of("unknown", "green") == "green"
    assert of("green", "yellow", "unknown") == "yellow"
    assert of("green", "red", "yellow") == "red"
    mixed = [found(name, name, "x", "", NOW) for name in ("green", "red", "unknown", "yellow")]  # type: ignore[arg-type]
    assert [one.level for one in worst_first(mixed)] == ["red", "yellow", "green", "unknown"]


def test_a_subscription_is_ours_and_has_the_field() -> None:
    def code(body: dict[str, object], app_id: str | None, field: str | None = None) -> str:
        return subscription_finding(Answered(body), app_id, field, NOW).code

    whatsapp = {"data": [{"whatsapp_business_api_data": {"id": "7", "name": "App"}}]}
    assert code(whatsapp, None) == "ok"
    assert code(whatsapp, "7") == "ok"
    assert code(whatsapp, "8") == "not_subscribed"
    assert code({"data": []}, None) == "not_subscribed"
    assert code({}, None) == "not_subscribed"
    page = {"data": [{"id": "7", "subscribed_fields": ["messages", "message_reads"]}]}
    assert code(page, "7", "messages") == "ok"
    page = {"data": [{"id": "7", "subscribed_fields": ["feed"]}]}
    assert code(page, "7", "messages") == "field_not_subscribed"


def test_a_token_is_warned_of_before_it_expires() -> None:
    soon = NOW + EXPIRY_WARNED_BEFORE - timedelta(hours=1)
    for expires_at, code in ((soon, "token_expires"), (NOW + timedelta(days=30), None)):
        answer = Answered({"data": {"is_valid": True, "expires_at": int(expires_at.timestamp())}})
        finding, at = token_looked(answer, NOW)
        assert (finding.code if finding else None) == code
        assert at == expires_at
    assert token_looked(Answered({"data": {"is_valid": True, "expires_at": 0}}), NOW) == (
        None,
        None,
    )
    dead = {"is_valid": False, "error": {"code": 190, "message": "Session has expired"}}
    finding, _ = token_looked(Answered({"data": dead}), NOW)
    assert finding is not None
    assert (finding.level, finding.provider_code, finding.detail) == (
        "red",
        190,
        "Session has expired",
    )
    assert token_looked(Refused(400, 100, "no"), NOW) == (None, None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("account_update", {"event": "DISABLED_UPDATE"}, ("account", "red")),
        ("account_update", {"event": "ACCOUNT_RESTRICTION"}, ("account", "yellow")),
        ("account_update", {"event": "VERIFIED_ACCOUNT"}, None),
        ("account_alerts", {"alert_severity": "CRITICAL", "alert_type": "X"}, ("account", "red")),
        ("account_alerts", {"alert_severity": "INFORMATIONAL"}, None),
        ("phone_number_quality_update", {"event": "FLAGGED"}, ("quality", "red")),
        ("phone_number_quality_update", {"event": "UNFLAGGED"}, ("quality", "green")),
        ("phone_number_quality_update", {"event": "DOWNGRADE"}, None),
        ("security", {"event": "PIN_CHANGED"}, None),
    ],
)
def test_notices(field: str, value: dict[str, str], expected: tuple[str, str] | None) -> None:
    finding = notice_finding(field, value, NOW)
    assert ((finding.check, finding.level) if finding else None) == expected


def test_a_version_is_warned_of_60_days_before_its_end() -> None:
    end = END_DATES["v23.0"]
    assert end is not None
    assert version_level("v23.0", end - timedelta(days=61))[:2] == ("green", "ok")
    assert version_level("v23.0", end - timedelta(days=60))[:2] == ("yellow", "version_ends")
    assert version_level("v23.0", end)[:2] == ("red", "version_ended")
    assert version_level("v26.0", date(2026, 11, 22))[0] == "green"
    assert version_level("v99.0", date(2026, 11, 22))[0] == "green"
    assert version_level("v12.0", date(2026, 11, 22))[0] == "red"


def shop_hours(weeks: int, odds: float = 1.0) -> Rhythm:
    """A shop that hears something in every hour from 8 to 20 on workdays, with these odds."""
    dice = random.Random(7)
    rhythm = Rhythm((UNWATCHED,) * HOURS, MONDAY)
    for number in range(weeks * HOURS):
        hour = MONDAY + timedelta(hours=number)
        is_open = hour.weekday() < 5 and 8 <= hour.hour < 20
        heard = [hour + timedelta(minutes=20)] if is_open and dice.random() < odds else []
        now = hour + timedelta(hours=1, minutes=1)
        rhythm = learned(rhythm.shares, rhythm.watched_until, heard, now)
    return rhythm


def test_a_rhythm_is_learned_hour_by_hour() -> None:
    assert not Rhythm((UNWATCHED,) * HOURS, MONDAY).is_learned
    rhythm = shop_hours(1)
    assert rhythm.is_learned
    assert rhythm.shares[hour_of_week(MONDAY + timedelta(hours=9))] == 1.0
    assert rhythm.shares[hour_of_week(MONDAY + timedelta(hours=3))] == 0.0


def test_hours_in_which_nobody_looked_are_not_learned_as_silent() -> None:
    rhythm = shop_hours(1)
    late = rhythm.watched_until + timedelta(days=3)
    assert learned(rhythm.shares, rhythm.watched_until, [], late).shares == rhythm.shares


def test_looking_often_or_late_in_the_hour_learns_the_same() -> None:
    often, once = shop_hours(1), shop_hours(1)
    hour = often.watched_until
    for minute in (1, 16, 31, 46):
        now = hour + timedelta(minutes=minute)
        often = learned(often.shares, often.watched_until, [hour], now)
    end = hour + timedelta(hours=1, minutes=2)
    often = learned(often.shares, often.watched_until, [hour], end)
    assert often == learned(once.shares, once.watched_until, [hour], end)


def test_a_shop_is_missed_by_day_and_not_by_night() -> None:
    rhythm = shop_hours(3, odds=0.9)
    friday_evening = MONDAY + timedelta(days=4, hours=19, minutes=30)
    monday_morning = MONDAY + timedelta(days=7, hours=7, minutes=59)
    assert surprise(rhythm, friday_evening, monday_morning) < 0.1
    tuesday = MONDAY + timedelta(days=1, hours=8, minutes=30)

    def code(hours: float) -> tuple[str, str]:
        finding = silence_finding(rhythm, tuesday, None, tuesday + timedelta(hours=hours))
        return finding.level, finding.code

    assert code(1) == ("green", "ok")
    assert code(2) == ("green", "ok")
    assert code(6)[1] == "silent"
    assert code(11) == ("red", "silent")


def test_silence_needs_a_rhythm_or_a_choice() -> None:
    unlearned = Rhythm((UNWATCHED,) * HOURS, MONDAY)
    week_ago = NOW - timedelta(days=7)
    assert silence_finding(unlearned, week_ago, None, NOW).code == "learning"
    assert silence_finding(unlearned, None, None, NOW).code == "no_event_yet"
    assert silence_finding(unlearned, week_ago, 24, NOW).code == "silent"
    assert silence_finding(unlearned, NOW - timedelta(hours=23), 24, NOW).code == "ok"


def test_a_finding_can_be_kept_whatever_meta_says() -> None:
    findings = number_findings(Answered({**NUMBER, "verified_name": "a\x00b"}), NOW)
    assert not [finding for finding in findings if "\x00" in finding.detail]
