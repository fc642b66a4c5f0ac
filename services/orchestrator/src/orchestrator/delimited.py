"""Data inside a prompt, in marks that its own words cannot end or imitate. Pure."""

import re
from typing import Final

NAMES: Final = ("passage", "facts", "summary", "tool_result")

# Whatever a model may read as one of our marks: other case, spaces, look-alike brackets.
_MARK: Final = re.compile(
    rf"[<\uff1c\u2039\u27e8]([\s\u200b-\u200d\u2060]*[/\uff0f]?[\s\u200b-\u200d\u2060]*"
    rf"(?:{'|'.join(name.replace('_', '[_ -]?') for name in NAMES)}))",
    re.IGNORECASE,
)


def neutralised(text: str) -> str:
    """Return words that hold no mark of ours; they read the same."""
    return _MARK.sub("(\\1", text)


def delimited(name: str, text: str, **attributes: object) -> str:
    """Return data between its marks."""
    told = "".join(f' {key}="{attribute(str(value))}"' for key, value in attributes.items())
    return f"<{name}{told}>\n{neutralised(text)}\n</{name}>"


def attribute(text: str) -> str:
    """Return words that can stand in a mark."""
    return " ".join(text.replace('"', "'").replace("<", "(").replace(">", ")").split())
