"""Cuts a document into passages by the strategy of its rule, with offsets. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, pairwise, takewhile
from typing import Literal

from rag_indexer.parsed import Mark, ParsedDocument
from rag_indexer.text_borders import (
    Borders,
    WholeRanges,
    blocks_of,
    borders_of,
    heading_paragraphs,
    heading_starts,
    is_one_line,
)
from rag_indexer.windows import (
    CHARACTERS_MAX,
    CutRule,
    Cutter,
    Step,
    TokenPlaces,
    Window,
    whole_ranges,
)

__all__ = ["CHARACTERS_MAX", "HEADING_SEPARATOR", "Chunk", "ChunkRule", "Strategy", "chunk"]

HEADING_SEPARATOR = " > "
_EQUAL = 0.875
"""Windows of equal length still end between two words if one does in their last eighth."""

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


def chunk(document: ParsedDocument, starts: Sequence[int], rule: ChunkRule) -> list[Chunk]:
    """Passages in order. `starts` are the characters at which the document's tokens begin."""
    splitter = _Splitter(document, TokenPlaces(document.text, starts), rule)
    chunks: list[Chunk] = []
    for parent in splitter.parents():
        within = splitter.trimmed(parent) if rule.parent_tokens else None
        for window in splitter.passages(parent):
            made = splitter.make(window, len(chunks), within)
            if made is not None and (not chunks or made.end > chunks[-1].end):
                chunks.append(made)
    return chunks


class _Splitter:
    """One document under one rule."""

    def __init__(self, document: ParsedDocument, places: TokenPlaces, rule: ChunkRule) -> None:
        self._document = document
        self._places = places
        self._rule = rule
        self._blocks = blocks_of(document)
        self._borders = borders_of(document, self._blocks)
        self._headings = [places.token(start) for start, _ in heading_starts(document)]
        self._cutter = self._passage_cutter()

    def parents(self) -> Iterator[Window]:
        """What is read as one: parts of a top section, or the document if there are no parents."""
        tokens = len(self._places)
        if self._rule.parent_tokens is None:
            if tokens:
                yield Window(0, tokens)
            return
        whole = whole_ranges(self._places, self._blocks, self._rule.parent_tokens)
        borders = self._borders.without(whole)
        rule = CutRule(self._rule.parent_tokens, 0, _recursive(borders, self._places.text))
        cutter = Cutter(self._places, rule, whole)
        tops = map(self._places.token, _top_sections(self._document))
        for low, high in pairwise(sorted({0, *tops, tokens})):
            yield from cutter.windows(low, high)

    def passages(self, parent: Window) -> Iterator[Window]:
        """What is searched: windows over the parent or, under headings, over its sections."""
        if self._rule.strategy != "headings":
            yield from self._cutter.windows(parent.first, parent.beyond)
            return
        low = parent.first
        for index in range(bisect_right(self._headings, low), len(self._headings)):
            token = self._headings[index]
            if token >= parent.beyond:
                break
            if token - low >= self._rule.section_tokens_min:
                yield from self._cutter.windows(low, token)
                low = token
        yield from self._cutter.windows(low, parent.beyond)

    def _passage_cutter(self) -> Cutter:
        rule = self._rule
        if rule.strategy == "fixed":
            equal = CutRule(rule.tokens_max, rule.overlap_tokens, (), words_filled=_EQUAL)
            return Cutter(self._places, equal, WholeRanges([]))
        whole = whole_ranges(self._places, self._blocks, rule.tokens_max)
        borders = self._borders.without(whole)
        ladder = _LADDERS[rule.strategy](borders, self._places.text)
        returns = (borders.sentences, borders.lines)
        barriers = sorted(chain(*borders.headings))
        cut_rule = CutRule(
            rule.tokens_max, rule.overlap_tokens, ladder, returns=returns, barriers=barriers
        )
        return Cutter(self._places, cut_rule, whole)

    def trimmed(self, window: Window) -> tuple[int, int]:
        """From the first to the last character of a window that is no white space."""
        start, end = self._places.character(window.first), self._places.character(window.beyond)
        words = self._places.text[start:end]
        return end - len(words.lstrip()), start + len(words.rstrip())

    def make(self, window: Window, ordinal: int, parent: tuple[int, int] | None) -> Chunk | None:
        """A passage without the white space at its ends; None if nothing readable is left."""
        start, end = self.trimmed(window)
        words = self._places.text[start:end]
        if not any(character.isalnum() for character in words):
            return None
        page, headings = self._standing(start, end)
        return Chunk(
            ordinal=ordinal,
            text=words,
            page=page,
            headings=headings,
            start=start,
            end=end,
            token_count=window.beyond - window.first,
            parent_start=parent[0] if parent else None,
            parent_end=parent[1] if parent else None,
        )

    def _standing(self, start: int, end: int) -> tuple[int | None, tuple[str, ...]]:
        """The page on which it begins, and the headings that stand over all its sections.

        A heading without words is no section of its own; sections without anything over them in
        common have the headings of the first one.
        """
        marks = self._document.marks
        index = bisect_right(marks, start, key=_mark_start) - 1
        page = marks[index].page
        while index + 1 < len(marks) and marks[index + 1].start < end:
            if not is_one_line(self._places.text, marks[index].start, marks[index + 1].start):
                break
            index += 1
        first = over = marks[index].headings
        while over and index + 1 < len(marks) and marks[index + 1].start < end:
            index += 1
            over = over[: _alike(over, marks[index].headings)]
        return page, over or first


def _top_sections(document: ParsedDocument) -> Iterator[int]:
    """Where the outermost headings that differ begin; one without words joins the next one."""
    paths = [mark.headings for mark in document.marks if mark.headings]
    if not paths:
        return
    depth = _alike(min(paths), max(paths))
    top = document.marks[0].headings[: depth + 1]
    begun = 0
    for start, path in heading_starts(document):
        if path[: depth + 1] != top:
            top = path[: depth + 1]
            if not is_one_line(document.text, begun, start):
                yield start
            begun = start


def _alike(path: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many headings two paths have in common from the outermost on."""
    pairs = zip(path, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _recursive(borders: Borders, _text: str) -> tuple[Step, ...]:
    return (
        *(Step(starts, 0.25) for starts in borders.headings),
        Step(borders.paragraphs, 0.25),
        Step(borders.lines, 0.5),
        Step(borders.sentences, 0.5),
    )


def _paragraphs(borders: Borders, text: str) -> tuple[Step, ...]:
    glued = heading_paragraphs(borders, text)
    whole = [place for place in borders.paragraphs if place not in glued]
    return Step(whole, 0.0), Step(borders.sentences, 0.5), Step(borders.lines, 0.5)


def _sentences(borders: Borders, _text: str) -> tuple[Step, ...]:
    return (
        Step(borders.paragraphs, 0.67),
        Step(borders.sentences, 0.5),
        Step(borders.lines, 0.5),
    )


_LADDERS: dict[Strategy, Callable[[Borders, str], tuple[Step, ...]]] = {
    "paragraph": _paragraphs,
    "recursive": _recursive,
    "headings": _sentences,
}


def _mark_start(mark: Mark) -> int:
    return mark.start
