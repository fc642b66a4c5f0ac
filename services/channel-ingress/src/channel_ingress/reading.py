"""Reads JSON from outside without trusting it: text cleaned, ids bounded, times mended."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import orjson

from channel_ingress.items import Item, Payload, Unreadable, UnreadableBody

Json = dict[str, Any]

ID_LIMIT = 512
TEXT_LIMIT = 16_384
"""Longest text that is passed on; no channel lets people write more."""
JSON_LIMIT = 32_768
"""Longest JSON text that is passed on or kept of one item."""
MALFORMED = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading an item of the wrong shape may raise."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000


def read_body(body: bytes | str) -> Json:
    """Parse a webhook body; UnreadableBody when it is no JSON object."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = _read_slowly(body)
    if not isinstance(parsed, dict):
        raise UnreadableBody("the body is no JSON object")
    return parsed


def cleaned(text: str) -> str:
    """The text with NUL and lone surrogates, which no database text can hold, replaced."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def clipped(text: object, limit: int) -> str | None:
    """Cleaned text of at most `limit` characters, or None where there is none."""
    if not isinstance(text, str) or not text:
        return None
    return cleaned(text[:limit])


def identifier(value: object) -> str:
    """A provider's id; ValueError when it is missing or longer than 512 characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise ValueError("an id is missing")
    if len(value) > ID_LIMIT:
        raise ValueError(f"an id has {len(value)} characters")
    return cleaned(value)


def optional_identifier(value: object) -> str | None:
    """Like `identifier`, but None where there is none."""
    return None if value in (None, "") else identifier(value)


def listed(value: object) -> list[Any]:
    """The list, or an empty one where there is none."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError("a list is something else")
    return value


def moment(value: object, received_at: datetime) -> tuple[datetime, bool]:
    """Seconds or milliseconds as text or number -> UTC; the time of receipt where it is absurd.

    The second value says whether it had to be mended.
    """
    try:
        number = float(value)  # type: ignore[arg-type]  # anything may come; checked by float()
        mended = number >= _MILLISECONDS_FROM
        found = datetime.fromtimestamp(number / 1000 if mended else number, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return received_at, True
    if not _EARLIEST <= found <= received_at + timedelta(days=1):
        return received_at, True
    return found, mended


def json_text(value: object, limit: int = JSON_LIMIT) -> str:
    """Compact JSON text that a database can hold; what is too long or too deep is only named."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = _dumped_slowly(value)
    if "\\u0000" in text:
        text = text.replace("\\u0000", "\\ufffd")
    if len(text) <= limit:
        return text
    return orjson.dumps({"too_long": True, "characters": len(text)}).decode()


def digest_key(kind: str, raw: str) -> str:
    """A key for an item that has no id of its own: the hash of what it says."""
    return f"{kind}:{hashlib.sha256(raw.encode()).hexdigest()[:32]}"


def item_of(address: str, provider_key: str, source: object, payload: Payload) -> Item:
    """An item with its source as JSON text, flagged when its text had to be cleaned."""
    raw = json_text(source)
    if len(provider_key) > ID_LIMIT:
        provider_key = digest_key("long", provider_key)
    flags = ("text_cleaned",) if "\\ufffd" in raw or "\N{REPLACEMENT CHARACTER}" in raw else ()
    return Item(address, provider_key, raw, payload, flags)


def flagged(item: Item, mended: bool) -> Item:
    """Say of an item that its time had to be mended."""
    return replace(item, flags=(*item.flags, "timestamp_mended")) if mended else item


def unreadable_item(address: str, source: object, error: BaseException) -> Item:
    """What is kept of an item that could not be understood."""
    raw = json_text(source)
    problem = cleaned(f"{type(error).__name__}: {error}"[:300])
    return Item(address, digest_key("unreadable", raw), raw, Unreadable(problem))


def _read_slowly(body: bytes | str) -> Any:
    """Python's parser takes lone surrogates, which the fast one refuses; they are cleaned later."""
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UnreadableBody("the body is nested too deeply") from None
    except ValueError as error:
        raise UnreadableBody(f"the body is no JSON: {error}"[:300]) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _dumped_slowly(value: object) -> str:
    try:
        return cleaned(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        return json.dumps({"unreadable": type(error).__name__})
