"""Packed postings: which passages hold a term, how often, in an immutable segment. Pure.

A segment numbers its passages from 0. Its terms are sorted and laid out in pages, each of which is
read alone; a list of postings is gaps and frequencies in the fewest whole bytes that hold them.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PAGE_BYTES = 16_384
_PAGE_TERMS = 1_024
_HEAD = struct.Struct("<II")
_SEPARATOR = "\0"  # Postgres text cannot hold it


class Postings(NamedTuple):
    """Passages of a segment that hold a term, ascending, and how often each (to reckon with)."""

    places: Ints
    frequencies: Floats


class Passage(NamedTuple):
    """A passage to be packed: its key, version, and its terms with their frequencies."""

    key: int
    version_id: int
    terms: Mapping[str, int]


@dataclass(frozen=True)
class Roll:
    """The passages of a segment: one after another, in runs of one version each."""

    keys: Ints
    lengths: Ints
    run_versions: Ints
    run_counts: Ints

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def nbytes(self) -> int:
        """Memory it takes, in bytes."""
        return sum(
            part.nbytes for part in (self.keys, self.lengths, self.run_versions, self.run_counts)
        )


@dataclass(frozen=True)
class Content:
    """A whole segment, unpacked: postings of term t stand at starts[t] .. starts[t + 1]."""

    roll: Roll
    terms: list[str]
    starts: Ints
    places: Ints
    frequencies: Ints


class PackedPage(NamedTuple):
    """A page and the first of its terms."""

    first_term: str
    data: bytes


@dataclass(frozen=True)
class PackedSegment:
    """A segment as it is stored."""

    roll: bytes
    pages: list[PackedPage]
    passages: int
    postings: int


class Page:
    """A stored page, opened: terms are found by bisection, postings unpacked when asked for."""

    def __init__(self, data: bytes) -> None:
        count, text_bytes = _HEAD.unpack_from(data)
        self.counts, self.widths, self.frequency_widths, place = _page_shape(data, count)
        self.terms = data[place : place + text_bytes].decode().split(_SEPARATOR)
        sizes = self.counts * (self.widths + self.frequency_widths)
        self._ends = np.cumsum(sizes) + place + text_bytes
        self._begin = place + text_bytes
        self._data = data

    @property
    def nbytes(self) -> int:
        """Memory it takes, in bytes, roughly."""
        return len(self._data) + 96 * len(self.terms)

    def find(self, term: str) -> Postings | None:
        """The postings of a term, if it is here."""
        number = bisect_left(self.terms, term)
        if number == len(self.terms) or self.terms[number] != term:
            return None
        begin = int(self._ends[number - 1]) if number else self._begin
        count, width = int(self.counts[number]), int(self.widths[number])
        gaps = np.frombuffer(self._data, dtype=f"<u{width}", count=count, offset=begin)
        places = np.cumsum(gaps, dtype=np.int64)
        width_of_frequency = int(self.frequency_widths[number])
        if not width_of_frequency:
            return Postings(places, np.ones(count))
        frequencies = np.frombuffer(
            self._data, f"<u{width_of_frequency}", count=count, offset=begin + count * width
        )
        return Postings(places, frequencies.astype(np.float64))

    def unpack(self) -> tuple[Ints, Ints, Ints]:
        """Counts of all terms, and all their places and frequencies, one after another."""
        counts, widths, of_frequency = self.counts, self.widths, self.frequency_widths
        data = np.frombuffer(self._data, np.uint8)
        begins = self._ends - counts * (widths + of_frequency)
        within = _within(counts)
        gaps = _gather(data, np.repeat(begins, counts), within, np.repeat(widths, counts))
        at = np.repeat(begins + counts * widths, counts)
        frequencies = _gather(data, at, within, np.repeat(of_frequency, counts))
        frequencies[np.repeat(of_frequency, counts) == 0] = 1
        summed = np.cumsum(gaps)
        firsts = np.cumsum(counts) - counts
        before = summed[firsts] - gaps[firsts]
        return counts, summed - np.repeat(before, counts), frequencies


def page_number(first_terms: Sequence[str], term: str) -> int | None:
    """Which page would hold a term."""
    number = bisect_right(first_terms, term) - 1
    return number if number >= 0 else None


def pack_passages(passages: Sequence[Passage]) -> PackedSegment:
    """A new segment of a few passages."""
    return pack(_content_of(passages))


def pack(content: Content) -> PackedSegment:
    """A segment as it is stored."""
    return PackedSegment(
        roll=_pack_roll(content.roll),
        pages=_pack_pages(content),
        passages=len(content.roll),
        postings=len(content.places),
    )


def unpack_roll(data: bytes) -> Roll:
    """The passages of a stored segment."""
    passages, runs = _HEAD.unpack_from(data)
    place = _HEAD.size
    keys = np.frombuffer(data, "<i8", passages, place).astype(np.int64)
    place += 8 * passages
    lengths = np.frombuffer(data, "<u4", passages, place).astype(np.int64)
    place += 4 * passages
    versions = np.frombuffer(data, "<i8", runs, place).astype(np.int64)
    counts = np.frombuffer(data, "<u4", runs, place + 8 * runs).astype(np.int64)
    return Roll(keys, lengths, versions, counts)


def unpack(roll: bytes, pages: Sequence[bytes]) -> Content:
    """A whole stored segment; its pages in order."""
    opened = [Page(data) for data in pages]
    parts = [page.unpack() for page in opened]
    return Content(
        roll=unpack_roll(roll),
        terms=[term for page in opened for term in page.terms],
        starts=_starts(_joined([counts for counts, _, _ in parts])),
        places=_joined([places for _, places, _ in parts]),
        frequencies=_joined([frequencies for _, _, frequencies in parts]),
    )


def merge(parts: Sequence[Content], gone: frozenset[int] = frozenset()) -> Content:
    """One segment of several, without the passages of versions that are gone."""
    terms = sorted(set().union(*(part.terms for part in parts)))
    number_of = {term: number for number, term in enumerate(terms)}
    numbers, places, base = [], [], 0
    for part in parts:
        own = np.fromiter((number_of[term] for term in part.terms), np.int64, len(part.terms))
        numbers.append(np.repeat(own, np.diff(part.starts)))
        places.append(part.places + base)
        base += len(part.roll)
    return _grouped(
        _joined_roll([part.roll for part in parts]),
        terms,
        _joined(numbers),
        _joined(places),
        _joined([part.frequencies for part in parts]),
        gone,
    )


def _grouped(
    roll: Roll,
    terms: list[str],
    numbers: Ints,
    places: Ints,
    frequencies: Ints,
    gone: frozenset[int],
) -> Content:
    """Postings in any order of terms, sorted by term; what is gone left out."""
    stays = ~np.repeat(np.isin(roll.run_versions, list(gone)), roll.run_counts)
    if not stays.all():
        kept = stays[places]
        new_places = np.cumsum(stays) - 1
        numbers, frequencies = numbers[kept], frequencies[kept]
        places = new_places[places[kept]]
        roll = _roll_without(roll, gone, stays)
    order = np.argsort(numbers, kind="stable")
    counts = np.bincount(numbers, minlength=len(terms))
    used = counts > 0
    if not used.all():
        terms = [term for term, is_used in zip(terms, used.tolist(), strict=True) if is_used]
    return Content(roll, terms, _starts(counts[used]), places[order], frequencies[order])


def _content_of(passages: Sequence[Passage]) -> Content:
    terms = sorted(set().union(*(passage.terms for passage in passages)))
    number_of = {term: number for number, term in enumerate(terms)}
    held = [
        (number_of[term], place, frequency)
        for place, passage in enumerate(passages)
        for term, frequency in passage.terms.items()
    ]
    columns = np.array(held, np.int64).reshape(-1, 3)
    versions = np.array([passage.version_id for passage in passages], np.int64)
    roll = _with_joined_runs(
        np.array([passage.key for passage in passages], np.int64),
        np.array([sum(passage.terms.values()) for passage in passages], np.int64),
        versions,
        np.ones(len(passages), np.int64),
    )
    return _grouped(roll, terms, columns[:, 0], columns[:, 1], columns[:, 2], frozenset())


def _joined_roll(rolls: Sequence[Roll]) -> Roll:
    return _with_joined_runs(
        _joined([roll.keys for roll in rolls]),
        _joined([roll.lengths for roll in rolls]),
        _joined([roll.run_versions for roll in rolls]),
        _joined([roll.run_counts for roll in rolls]),
    )


def _roll_without(roll: Roll, gone: frozenset[int], stays: NDArray[np.bool_]) -> Roll:
    runs = ~np.isin(roll.run_versions, list(gone))
    return _with_joined_runs(
        roll.keys[stays], roll.lengths[stays], roll.run_versions[runs], roll.run_counts[runs]
    )


def _with_joined_runs(keys: Ints, lengths: Ints, versions: Ints, counts: Ints) -> Roll:
    if not len(versions):
        return Roll(keys, lengths, versions, counts)
    begins = np.flatnonzero(np.concatenate(([True], versions[1:] != versions[:-1])))
    return Roll(keys, lengths, versions[begins], np.add.reduceat(counts, begins))


def _pack_roll(roll: Roll) -> bytes:
    return b"".join(
        (
            _HEAD.pack(len(roll.keys), len(roll.run_versions)),
            roll.keys.astype("<i8").tobytes(),
            roll.lengths.astype("<u4").tobytes(),
            roll.run_versions.astype("<i8").tobytes(),
            roll.run_counts.astype("<u4").tobytes(),
        )
    )


def _pack_pages(content: Content) -> list[PackedPage]:
    counts: Ints = content.starts[1:] - content.starts[:-1]
    if not len(counts):
        return []
    firsts = content.starts[:-1]
    gaps = content.places.copy()
    gaps[1:] -= content.places[:-1]
    gaps[firsts] = content.places[firsts]
    widths = _width(np.maximum.reduceat(gaps, firsts))
    most = np.maximum.reduceat(content.frequencies, firsts)
    of_frequency = np.where(most == 1, 0, _width(most))
    ends: Ints = np.cumsum(counts * (widths + of_frequency), dtype=np.int64)
    body = np.zeros(int(ends[-1]), np.uint8)
    begins: Ints = ends - counts * (widths + of_frequency)
    within = _within(counts)
    _scatter(body, np.repeat(begins, counts), within, np.repeat(widths, counts), gaps)
    at = np.repeat(begins + counts * widths, counts)
    _scatter(body, at, within, np.repeat(of_frequency, counts), content.frequencies)
    return [
        _pack_page(
            content.terms[first:last],
            (counts[first:last], widths[first:last], of_frequency[first:last]),
            body[begins[first] : ends[last - 1]].tobytes(),
        )
        for first, last in _page_bounds(begins)
    ]


def _pack_page(terms: list[str], shape: tuple[Ints, Ints, Ints], body: bytes) -> PackedPage:
    text = _SEPARATOR.join(terms).encode()
    counts, widths, of_frequency = shape
    head = (
        _HEAD.pack(len(terms), len(text)),
        counts.astype("<u4").tobytes(),
        widths.astype("<u1").tobytes(),
        of_frequency.astype("<u1").tobytes(),
    )
    return PackedPage(terms[0], b"".join((*head, text, body)))


def _page_shape(data: bytes, count: int) -> tuple[Ints, Ints, Ints, int]:
    place = _HEAD.size
    counts = np.frombuffer(data, "<u4", count, place).astype(np.int64)
    widths = np.frombuffer(data, "<u1", count, place + 4 * count).astype(np.int64)
    of_frequency = np.frombuffer(data, "<u1", count, place + 5 * count).astype(np.int64)
    return counts, widths, of_frequency, place + 6 * count


def _page_bounds(begins: Ints) -> list[tuple[int, int]]:
    """From which term to which each page goes: by bytes, and never too many terms."""
    by_bytes, by_terms = begins // _PAGE_BYTES, np.arange(len(begins)) // _PAGE_TERMS
    new = (np.diff(by_bytes) != 0) | (np.diff(by_terms) != 0)
    bounds = [0, *(np.flatnonzero(new) + 1).tolist(), len(begins)]
    return list(pairwise(bounds))


def _width(most: Ints) -> Ints:
    """Whole bytes that hold a number: 1, 2 or 4."""
    return np.where(most < 1 << 8, 1, np.where(most < 1 << 16, 2, 4)).astype(np.int64)


def _within(counts: Ints) -> Ints:
    """0, 1, 2 … for each list."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _scatter(body: NDArray[np.uint8], at: Ints, within: Ints, widths: Ints, values: Ints) -> None:
    begins = at + within * widths
    for byte in range(4):
        wide = widths > byte
        body[begins[wide] + byte] = (values[wide] >> 8 * byte) & 255


def _gather(data: NDArray[np.uint8], at: Ints, within: Ints, widths: Ints) -> Ints:
    begins = at + within * widths
    values = np.zeros(len(begins), np.int64)
    for byte in range(4):
        wide = widths > byte
        values[wide] |= data[begins[wide] + byte].astype(np.int64) << 8 * byte
    return values


def _starts(counts: Ints) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
