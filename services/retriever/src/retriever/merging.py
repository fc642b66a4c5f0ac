"""Stored segments made one, a range of terms after another. Pure.

Unpacked, a posting takes some 80 bytes while it is sorted; the ten million of 64,000 passages at
once would be 800 MB, more than the process may have.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from retriever.segment import Content, PackedPage, PackedSegment, Page, merge, pack, unpack

_PAGES_AT_ONCE = 64


class Stored(NamedTuple):
    """A segment as it is read from the tables; its pages in order."""

    roll: bytes
    pages: Sequence[bytes]


def merge_stored(parts: Sequence[Stored], gone: frozenset[int] = frozenset()) -> PackedSegment:
    """One segment of several, without the passages of versions that are gone."""
    firsts = [[Page(data).terms[0] for data in part.pages] for part in parts]
    bounds = sorted(first for own in firsts for first in own)[_PAGES_AT_ONCE::_PAGES_AT_ONCE]
    pages: list[PackedPage] = []
    postings = 0
    for low, high in pairwise(["", *dict.fromkeys(bounds), None]):
        ranged = [
            _between(part, own, low or "", high) for part, own in zip(parts, firsts, strict=True)
        ]
        packed = pack(merge(ranged, gone))
        pages += packed.pages
        postings += packed.postings
    return PackedSegment(packed.roll, pages, packed.passages, postings)


def _between(part: Stored, firsts: Sequence[str], low: str, high: str | None) -> Content:
    """The terms of a segment from `low` up to `high`; None: to its end."""
    begin = max(0, bisect_right(firsts, low) - 1)
    end = len(firsts) if high is None else bisect_left(firsts, high)
    whole = unpack(part.roll, part.pages[begin:end])
    first = bisect_left(whole.terms, low)
    last = len(whole.terms) if high is None else bisect_left(whole.terms, high)
    place, after = int(whole.starts[first]), int(whole.starts[last])
    return Content(
        whole.roll,
        whole.terms[first:last],
        whole.starts[first : last + 1] - place,
        whole.places[place:after],
        whole.frequencies[place:after],
    )
