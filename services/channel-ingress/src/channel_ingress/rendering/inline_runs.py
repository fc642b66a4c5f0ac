"""Characters with marks become a line in the channel's own markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OTHER_SCRIPTS = r"\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
"""Scripts without spaces: what follows an address directly is not part of it."""
URL = re.compile(
    rf"(?:https?://|www\.|mailto:|tel:)[^\s<>{_OTHER_SCRIPTS}]*"
    rf"[^\s<>.,;:!?'\"()\[\]{{}}*_~`{_OTHER_SCRIPTS}]"
)
"""An address as phones recognise it in plain text."""

_LOOKALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
"""WhatsApp has no way to write a marker literally: a twin that looks the same stands in."""
_KEPT_INSIDE_WORDS = frozenset({"~"})
"""Struck-out words without their marks would say the opposite."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One character of a line."""

    character: str
    marks: frozenset[str] = frozenset()
    """Markers that are open around it."""
    is_raw: bool = False
    """Part of an address or of code: never touched."""


def letters(text: str, marks: frozenset[str], *, is_raw: bool = False) -> list[Letter]:
    """The characters of a text, all with the same marks."""
    return [Letter(character, marks, is_raw) for character in text]


def marked_up(line: list[Letter], markers: Iterable[str], *, is_interpreted: bool) -> str:
    """One line with its markers; those that would not work there are left out.

    `is_interpreted`: the channel reads markers, so literal ones must not look like them.
    """
    spans = {mark: _spans(line, mark) for mark in markers}
    opening, closing = _places(spans)
    characters = [letter.character for letter in line]
    if is_interpreted:
        _disarm(line, characters, {mark for mark, found in spans.items() if found})
    return "".join(
        opening.get(place, "") + character + closing.get(place, "")
        for place, character in enumerate(characters)
    )


def _spans(line: list[Letter], mark: str) -> list[tuple[int, int]]:
    """First and last place of each stretch that can carry the mark."""
    spans, start = [], None
    for place in range(len(line) + 1):
        inside = place < len(line) and mark in line[place].marks
        if inside and start is None:
            start = place
        elif not inside and start is not None:
            span = _trimmed(line, start, place - 1)
            if span is not None and (mark in _KEPT_INSIDE_WORDS or _stands_free(line, *span)):
                spans.append(span)
            start = None
    return spans


def _trimmed(line: list[Letter], first: int, last: int) -> tuple[int, int] | None:
    while first <= last and line[first].character.isspace():
        first += 1
    while first <= last and line[last].character.isspace():
        last -= 1
    return (first, last) if first <= last else None


def _stands_free(line: list[Letter], first: int, last: int) -> bool:
    """Markers work only where a word begins and ends."""
    before = line[first - 1].character if first else " "
    after = line[last + 1].character if last + 1 < len(line) else " "
    return not (before.isalnum() or after.isalnum())


def _places(spans: dict[str, list[tuple[int, int]]]) -> tuple[dict[int, str], dict[int, str]]:
    """What opens before and what closes after each place, properly nested."""
    every = [(first, last, mark) for mark, found in spans.items() for first, last in found]
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    for first, last, mark in sorted(every, key=lambda span: (span[0], -span[1])):
        opening[first] = opening.get(first, "") + mark
        closing[last] = mark + closing.get(last, "")
    return opening, closing


def _disarm(line: list[Letter], characters: list[str], used: set[str]) -> None:
    """Put a twin for each literal marker that would be taken for markup."""
    free = _free_places(line)
    for mark, twin in _LOOKALIKES.items():
        places = [at for at in free if characters[at] == mark]
        opens = [at for at in places if _could_open(characters, at)]
        closes = [at for at in places if _could_close(characters, at)]
        makes_pair = bool(opens and closes and min(opens) + 1 < max(closes))
        if makes_pair or mark in used:
            for at in {*opens, *closes}:
                characters[at] = twin


def _free_places(line: list[Letter]) -> list[int]:
    text = "".join(letter.character for letter in line)
    taken = {at for found in URL.finditer(text) for at in range(*found.span())}
    return [at for at, letter in enumerate(line) if not letter.is_raw and at not in taken]


def _could_open(characters: list[str], at: int) -> bool:
    before, after = _around(characters, at)
    return not before.isalnum() and not after.isspace()


def _could_close(characters: list[str], at: int) -> bool:
    before, after = _around(characters, at)
    return not before.isspace() and not after.isalnum()


def _around(characters: list[str], at: int) -> tuple[str, str]:
    """The characters before and after a run of equal markers; outside of the line is space."""
    first = last = at
    while first and characters[first - 1] == characters[at]:
        first -= 1
    while last + 1 < len(characters) and characters[last + 1] == characters[at]:
        last += 1
    before = characters[first - 1] if first else " "
    return before, characters[last + 1] if last + 1 < len(characters) else " "
