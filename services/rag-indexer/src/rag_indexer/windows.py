"""Cuts a range of tokens into windows: each ends at the largest separator that fits. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_indexer.text_borders import Block, WholeRanges

CHARACTERS_MAX = 12_000


@dataclass(frozen=True)
class Window:
    """Tokens `first` to `beyond` (exclusive) of the document."""

    first: int
    beyond: int


@dataclass(frozen=True)
class Step:
    """A kind of separator, taken when it leaves at least `filled` of the longest window."""

    places: Sequence[int]
    filled: float


class TokenPlaces:
    """The tokens of a text by the character at which each of them begins."""

    def __init__(self, text: str, starts: Sequence[int]) -> None:
        self.text = text
        self.starts = starts

    def __len__(self) -> int:
        return len(self.starts)

    def character(self, token: int) -> int:
        """Where a token begins; the first one at 0, and the one past the last at the end."""
        if token == 0:
            return 0
        return self.starts[token] if token < len(self.starts) else len(self.text)

    def token(self, character: int) -> int:
        """The first token that begins at the character or after it."""
        return bisect_left(self.starts, character)

    def limit(self, first: int, tokens: int, high: int) -> int:
        """As far as a window may reach: so many tokens, and as many characters as are allowed."""
        limit = min(first + tokens, high)
        reach = self.starts[first] + CHARACTERS_MAX
        if self.character(limit) <= reach:
            return limit
        return max(bisect_right(self.starts, reach, first, limit) - 1, first + 1)

    def begins_word(self, token: int) -> bool:
        """White space stands before the token."""
        place = self.starts[token]
        return place > 0 and self.text[place - 1].isspace()

    def whole_character(self, token: int, low: int, high: int) -> int:
        """The token with which its character begins, or the next character does: not `low`."""
        place = self.starts[token]
        back = bisect_left(self.starts, place, low, token)
        return back if back > low else bisect_right(self.starts, place, token, high)


def whole_ranges(places: TokenPlaces, blocks: Sequence[Block], tokens_max: int) -> WholeRanges:
    """Blocks that fit into a window, and of longer ones the parts that do."""

    def fits(start: int, end: int) -> bool:
        return end - start <= CHARACTERS_MAX and (
            places.token(end) - places.token(start) <= tokens_max
        )

    ranges: list[tuple[int, int]] = []
    for block in blocks:
        if fits(block.start, block.end):
            ranges.append((block.start, block.end))
        else:
            ranges += [part for part in block.parts if fits(*part)]
    return WholeRanges(ranges)


@dataclass(frozen=True)
class CutRule:
    """How windows are cut: `ladder` from the largest separator down, then words, then tokens.

    `returns` are where a shared part may begin, the best kind first; none reaches back over one of
    the `barriers`. Between words a window is left at least `words_filled` full.
    """

    tokens_max: int
    overlap_tokens: int
    ladder: tuple[Step, ...]
    words_filled: float = 0.5
    returns: tuple[Sequence[int], ...] = ()
    barriers: Sequence[int] = ()


class Cutter:
    """Finds where a window ends and where the next one begins."""

    def __init__(self, places: TokenPlaces, rule: CutRule, whole: WholeRanges) -> None:
        self._places = places
        self._rule = rule
        self._whole = whole

    def windows(self, low: int, high: int) -> Iterator[Window]:
        """Windows over the tokens `low` to `high`; each reaches further than the one before it."""
        first = covered = low
        while (limit := self._places.limit(first, self._rule.tokens_max, high)) < high:
            beyond = self._end(first, covered, limit, high)
            if beyond > covered:
                yield Window(first, beyond)
                covered = beyond
                first = self._next(first, beyond)
            else:
                first = covered
        if covered < high:
            yield Window(first, high)

    def _end(self, first: int, covered: int, limit: int, high: int) -> int:
        """The best separator up to the limit; `covered` if there is none behind the shared part."""
        for step in self._rule.ladder:
            lowest = max(covered, first + int((limit - first) * step.filled))
            found = self._last(step.places, lowest, limit)
            if found is not None:
                return found
        if limit > covered:
            word = self._word(first, covered, limit)
            divided = self._whole.around(self._places.character(word))
            before = self._places.token(divided[0]) if divided else word
            if before > covered:
                return before
        return covered if first < covered else self._places.whole_character(limit, first, high)

    def _word(self, first: int, covered: int, limit: int) -> int:
        """The last beginning of a word that fills the window enough, else the limit."""
        lowest = max(covered, first + int((limit - first) * self._rule.words_filled))
        for token in range(limit, lowest, -1):
            if self._places.begins_word(token):
                return self._places.token(self._places.starts[token])
        return self._places.token(self._places.starts[limit])

    def _last(self, places: Sequence[int], lowest: int, limit: int) -> int | None:
        """The token at the last of the places after token `lowest`, not after `limit`."""
        index = bisect_right(places, self._places.character(limit)) - 1
        if index < 0:
            return None
        token = self._places.token(places[index])
        return token if lowest < token <= limit else None

    def _next(self, first: int, beyond: int) -> int:
        """Back by the overlap, to the first sentence or word that begins within it."""
        back = max(first + 1, beyond - self._rule.overlap_tokens)
        if self._rule.barriers:
            index = bisect_right(self._rule.barriers, self._places.character(beyond)) - 1
            if index >= 0:
                back = max(back, self._places.token(self._rule.barriers[index]))
        if back >= beyond:
            return beyond
        begin = self._places.character(back)
        for places in self._rule.returns:
            index = bisect_left(places, begin)
            if index < len(places):
                token = self._places.token(places[index])
                if back <= token < beyond:
                    return token
        return self._word_after(back, beyond)

    def _word_after(self, back: int, beyond: int) -> int:
        divided = self._whole.around(self._places.character(back))
        if divided is not None:
            return min(self._places.token(divided[1]), beyond)
        word = next((one for one in range(back, beyond) if self._places.begins_word(one)), back)
        return self._places.whole_character(word, back - 1, beyond)
