"""Cuts a document into passages of bounded tokens, at sentence ends where it can. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Literal

from rag_indexer.parsed import Mark, ParsedDocument

HEADING_SEPARATOR = " > "
CHARACTERS_MAX = 8_000
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])|\n+"
)
_SPACE = re.compile(r"\s+")


Strategy = Literal["fixed", "paragraph", "recursive", "headings"]


@dataclass(frozen=True)
class ChunkRule:
    """How long passages are, in tokens; `section_tokens_min` lets tiny sections run on."""

    tokens_max: int
    overlap_tokens: int
    section_tokens_min: int = 64
    strategy: Strategy = "headings"
    parent_tokens: int | None = None


@dataclass(frozen=True)
class Chunk:
    """A passage: `text` is the document's text from `start` to `end`, in characters.

    `parent_start` to `parent_end` is the longer passage that is read in its place, if there is one.
    """

    ordinal: int
    text: str
    page: int | None
    headings: tuple[str, ...]
    start: int
    end: int
    token_count: int
    parent_start: int | None = None
    parent_end: int | None = None

    @property
    def sha256(self) -> str:
        """Hash of the words, hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class _Window:
    """Tokens `first` to `beyond` (exclusive) of the document."""

    first: int
    beyond: int


def chunk(document: ParsedDocument, starts: Sequence[int], rule: ChunkRule) -> list[Chunk]:
    """Passages in order. `starts` are the characters at which the document's tokens begin."""
    text = document.text
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    spaces = [found.end() for found in _SPACE.finditer(text)]
    cutter = _Cutter(starts, ends, spaces, rule)
    chunks: list[Chunk] = []
    for low, high in _sections(document.marks, starts, len(text), rule):
        for window in cutter.windows(low, high):
            made = _make(document, starts, window, len(chunks))
            if made is not None:
                chunks.append(made)
    return chunks


def _sections(
    marks: Sequence[Mark], starts: Sequence[int], length: int, rule: ChunkRule
) -> list[tuple[int, int]]:
    """Token ranges that passages do not cross: a heading ends one that is long enough."""
    borders = [0]
    headings = marks[0].headings
    for mark in marks[1:]:
        if mark.headings == headings or mark.start >= length:
            continue
        headings = mark.headings
        token = bisect_left(starts, mark.start)
        if token - borders[-1] >= rule.section_tokens_min:
            borders.append(token)
    borders.append(len(starts))
    return [(low, high) for low, high in pairwise(borders) if low < high]


class _Cutter:
    """Finds where a passage ends and where the next one begins."""

    def __init__(
        self, starts: Sequence[int], sentences: list[int], spaces: list[int], rule: ChunkRule
    ) -> None:
        self._starts = starts
        self._sentences = sentences
        self._spaces = spaces
        self._rule = rule

    def windows(self, low: int, high: int) -> list[_Window]:
        """Windows over the tokens `low` to `high`; each begins after the one before it."""
        found: list[_Window] = []
        first = low
        while (limit := self._limit(first, high)) < high:
            beyond = self._end(first, limit)
            found.append(_Window(first, beyond))
            first = self._next(first, beyond)
        found.append(_Window(first, high))
        return found

    def _limit(self, first: int, high: int) -> int:
        """As many tokens as a passage may have, and as many characters."""
        room = bisect_right(self._starts, self._starts[first] + CHARACTERS_MAX, first + 1, high)
        return min(first + self._rule.tokens_max, room, high)

    def _end(self, first: int, limit: int) -> int:
        """The last sentence end in the second half, else the last white space, else the limit."""
        half = first + (limit - first) // 2
        for borders in (self._sentences, self._spaces):
            border = bisect_right(borders, self._starts[limit]) - 1
            if border >= 0:
                token = bisect_left(self._starts, borders[border])
                if half < token <= limit:
                    return token
        return limit

    def _next(self, first: int, beyond: int) -> int:
        """Back by the overlap, to the first sentence or word that begins within it."""
        if self._rule.overlap_tokens == 0:
            return beyond
        back = max(first + 1, beyond - self._rule.overlap_tokens)
        for borders in (self._sentences, self._spaces):
            border = bisect_left(borders, self._starts[back])
            if border < len(borders):
                token = bisect_left(self._starts, borders[border])
                if back <= token < beyond:
                    return token
        return back


def _make(
    document: ParsedDocument, starts: Sequence[int], window: _Window, ordinal: int
) -> Chunk | None:
    """A passage without the white space at its ends; None if nothing readable is left."""
    text = document.text
    start = starts[window.first]
    end = starts[window.beyond] if window.beyond < len(starts) else len(text)
    words = text[start:end].rstrip()
    if not any(character.isalnum() for character in words):
        return None
    mark = document.marks[bisect_right(document.marks, start, key=_mark_start) - 1]
    return Chunk(
        ordinal=ordinal,
        text=words,
        page=mark.page,
        headings=mark.headings,
        start=start,
        end=start + len(words),
        token_count=window.beyond - window.first,
    )


_mark_start: Callable[[Mark], int] = lambda mark: mark.start  # noqa: E731 - a key, named
