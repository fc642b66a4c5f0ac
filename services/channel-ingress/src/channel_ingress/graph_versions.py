"""Until when each version of the Graph API answers, by Meta's changelog as of 2026-11."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

WARNED_BEFORE = timedelta(days=60)

END_DATES: dict[str, date | None] = {
    "v18.0": date(2026, 1, 26),
    "v19.0": date(2026, 5, 21),
    "v20.0": date(2026, 9, 24),
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
    "v26.0": None,
}
"""Version -> its last day; None where Meta has not set one."""

VersionLevel = Literal["green", "yellow", "red"]


def version_level(version: str, today: date) -> tuple[VersionLevel, str, str]:
    """Level, code and sentence about a configured version; one that is not listed is newer."""
    major = _major(version)
    if version not in END_DATES:
        if major < min(map(_major, END_DATES)):
            return "red", "version_ended", f"Graph {version} ended long ago; configure a newer one."
        return "green", "ok", f"Graph {version} has no known end date."
    end = END_DATES[version]
    if end is None:
        return "green", "ok", f"Graph {version} has no end date yet."
    if today >= end:
        return "red", "version_ended", f"Graph {version} ended on {end}; configure a newer one."
    if today >= end - WARNED_BEFORE:
        return "yellow", "version_ends", f"Graph {version} ends on {end}; configure a newer one."
    return "green", "ok", f"Graph {version} answers until {end}."


def _major(version: str) -> int:
    return int(version.lstrip("v").split(".")[0])
