"""The keyword leg: reads the packed words a question needs, and only once while memory lasts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from postgres import Transaction
from retriever import bm25
from retriever.byte_cache import ByteCache
from retriever.domain import KeywordHit
from retriever.index_state import OpenSegment, Seen
from retriever.index_types import QuestionTerm, Scope
from retriever.near_terms import near
from retriever.segment import Page, Postings, page_number, unpack_roll

NOWHERE = Postings(np.zeros(0, np.int64), np.zeros(0))
_ENTRY_BYTES = 600
"""What Python's objects take beside the numbers; most words are rare, and their numbers few."""

_NEAR_PAGES_MAX = 128
_BEGINNING_LONGEST = 3
_LAST_LETTER = chr(0x10FFFF)

Pair = tuple[str, str]
PageKey = tuple[int, int]
Held = dict[tuple[int, str], Postings]


class WordsFound(NamedTuple):
    """The keyword leg's hits, and the question's terms with what is known of them."""

    hits: list[KeywordHit]
    terms: tuple[QuestionTerm, ...]
    method: str


class Rows(NamedTuple):
    """Passages whose words are still rows, numbered behind those of the segments."""

    keys: list[int]
    norms: list[float]
    postings: dict[Pair, Postings]


class Words:
    """What it holds never changes: segments are immutable and their numbers are never reused."""

    def __init__(self, sql: Callable[[str], str], cache: ByteCache) -> None:
        self._sql = sql
        self._cache = cache

    async def open_segments(
        self, tx: Transaction, tenant_id: UUID, segment_ids: Sequence[int]
    ) -> list[OpenSegment] | None:
        """The passages of these segments; None when one is not there any more."""
        held = {number: self._cache.get(("segment", number)) for number in segment_ids}
        missing = [number for number, segment in held.items() if segment is None]
        if missing:
            for row in await tx.fetch(self._sql("read_segments"), tenant_id, missing):
                segment = OpenSegment(
                    row["segment_id"],
                    row["configuration"],
                    unpack_roll(row["roll"]),
                    row["first_terms"],
                )
                held[segment.segment_id] = segment
                size = segment.roll.nbytes + 100 * len(segment.first_terms)
                self._cache.put(("segment", segment.segment_id), segment, size + _ENTRY_BYTES)
        found = [held[number] for number in segment_ids]
        return None if any(segment is None for segment in found) else found

    async def search(
        self, tx: Transaction, scope: Scope, terms: Sequence[QuestionTerm], limit: int
    ) -> WordsFound | None:
        """The best passages by BM25; None when the index was laid out anew meanwhile."""
        seen = scope.seen
        asked: dict[Pair, int] = {}
        for term in terms:
            pair = term.configuration, term.term
            asked[pair] = asked.get(pair, 0) + term.times
        held = await self._hold(tx, scope, asked)
        if held is None:
            return None
        rows = await self._read_rows(tx, scope, list(asked)) if len(seen.rows) else None
        if rows is None and len(seen.rows):
            return None
        searched = seen.searched if rows is None else _with_rows(seen.searched, rows)
        postings = {pair: _everywhere(seen, pair, held, rows) for pair in asked}
        counted = {pair: bm25.holding(found, searched.visible) for pair, found in postings.items()}
        idfs = {
            pair: bm25.idf(seen.statistics[pair[0]].passages, counted[pair])
            if pair[0] in seen.statistics
            else 0.0
            for pair in asked
        }
        hits = bm25.best(searched, _weigh(asked, postings, idfs), limit) if limit else []
        return WordsFound(
            hits,
            tuple(
                replace(term, passages=counted[pair], idf=idfs[pair])
                for term, pair in ((one, (one.configuration, one.term)) for one in terms)
            ),
            f"bm25 k1 {bm25.SATURATION} b {bm25.LENGTH_WEIGHT}, {len(seen.segments)} segments",
        )

    async def _hold(self, tx: Transaction, scope: Scope, asked: Iterable[Pair]) -> Held | None:
        """The postings of all terms in all segments; None when a page is not there any more."""
        held: Held = {}
        unknown: list[tuple[OpenSegment, str]] = []
        for configuration, term in asked:
            for segment in scope.seen.segments:
                if segment.configuration == configuration:
                    found = self._cache.get(("postings", segment.segment_id, term))
                    if found is None:
                        unknown.append((segment, term))
                    else:
                        held[segment.segment_id, term] = found
        pages = await self._load(tx, scope.tenant_id, _pages_of(unknown))
        if pages is None:
            return None
        for segment, term in unknown:
            number = page_number(segment.first_terms, term)
            page = None if number is None else pages[segment.segment_id, number]
            found = (page.find(term) if page else None) or NOWHERE
            held[segment.segment_id, term] = found
            size = 2 * found.places.nbytes + _ENTRY_BYTES
            self._cache.put(("postings", segment.segment_id, term), found, size)
        return held

    async def _load(
        self, tx: Transaction, tenant_id: UUID, wanted: Iterable[PageKey]
    ) -> dict[PageKey, Page] | None:
        """Pages, from memory or from the tables; None when one is not there any more."""
        pages: dict[PageKey, Page] = {}
        missing = []
        for key in wanted:
            page = self._cache.get(("page", *key))
            if page is None:
                missing.append(key)
            else:
                pages[key] = page
        if missing:
            numbers = [[segment_id for segment_id, _ in missing], [page for _, page in missing]]
            for row in await tx.fetch(self._sql("read_pages"), tenant_id, *numbers):
                page = Page(row["data"])
                pages[row["segment_id"], row["page"]] = page
                self._cache.put(("page", row["segment_id"], row["page"]), page, page.nbytes)
        return pages if all(key in pages for key in missing) else None

    async def _read_rows(self, tx: Transaction, scope: Scope, asked: Sequence[Pair]) -> Rows | None:
        """Words the version before this one stored; None when they were packed meanwhile."""
        row = await tx.fetchrow(
            self._sql("read_rows"),
            scope.tenant_id,
            scope.seen.rows.tolist(),
            [configuration for configuration, _ in asked],
            [term for _, term in asked],
        )
        if row is None or row["layout"] != scope.seen.layout:
            return None
        return _rows(row, scope.seen)

    async def near(
        self, tx: Transaction, scope: Scope, configuration: str, term: str, distance_max: int
    ) -> list[tuple[str, int]]:
        """Terms that begin with the same letter, or with as many as it takes to read few pages,
        and are few edits away; none where even these would be too many to read for one word.
        """
        own = [one for one in scope.seen.segments if one.configuration == configuration]
        wanted, beginning = _pages_near(own, term)
        opened = await self._load(tx, scope.tenant_id, wanted)
        vocabulary = {
            one
            for page in (opened or {}).values()
            for one in page.terms
            if one.startswith(beginning)
        }
        return near(term, sorted(vocabulary), distance_max)


def _everywhere(seen: Seen, pair: Pair, held: Held, rows: Rows | None) -> Postings:
    """The postings of a term over all segments of its configuration."""
    configuration, term = pair
    places, frequencies = [], []
    for segment, base in zip(seen.segments, seen.bases, strict=True):
        if segment.configuration == configuration:
            found = held[segment.segment_id, term]
            if len(found.places):
                places.append(found.places + base if base else found.places)
                frequencies.append(found.frequencies)
    if rows is not None and pair in rows.postings:
        places.append(rows.postings[pair].places + len(seen.searched.keys))
        frequencies.append(rows.postings[pair].frequencies)
    if len(places) == 1:
        return Postings(places[0], frequencies[0])
    if not places:
        return NOWHERE
    return Postings(np.concatenate(places), np.concatenate(frequencies))


def _pages_of(unknown: Iterable[tuple[OpenSegment, str]]) -> dict[PageKey, None]:
    """Where those terms would stand."""
    return {
        (segment.segment_id, number): None
        for segment, term in unknown
        if (number := page_number(segment.first_terms, term)) is not None
    }


def _pages_near(segments: Sequence[OpenSegment], term: str) -> tuple[dict[PageKey, None], str]:
    """Pages of terms that begin as this one does, and how: a large index is not read for a slip."""
    for letters in range(1, min(_BEGINNING_LONGEST, len(term)) + 1):
        pages = {
            (segment.segment_id, number): None
            for segment in segments
            for number in _pages_beginning(segment.first_terms, term[:letters])
        }
        if len(pages) <= _NEAR_PAGES_MAX:
            return pages, term[:letters]
    return {}, term


def _pages_beginning(first_terms: Sequence[str], letter: str) -> range:
    last = page_number(first_terms, letter + _LAST_LETTER)
    return range(0) if last is None else range(page_number(first_terms, letter) or 0, last + 1)


def _weigh(
    asked: dict[Pair, int], postings: dict[Pair, Postings], idfs: dict[Pair, float]
) -> list[bm25.Weighed]:
    """The terms with their weights; shares are of all the question's terms in a configuration."""
    whole: dict[str, float] = {}
    for pair in asked:
        whole[pair[0]] = whole.get(pair[0], 0.0) + idfs[pair]
    return [
        bm25.Weighed(
            postings[pair], times * idfs[pair], idfs[pair] / whole[pair[0]] if whole[pair[0]] else 0
        )
        for pair, times in asked.items()
    ]


def _rows(row: Any, seen: Seen) -> Rows:
    keys: dict[int, int] = {}
    norms: list[float] = []
    grouped: dict[Pair, list[tuple[int, int]]] = {}
    columns = ("configurations", "terms", "keys", "frequencies", "lengths")
    for configuration, term, key, frequency, length in zip(
        *(row[name] or () for name in columns), strict=True
    ):
        if configuration not in seen.statistics:
            continue
        if key not in keys:
            keys[key] = len(keys)
            mean_length = seen.statistics[configuration].mean_length
            norms.append(float(bm25.norms(np.array([length]), mean_length)[0]))
        grouped.setdefault((configuration, term), []).append((keys[key], frequency))
    postings = {pair: _postings_of(held) for pair, held in grouped.items()}
    return Rows(list(keys), norms, postings)


def _postings_of(held: list[tuple[int, int]]) -> Postings:
    columns = np.array(sorted(held), np.int64)
    return Postings(columns[:, 0].copy(), columns[:, 1].astype(np.float64))


def _with_rows(searched: bm25.Searched, rows: Rows) -> bm25.Searched:
    visible = searched.visible
    return bm25.Searched(
        np.concatenate((searched.keys, np.array(rows.keys, np.int64))),
        np.concatenate((searched.norms, np.array(rows.norms))),
        None if visible is None else np.concatenate((visible, np.ones(len(rows.keys), np.bool_))),
    )
