"""Where a text may be cut, by kind of separator, and which blocks of it belong together. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag_indexer.parsed import ParsedDocument

_ROW_FILES = frozenset({"csv", "tsv", "xlsx"})
"""Types of which every line is a row of a table."""

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")
_LINE_END = re.compile(r"\n++")
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*+\s++"
    r"|(?<=[\u3002\uff01\uff1f])[\u300d\u300f\u201d\u2019\uff09]*+"
)
_SHORT_WORD = re.compile(r"(?:^|\W)(?:\w{1,3}|[0-9]+)\.$")
_SHORT_WORD_CHARACTERS = 12
_STRUCTURED_LINE = re.compile(
    r"^[^\S\n]{0,12}(?:"
    r"(?P<fence>```+|~~~+)[^\n]*+"
    r"|(?P<item>(?:[-*+\u2022\u2023\u25aa\u2013]|\(?(?:[0-9]{1,3}|[a-zA-Z])[.)])[ \t]++\S[^\n]*+)"
    r"|(?P<row>(?:\||[^\s|][^\n\t|]*+[\t|])[^\n]*+)"
    r")",
    re.MULTILINE,
)
_ANY_LINE = re.compile(r"\S[^\n]*+")


@dataclass(frozen=True)
class Block:
    """Lines that belong together, from `start` to `end`; `parts` are its own units, in order."""

    start: int
    end: int
    parts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Borders:
    """Characters at which something begins, rising; `headings` by depth, the outermost first.

    The rows of a table and the items of a list stand among the sentences.
    """

    headings: tuple[list[int], ...]
    paragraphs: list[int]
    lines: list[int]
    sentences: list[int]

    def without(self, whole: "WholeRanges") -> "Borders":
        """Those that cut none of the ranges."""
        return Borders(
            tuple(whole.outside(one) for one in self.headings),
            whole.outside(self.paragraphs),
            whole.outside(self.lines),
            whole.outside(self.sentences),
        )


class WholeRanges:
    """Ranges of characters that are not to be cut: rising, apart from each other."""

    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    def around(self, place: int) -> tuple[int, int] | None:
        """The range that a cut at this character would divide."""
        index = bisect_left(self._starts, place) - 1
        if index >= 0 and place < self._ends[index]:
            return self._starts[index], self._ends[index]
        return None

    def outside(self, places: list[int]) -> list[int]:
        """The places that divide no range."""
        if not self._starts:
            return places
        kept: list[int] = []
        begin = 0
        for start, end in zip(self._starts, self._ends, strict=True):
            if begin < len(places) and places[begin] < end:
                stop = bisect_right(places, start, begin)
                kept += places[begin:stop]
                begin = bisect_left(places, end, stop)
        return kept + places[begin:]


def borders_of(document: ParsedDocument, blocks: Sequence[Block]) -> Borders:
    """Every separator of the document, found in one pass a kind."""
    text = document.text
    headings = _headings(document)
    paragraphs = {found.end() for found in _BLANK_LINES.finditer(text)}
    sentences = {found.end() for found in _SENTENCE_END.finditer(text) if not _goes_on(text, found)}
    for block in blocks:
        sentences |= {block.start, block.end, *(start for start, _ in block.parts)}
    return Borders(
        headings=headings,
        paragraphs=sorted(paragraphs.union(*headings)),
        lines=[found.end() for found in _LINE_END.finditer(text)],
        sentences=sorted(sentences),
    )


def _goes_on(text: str, found: re.Match[str]) -> bool:
    """A small letter after the full stop of a number or an abbreviation: `15. siječnja`."""
    if not text[found.end() : found.end() + 1].islower():
        return False
    before = text[max(0, found.start() - _SHORT_WORD_CHARACTERS) : found.start()]
    return _SHORT_WORD.search(before) is not None


def heading_starts(document: ParsedDocument) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Where the heading path becomes another one, and that path."""
    for before, mark in pairwise(document.marks):
        if mark.headings != before.headings and mark.start < len(document.text):
            yield mark.start, mark.headings


def heading_paragraphs(borders: Borders, text: str) -> set[int]:
    """Paragraphs that follow a heading of one line and belong to it."""
    found: set[int] = set()
    for starts in borders.headings:
        for start in starts:
            index = bisect_right(borders.paragraphs, start)
            if index < len(borders.paragraphs):
                place = borders.paragraphs[index]
                if is_one_line(text, start, place):
                    found.add(place)
    return found.difference(*borders.headings)


def is_one_line(text: str, start: int, end: int) -> bool:
    """Nothing but a heading stands there."""
    line = text.find("\n", start, end)
    return line < 0 or text[line:end].isspace()


def _headings(document: ParsedDocument) -> tuple[list[int], ...]:
    depths: dict[int, list[int]] = {}
    for start, path in heading_starts(document):
        depths.setdefault(len(path), []).append(start)
    return tuple(depths[depth] for depth in sorted(depths))


def blocks_of(document: ParsedDocument) -> list[Block]:
    """Tables, list items and fenced code, in order; what stands between them is prose."""
    text = document.text
    if document.file_type in _ROW_FILES:
        rows = [found.span() for found in _ANY_LINE.finditer(text)]
        stops = [start for start, _ in heading_starts(document)]
        return _tables(rows, stops)
    blanks = [found.start() for found in _BLANK_LINES.finditer(text)]
    return list(_structured(text, blanks))


def _structured(text: str, blanks: list[int]) -> Iterator[Block]:
    """An item runs on to the next blank line or structured line, a fence to its closing one."""
    found = list(_STRUCTURED_LINE.finditer(text))
    rows: list[tuple[int, int]] = []
    fence, fence_start = "", 0
    for number, line in enumerate(found):
        mark = line["fence"]
        if fence or line.lastgroup != "row":
            yield from _tables(rows, [])
            rows = []
        if fence:
            if mark and mark.startswith(fence):
                yield Block(fence_start, line.end())
                fence = ""
        elif mark:
            fence, fence_start = mark, line.start()
        elif line.lastgroup == "row":
            rows.append(line.span())
        else:
            following = found[number + 1].start() if number + 1 < len(found) else len(text)
            blank = bisect_left(blanks, line.end())
            end = min(following, blanks[blank] if blank < len(blanks) else len(text))
            yield Block(line.start(), end)
    yield from _tables(rows, [])


def _tables(rows: list[tuple[int, int]], stops: list[int]) -> list[Block]:
    """Rows that follow each other line by line are one table; a stop begins another one."""
    tables: list[list[tuple[int, int]]] = []
    borders = set(stops)
    for row in rows:
        if tables and row[0] <= tables[-1][-1][1] + 1 and row[0] not in borders:
            tables[-1].append(row)
        else:
            tables.append([row])
    return [Block(table[0][0], table[-1][1], tuple(table)) for table in tables]
