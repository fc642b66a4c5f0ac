"""Does the customer ask for a person? Keywords as whole words, without case, per language."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from orchestrator.handoff_wishes import asks_for_person

ASKED_FOR: Final = "a wish for a person, in words"
"""Stands for the keyword where none was used."""

_WITHOUT_SPACES: Final = frozenset({"zh", "ja", "th", "lo", "km", "my", "bo", "yue"})
_DOTLESS: Final = frozenset({"tr", "az"})
_DROPPED: Final = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
_APOSTROPHES: Final = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4`"), "'")


class HandoffWords:
    """A tenant's keywords, prepared once for each revision of its settings."""

    def __init__(self, keywords: list[str], language: str) -> None:
        primary = language.lower().replace("_", "-").partition("-")[0]
        self._dotless = primary in _DOTLESS
        # Languages written without spaces have no word edges that could be looked for.
        self._whole_words = primary not in _WITHOUT_SPACES
        prepared = ((self._fold(keyword), keyword) for keyword in keywords)
        self._keywords = [(folded, keyword) for folded, keyword in prepared if folded]

    def found_in(self, text: str) -> str | None:
        """Return the first configured keyword that the text contains, as the tenant wrote it.

        A tenant with keywords has people to call: a wish for one in other words counts as well.
        """
        if not self._keywords:
            return None
        folded_text = self._fold(text)
        for folded, keyword in self._keywords:
            if any(
                self._stands_alone(folded_text, folded, at) for at in _places(folded_text, folded)
            ):
                return keyword
        return ASKED_FOR if asks_for_person(text) else None

    def _fold(self, text: str) -> str:
        if self._dotless:
            text = text.replace("I", "ı").replace("İ", "i")
        folded = unicodedata.normalize("NFKC", text).casefold().translate(_DROPPED)
        return " ".join(unicodedata.normalize("NFKC", folded).translate(_APOSTROPHES).split())

    def _stands_alone(self, text: str, keyword: str, at: int) -> bool:
        if not self._whole_words:
            return True
        before, after = at - 1, at + len(keyword)
        begins_inside = before >= 0 and _is_letter(keyword[0]) and _is_letter(text[before])
        ends_inside = after < len(text) and _is_letter(keyword[-1]) and _is_letter(text[after])
        return not (begins_inside or ends_inside)


def _places(text: str, keyword: str) -> Iterator[int]:
    at = text.find(keyword)
    while at >= 0:
        yield at
        at = text.find(keyword, at + 1)


def _is_letter(character: str) -> bool:
    """Letters, digits and the marks that belong to them (Hindi vowel signs are marks)."""
    return character == "_" or unicodedata.category(character)[0] in "LNM"
