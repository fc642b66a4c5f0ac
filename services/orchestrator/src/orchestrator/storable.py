"""Text that Postgres and the bus take: no NUL or other control characters, and not too long."""

import re
from typing import Final

from pydantic_core import to_json

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPED_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def storable_text(text: str) -> str:
    """Return the text without control characters; tabs and line ends stay."""
    return _CONTROLS.sub("", text)


def storable_json(text: str) -> str:
    """Return a JSON text without escaped NUL; an escaped backslash before `u0000` stays."""
    return _ESCAPED_NUL.sub(r"\1", text) if "\\u0000" in text else text


def json_bytes(text: str) -> int:
    """Return how many bytes the text takes inside a message."""
    return len(to_json(text))


def clipped(text: str, bytes_max: int) -> str:
    """Return as much of a storable text as takes at most so many bytes inside a message."""
    if 6 * len(text) <= bytes_max or json_bytes(text) <= bytes_max:
        return text
    # Escaping at most doubles what has no control characters.
    return text.encode()[: bytes_max // 2 - 3].decode(errors="ignore") + "…"
