"""Dates as files write them in their metadata."""

import re
from datetime import date

_PDF = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_FIRST_YEAR = 1970
_LAST_YEAR = 2199


def date_in(value: str | None) -> str | None:
    """`YYYY-MM-DD` of an ISO or PDF date; None for what is none."""
    text = (value or "").strip()
    found = _ISO.match(text) or _PDF.match(text)
    if found is None:
        return None
    year, month, day = (int(part or 1) for part in found.groups())
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
