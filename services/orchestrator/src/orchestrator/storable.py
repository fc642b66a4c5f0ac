"""Text that Postgres takes: it refuses the character NUL in text and in jsonb."""

import re
from typing import Final

_ESCAPED_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def storable_text(text: str) -> str:
    """Return the text without NUL."""
    return text.replace("\x00", "") if "\x00" in text else text


def storable_json(text: str) -> str:
    """Return a JSON text without escaped NUL; an escaped backslash before `u0000` stays."""
    return _ESCAPED_NUL.sub(r"\1", text) if "\\u0000" in text else text
