"""Texts as the API takes them: bounded, not only blanks (NUL is refused with the body)."""

from typing import Annotated

from pydantic import StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(max_length=512)]
Words = Annotated[str, StringConstraints(max_length=2_000)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=65_536)]


def printable(text: str) -> str:
    """Replace what Postgres or JSON text cannot hold: NUL and lone surrogates become U+FFFD."""
    cleaned = text.replace("\x00", "\ufffd")
    return cleaned.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
