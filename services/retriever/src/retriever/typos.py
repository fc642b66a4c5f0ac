"""A word that no passage holds may be another one, mistyped. Pure but for the look-up.

Never a number or a code, never a word that is known: a customer's own word is wrong only if the
tenant's documents do not know it and know one that differs by a slip of the finger.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from retriever.index_types import NearTerm, QuestionTerm

SHORTEST_CORRECTED = 4
_ONE_EDIT_UP_TO = 7
_CORRECTED_MAX = 4
_LETTERS = re.compile(r"[^\W\d_]+")

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


def best_correction(term: str, near: Iterable[NearTerm]) -> NearTerm | None:
    """The nearest term, the most frequent of equally near ones; None if none begins alike."""
    fitting = [
        one
        for one in near
        if one.passages
        and 0 < one.distance <= edits_allowed(term)
        and _begins_alike(term, one.term)
        and _LETTERS.fullmatch(one.term)
    ]
    return min(fitting, key=lambda one: (one.distance, -one.passages, one.term), default=None)


def _begins_alike(term: str, other: str) -> bool:
    """The first letter is seldom mistyped but for changing places with the second."""
    swapped = len(term) > 1 and term[1] + term[0] == other[:2]
    return term[0] == other[0] or swapped


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
    """Terms with the same first letter, and those that begin with the second if both changed
    places.
    """
    text, edits = term.term, edits_allowed(term.term)
    near = [*await find_near(term.configuration, text, edits)]
    swapped = text[1] + text[0] + text[2:]
    if text[0] != text[1]:
        others = await find_near(term.configuration, swapped, edits - 1)
        near += [replace(one, distance=one.distance + 1) for one in others]
    return near
