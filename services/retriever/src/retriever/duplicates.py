"""Passages that say the same again. Pure."""

import re

_DUPLICATE_SIMILARITY = 0.9
_SHINGLE_WORDS = 3
_WORD = re.compile(r"\w+")
Shingles = frozenset[tuple[str, ...]]


class NearDuplicates:
    """Remembers what was given; a text whose runs of three words are 90 % the same repeats it."""

    def __init__(self) -> None:
        self._seen: list[Shingles] = []

    def repeats(self, text: str) -> bool:
        """Whether the text repeats one before it; remembered if it does not."""
        shingles = _shingles(text)
        if any(_alike(shingles, other) for other in self._seen):
            return True
        self._seen.append(shingles)
        return False


def _shingles(text: str) -> Shingles:
    words = _WORD.findall(text.casefold())
    last = max(1, len(words) - _SHINGLE_WORDS + 1)
    return frozenset(tuple(words[place : place + _SHINGLE_WORDS]) for place in range(last))


def _alike(one: Shingles, other: Shingles) -> bool:
    fewer, more = sorted((len(one), len(other)))
    if fewer < _DUPLICATE_SIMILARITY * more:
        return False
    shared = len(one & other)
    return shared >= _DUPLICATE_SIMILARITY * (len(one) + len(other) - shared)
