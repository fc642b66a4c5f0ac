"""A word that no passage holds may be another one, mistyped. Pure but for the look-up.

Letters typed without their accents are the commonest slip: `zalba` is `žalba`. Never a number or a
code, never a word that is known: a customer's own word is wrong only if the tenant's documents do
not know it and know one that differs by a slip of the finger.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from retriever.index_types import NearTerm, QuestionTerm

SHORTEST_CORRECTED = 4
_ONE_EDIT_UP_TO = 7
_CORRECTED_MAX = 4
_LETTERS = re.compile(r"[^\W\d_]+")
_ACCENTS_AT_MOST = 2
_UNACCENTED = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ı": "i"})
_ACCENTED = {
    "a": "áàâäãåą",
    "c": "čćç",
    "d": "đď",
    "e": "éèêëěę",
    "g": "ğ",
    "i": "íìîï",
    "l": "łľ",
    "n": "ñńň",
    "o": "óòôöõøő",
    "r": "ř",
    "s": "šśş",
    "t": "ťţ",
    "u": "úùûüůű",
    "y": "ý",
    "z": "žźż",
}

FindNear = Callable[[str, str, int], Awaitable[Sequence[NearTerm]]]
"""Configuration, term, edit distance -> terms near it."""


def edits_allowed(term: str) -> int:
    """How many slips a term of this length may hold; none for what is no word."""
    if len(term) < SHORTEST_CORRECTED or not _LETTERS.fullmatch(term):
        return 0
    return 1 if len(term) <= _ONE_EDIT_UP_TO else 2


def unknown_words(terms: Sequence[QuestionTerm]) -> list[str]:
    """Words that no passage holds in any language, and that may be mistyped, in order."""
    known = {term.word for term in terms if term.passages}
    unknown = (term.word for term in terms if term.word not in known)
    wanted = dict.fromkeys(word for word in unknown if not _is_code(word))
    return list(wanted)[:_CORRECTED_MAX]


def _is_code(word: str) -> bool:
    """Numbers, article codes and abbreviations mean themselves."""
    return not _LETTERS.fullmatch(word) or (word.isupper() and len(word) > 1)


def folded(word: str) -> str:
    """Without accents."""
    decomposed = unicodedata.normalize("NFKD", word.translate(_UNACCENTED))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def best_correction(term: str, near: Iterable[NearTerm]) -> NearTerm | None:
    """The term that differs by accents alone, else the nearest, else the most frequent of equally
    near ones; None if none begins alike.
    """
    plain = folded(term)
    fitting = [
        (folded(one.term) != plain, one.distance, -one.passages, one.term, one)
        for one in near
        if one.passages and one.distance and _LETTERS.fullmatch(one.term)
        if folded(one.term) == plain
        or (one.distance <= edits_allowed(term) and _begins_alike(plain, folded(one.term)))
    ]
    return min(fitting)[-1] if fitting else None


def _begins_alike(term: str, other: str) -> bool:
    """The first letter is seldom mistyped but for changing places with the second."""
    swapped = len(term) > 1 and term[1] + term[0] == other[:2]
    return term[:1] == other[:1] or swapped


async def corrected(
    terms: Sequence[QuestionTerm], find_near: FindNear
) -> tuple[QuestionTerm, ...] | None:
    """The terms with their typos replaced; None when there is nothing to replace."""
    wanted = set(unknown_words(terms))
    if not wanted:
        return None
    changed: list[QuestionTerm] = []
    found = False
    for term in terms:
        other = None
        if term.word in wanted and edits_allowed(term.term):
            other = best_correction(term.term, await _near(term, find_near))
        if other is None:
            changed.append(term)
        else:
            found = True
            changed.append(replace(term, term=other.term, corrected_from=term.word))
    return tuple(changed) if found else None


async def _near(term: QuestionTerm, find_near: FindNear) -> list[NearTerm]:
    """Terms that begin with the same letter, with or without its accent, and those that begin with
    the second letter if the first two changed places.
    """
    text, edits = term.term, max(edits_allowed(term.term), _ACCENTS_AT_MOST)
    near = [*await find_near(term.configuration, text, edits)]
    beginnings = [accented + text[1:] for accented in _ACCENTED.get(text[0], "")]
    if text[0] != text[1]:
        beginnings.append(text[1] + text[0] + text[2:])
    for other in beginnings:
        found = await find_near(term.configuration, other, edits - 1)
        near += [replace(one, distance=one.distance + 1) for one in found]
    return near
