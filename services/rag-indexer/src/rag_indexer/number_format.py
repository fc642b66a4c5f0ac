"""Numbers and dates of a spreadsheet as people read them in its cells."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss",
    20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss", 48: "0.0E+0", 49: "@",
}  # fmt: skip
_EAST_ASIAN_DATES = (*range(27, 37), *range(50, 59))
_FIRST_OWN_ID = 164

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|\[(?!h+\]|m+\]|s+\])[^\]]*\]')
_PLACES = re.compile(r"[0#?][0#?,.\s]*")
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_CURRENCY = re.compile(r"[$€£¥₹₽₺₴₩₪₫฿]|[A-Za-zÀ-ž]{1,4}\.?")
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_EPOCH_OF_1904 = datetime(1904, 1, 1, tzinfo=UTC)
_DAYS_MAX = 2_958_465
_EXACT_DIGITS = 15

Render = Callable[[float], str]


def format_code(number: int, own: dict[int, str]) -> str:
    """The code of a format id: the workbook's own, or one that every spreadsheet program knows."""
    if number in own:
        return own[number]
    if number in _EAST_ASIAN_DATES:
        return "yyyy-mm-dd"
    return _BUILT_IN.get(number, "General")


@lru_cache(maxsize=4096)
def renderer(code: str, from_1904: bool) -> Render:
    """How a number under this format code is written; dates are written as ISO 8601."""
    section = code.split(";")[0]
    bare = _LITERAL.sub(lambda found: found[3] or "", section)
    if bare.strip().lower() in ("", "general", "@"):
        return plain_number
    places = _PLACES.search(bare)
    if places is None:
        return _date_renderer(bare.lower(), _EPOCH_OF_1904 if from_1904 else _EPOCH)
    if "E" in bare[places.end() :].upper()[:2] or "/" in bare:
        return plain_number
    decimals = len(places[0].replace(" ", "").partition(".")[2].replace(",", ""))
    before, after = _currency(section)
    if "%" in bare:
        return lambda value: f"{value * 100:.{decimals}f}%"
    return lambda value: f"{before}{value:.{decimals}f}{after}"


def plain_number(value: float) -> str:
    """A number without a format: whole numbers without a point, others at their precision."""
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if value == int(value) and abs(value) < 10**_EXACT_DIGITS:
        return str(int(value))
    return f"{value:.{_EXACT_DIGITS}g}"


def _currency(section: str) -> tuple[str, str]:
    """What stands before and after the digits, if it is a currency or a unit."""
    shown = _LITERAL.sub(lambda found: found[1] or found[2] or found[3] or "", section)
    places = _PLACES.search(shown)
    if places is None:
        return "", ""
    before, after = shown[: places.start()].strip(), shown[places.end() :].strip()
    return (
        f"{before} " if _CURRENCY.fullmatch(before) else "",
        f" {after}" if _CURRENCY.fullmatch(after) else "",
    )


def _date_renderer(bare: str, epoch: datetime) -> Render:
    clock = "h" in bare or "s" in bare
    day = "y" in bare or "d" in bare or ("m" in bare and not clock)
    seconds = "s" in bare
    if _ELAPSED.search(bare):
        return _elapsed
    if not clock and not day:
        return plain_number

    def render(value: float) -> str:
        if not 0 <= value <= _DAYS_MAX:
            return plain_number(value)
        # Days before March 1900 are one off in the programs themselves; nobody has them in files.
        moment = epoch + timedelta(seconds=round(value * 86_400))
        time = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
        if day and clock and value % 1:
            return f"{moment:%Y-%m-%d} {time}"
        return f"{moment:%Y-%m-%d}" if day else time

    return render


def _elapsed(value: float) -> str:
    minutes, seconds = divmod(round(abs(value) * 86_400), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if value < 0 else ""
    return f"{sign}{hours}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
