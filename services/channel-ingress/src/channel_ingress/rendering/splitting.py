"""Splits a text at a channel's limit: never inside a grapheme, an address or a pair of markers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import regex

from channel_ingress.rendering.inline_runs import URL

Measure = Callable[[str], int]

_GRAPHEME = regex.compile(r"\X")
_BREAKS = ("\n\n", "\n", ". ", "! ", "? ", "。", " ")
_FENCE_MARKER = "```"
_FENCE = re.compile(r"```.+?```", re.DOTALL)
_PAIRS = [
    re.compile(rf"(?<!\w){mark}(?=\S)[^\n]*?(?<=\S){mark}(?!\w)") for mark in (r"\*", "_", "~", "`")
]
_QUOTE = "> "
_SPARE = 8
"""Room for the markers that a cut closes and opens again."""


def utf8_bytes(text: str) -> int:
    """Length as Instagram counts it."""
    return len(text.encode())


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch between two equal markers."""

    start: int
    end: int
    marker: str


def split(text: str, limit: int, measure: Measure = len, *, marked: bool = False) -> list[str]:
    """Parts of at most `limit` as `measure` counts; best cut at a paragraph, a line, a sentence.

    With `marked`, WhatsApp's markers that a cut separates are closed before and opened after it.
    At least one part; a blank text is one space.
    """
    whole = _without_space(text.rstrip(), at_end=False)
    if measure(whole) <= limit:
        return [whole or " "]
    return [part for part in _Splitter(whole, limit, measure, marked).parts() if part] or [" "]


class _Splitter:
    """One text on its way into parts; places are offsets into the whole text."""

    def __init__(self, text: str, limit: int, measure: Measure, marked: bool) -> None:
        self._text, self._limit, self._measure = text, limit, measure
        self._bounds = [found.end() for found in _GRAPHEME.finditer(text)]
        self._addresses = [found.span() for found in URL.finditer(text)]
        self._spans = list(_spans_of(text)) if marked and limit > 4 * _SPARE else []
        self._is_marked = bool(marked and limit > 4 * _SPARE)

    def parts(self) -> Iterator[str]:
        """The parts in order."""
        start, reopened = 0, ""
        while start < len(self._text):
            room = self._limit - self._measure(reopened)
            if self._measure(self._text[start:]) <= room:
                yield reopened + self._text[start:]
                return
            cut = self._cut(start, room - (_SPARE if self._is_marked else 0))
            open_spans = [span for span in self._spans if span.start < cut < span.end]
            closed = "".join(span.marker for span in reversed(open_spans))
            yield reopened + _without_space(self._text[start:cut], at_end=True) + closed
            start, open_spans = self._after(cut, open_spans)
            reopened = self._quote_of(cut) + "".join(span.marker for span in open_spans)

    def _after(self, cut: int, open_spans: list[_Span]) -> tuple[int, list[_Span]]:
        """Where the next part begins, and the spans that go on there."""
        rest = self._text[cut:]
        if any(span.marker == _FENCE_MARKER for span in open_spans):
            start = cut + len(rest) - len(rest.lstrip("\n"))
        else:
            start = len(self._text) - len(_without_space(rest, at_end=False))
        for span in open_spans:
            if start == span.end - len(span.marker):
                start = span.end
        return start, [span for span in open_spans if start < span.end]

    def _cut(self, start: int, room: int) -> int:
        last = self._last_fitting(start, room)
        lowest = start + (last - start) // 2
        places = list(self._breaks(lowest, last)) + list(self._breaks(start, lowest))
        for forbidden in (self._separates, self._is_indivisible):
            for place in places:
                if not forbidden(start, place):
                    return place
        for place in self._boundaries(start, last):
            if not self._is_indivisible(start, place):
                return place
        return next(self._boundaries(start, last), last)

    def _last_fitting(self, start: int, room: int) -> int:
        """The last place up to which the text fits; at least one character on."""
        low, high = start + 1, min(len(self._text), start + room)
        while low < high:
            middle = (low + high + 1) // 2
            if self._measure(self._text[start:middle]) <= room:
                low = middle
            else:
                high = middle - 1
        return low

    def _breaks(self, low: int, high: int) -> Iterator[int]:
        """Places after which a part may end, the best first."""
        for mark in _BREAKS:
            place = self._text.rfind(mark, low, high)
            while place >= low and place >= 0:
                after = place + len(mark)
                if low < after <= high and self._is_boundary(after):
                    yield after
                place = self._text.rfind(mark, low, place)

    def _boundaries(self, start: int, last: int) -> Iterator[int]:
        """Grapheme boundaries up to `last`, the last first."""
        at = bisect_right(self._bounds, last) - 1
        while at >= 0 and self._bounds[at] > start:
            yield self._bounds[at]
            at -= 1

    def _is_boundary(self, place: int) -> bool:
        at = bisect_right(self._bounds, place) - 1
        return at >= 0 and self._bounds[at] == place

    def _separates(self, start: int, place: int) -> bool:
        return self._is_indivisible(start, place) or any(
            span.start < place < span.end for span in self._spans
        )

    def _is_indivisible(self, start: int, place: int) -> bool:
        """Inside an address, or between a marker and what it marks."""
        if any(first < place < end for first, end in self._addresses):
            return True
        return any(
            span.end - len(span.marker) <= place < span.end
            or (span.start >= start and span.start < place <= span.start + len(span.marker))
            for span in self._spans
        )

    def _quote_of(self, cut: int) -> str:
        """What has to stand again before a quoted line that was cut."""
        line = self._text.rfind("\n", 0, cut) + 1
        is_cut_line = self._is_marked and line < cut and self._text[cut - 1 : cut] != "\n"
        return _QUOTE if is_cut_line and self._text.startswith(_QUOTE, line) else ""


def _spans_of(text: str) -> Iterator[_Span]:
    fences = [found.span() for found in _FENCE.finditer(text)]
    for first, end in fences:
        yield _Span(first, end, _FENCE_MARKER)
    for pattern in _PAIRS:
        for found in pattern.finditer(text):
            first, end = found.span()
            if not any(a < end and first < b for a, b in fences):
                yield _Span(first, end, text[first])


def _without_space(text: str, *, at_end: bool) -> str:
    """Without white space on one side; a space that carries an accent is not white space."""
    stripped = text.rstrip() if at_end else text.lstrip()
    if at_end or not stripped or len(stripped) == len(text):
        return stripped
    taken = len(text) - len(stripped)
    for found in _GRAPHEME.finditer(text, 0, taken + 1):
        if found.end() > taken:
            return text[found.start() :] if found.start() < taken else stripped
    return stripped
