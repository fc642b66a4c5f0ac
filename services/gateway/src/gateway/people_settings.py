"""Settings about people and their hours: what does not fit each other, and why. Pure."""

import json
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.v1.tenants import BusinessHours, TenantSettings

_TEXT_MAX: Final = 2_000
_QUESTION_MAX: Final = 1_000
_KEYWORDS_MAX: Final = 100
_TEXTS: Final = {
    "handoff_reply": _TEXT_MAX,
    "failure_reply": _TEXT_MAX,
    "away_reply": _TEXT_MAX,
    "rating_question": _QUESTION_MAX,
}


def people_contradictions(settings: TenantSettings) -> dict[str, str]:
    """Return field -> why, of hours that never come, zones that are none, texts of no shape."""
    wrong: dict[str, str] = {}
    if settings.business_hours is not None:
        wrong |= _of_hours(settings.business_hours)
    if settings.away_mode == "away" and not (settings.away_reply or "").strip():
        wrong["away_mode"] = "away needs an away_reply"
    if settings.language_replies is not None:
        why = _of_replies(settings.language_replies)
        if why is not None:
            wrong["language_replies"] = why
    return wrong


def _of_hours(hours: BusinessHours) -> dict[str, str]:
    wrong: dict[str, str] = {}
    try:
        ZoneInfo(hours.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wrong["business_hours.timezone"] = "an IANA time zone such as Europe/Zagreb"
    for place, one in enumerate(hours.hours):
        if one.closes <= one.opens:
            wrong[f"business_hours.hours.{place}.closes"] = "must be later than opens, the same day"
    for place, day in enumerate(hours.closed_on):
        try:
            date.fromisoformat(day)
        except ValueError:
            wrong[f"business_hours.closed_on.{place}"] = "there is no such day"
    return wrong


def _of_replies(text: str) -> str | None:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return "must be JSON"
    if not isinstance(listed, dict):
        return "must be an object: language to its texts"
    for language, own in listed.items():
        if not isinstance(own, dict):
            return f"{language[:16]} must be an object"
        for name, value in own.items():
            why = _of_reply(name, value)
            if why is not None:
                return f"{language[:16]}.{name[:32]} {why}"
    return None


def _of_reply(name: str, value: Any) -> str | None:
    if name in _TEXTS:
        fits = isinstance(value, str) and len(value) <= _TEXTS[name]
        return None if fits else f"must be a text of at most {_TEXTS[name]} characters"
    if name != "handoff_keywords":
        return f"is none of {', '.join((*_TEXTS, 'handoff_keywords'))}"
    fits = isinstance(value, list) and len(value) <= _KEYWORDS_MAX
    if fits and all(isinstance(word, str) and word.strip() for word in value):
        return None
    return f"must be a list of at most {_KEYWORDS_MAX} words"
