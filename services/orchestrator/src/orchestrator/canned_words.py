"""Places in canned replies, `{{contact.name}}`, and the words that go there: pure."""

import re
from collections.abc import Mapping
from typing import Final

from contracts.v1.shapes import ContactRef

_PLACE: Final = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}")

PLACES: Final = (
    "contact.name",
    "contact.phone",
    "contact.email",
    "contact.username",
    "agent.name",
    "bot.name",
)
"""What a canned reply may name; `{{contact.name|there}}` says what stands where it is unknown."""


class Unfilled(Exception):
    """A text has places that nothing is known for: `places` names them."""

    def __init__(self, places: list[str]) -> None:
        super().__init__(", ".join(places))
        self.places = places


def unknown_places(text: str) -> list[str]:
    """Return the places of a text that no reply may have, as they are written."""
    names = (match.group(1) for match in _PLACE.finditer(text))
    return sorted({name for name in names if name not in PLACES})


def known_words(contact: ContactRef, *, agent: str, bot: str) -> Mapping[str, str | None]:
    """Return what is known for each place."""
    return {
        "contact.name": contact.display_name,
        "contact.phone": contact.phone,
        "contact.email": contact.email,
        "contact.username": contact.username,
        "agent.name": agent,
        "bot.name": bot,
    }


def filled(text: str, words: Mapping[str, str | None]) -> str:
    """Return the text with its places filled; raises `Unfilled`: no customer reads braces.

    What is filled in is never read for places again.
    """
    unfilled: list[str] = []

    def word(match: re.Match[str]) -> str:
        name, otherwise = match.group(1), match.group(2)
        known = words.get(name) or (None if otherwise is None else otherwise.strip())
        if known is None or name not in words:
            unfilled.append(name)
            return match.group(0)
        return known

    text = _PLACE.sub(word, text)
    if unfilled:
        raise Unfilled(sorted(set(unfilled)))
    return text
