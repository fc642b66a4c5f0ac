"""Hours and texts of people: what never comes or cannot be read is refused when it is set."""

import json
from typing import Any

import pytest

from gateway.domain import DEFAULT_SETTINGS, contradictions, merged_settings

DAY = {"weekday": 0, "opens": "09:00", "closes": "17:00"}
GOOD: dict[str, Any] = {"timezone": "Europe/Zagreb", "hours": [DAY], "closed_on": ["2026-12-25"]}


def wrong_in(**settings: Any) -> list[str]:
    return list(contradictions(merged_settings(DEFAULT_SETTINGS, settings)))


def replies(**of_language: Any) -> str:
    return json.dumps({"hr": of_language})


def test_what_fits_is_taken() -> None:
    german = replies(away_reply="Zatvoreno.", handoff_keywords=["čovjek"])
    fitting = {"business_hours": GOOD, "away_mode": "away", "away_reply": "Closed."}
    assert wrong_in(**fitting, language_replies=german) == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"business_hours": {**GOOD, "timezone": "Mars/Olympus"}}, "business_hours.timezone"),
        ({"business_hours": {**GOOD, "timezone": "../etc/passwd"}}, "business_hours.timezone"),
        ({"business_hours": {**GOOD, "hours": [DAY, {**DAY, "closes": "09:00"}]}},
         "business_hours.hours.1.closes"),
        ({"business_hours": {**GOOD, "closed_on": ["2026-02-30"]}}, "business_hours.closed_on.0"),
        ({"away_mode": "away"}, "away_mode"),
        ({"away_mode": "away", "away_reply": " "}, "away_mode"),
        ({"language_replies": "{"}, "language_replies"),
        ({"language_replies": "[]"}, "language_replies"),
        ({"language_replies": '{"hr": "Bok"}'}, "language_replies"),
        ({"language_replies": replies(handof_reply="x")}, "language_replies"),
        ({"language_replies": replies(handoff_reply=7)}, "language_replies"),
        ({"language_replies": replies(rating_question="x" * 1_001)}, "language_replies"),
        ({"language_replies": replies(handoff_keywords="čovjek")}, "language_replies"),
        ({"language_replies": replies(handoff_keywords=[""])}, "language_replies"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(settings: dict[str, Any], field: str) -> None:
    assert wrong_in(**settings) == [field]
