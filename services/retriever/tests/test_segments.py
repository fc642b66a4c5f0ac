"""Packed postings: what goes in comes out, and scores are those of plain BM25."""

import math
import tracemalloc
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retriever import bm25
from retriever.byte_cache import ByteCache
from retriever.merging import Stored, merge_stored
from retriever.segment import (
    Content,
    PackedSegment,
    Passage,
    Postings,
    merge,
    pack,
    pack_passages,
    page_number,
    unpack,
    unpack_roll,
)
from retriever.segment import Page as OpenedPage
from retriever.words import _ENTRY_BYTES

WORDS = st.sampled_from([f"w{number}" for number in range(12)] + ["čaj", "日本", "z" * 40])
TEXTS = st.lists(st.lists(WORDS, max_size=12), min_size=1, max_size=30)


def passages_of(texts: list[list[str]], versions: list[int]) -> list[Passage]:
    return [
        Passage(100 + place, version, dict(Counter(text)))
        for place, (text, version) in enumerate(zip(texts, versions, strict=True))
    ]


def cut(passages: list[Passage], sizes: list[int]) -> list[list[Passage]]:
    parts, begin = [], 0
    for size in sizes:
        if begin < len(passages):
            parts.append(passages[begin : begin + size])
            begin += size
    return [*parts, passages[begin:]] if begin < len(passages) else parts


def stored(passages: list[Passage]) -> Content:
    packed = pack_passages(passages)
    return unpack(packed.roll, [page.data for page in packed.pages])


def reference(
    passages: list[Passage], question: list[str], visible: set[int]
) -> list[tuple[int, float]]:
    """BM25 word by word, as its formula stands in the books."""
    seen = [passage for passage in passages if passage.version_id in visible]
    mean = max(1.0, sum(sum(p.terms.values()) for p in seen) / max(1, len(seen)))
    scores: dict[int, float] = {}
    for term, times in Counter(question).items():
        holding = [p for p in seen if term in p.terms]
        weight = math.log(1 + (len(seen) - len(holding) + 0.5) / (len(holding) + 0.5)) * times
        for p in holding:
            often, length = p.terms[term], sum(p.terms.values())
            part = often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length / mean))
            scores[p.key] = scores.get(p.key, 0.0) + weight * part
    return sorted(scores.items(), key=lambda pair: (-round(pair[1], 9), pair[0]))


def ranked(
    parts: list[Content], question: list[str], visible: set[int], limit: int
) -> list[tuple[int, float]]:
    """The same through segments."""
    masks = [
        np.repeat(np.isin(part.roll.run_versions, list(visible)), part.roll.run_counts)
        for part in parts
    ]
    mask = np.concatenate(masks)
    lengths = np.concatenate([part.roll.lengths for part in parts])
    mean = max(1.0, float(lengths[mask].sum()) / max(1, int(mask.sum())))
    searched = bm25.Searched(
        np.concatenate([part.roll.keys for part in parts]),
        bm25.norms(lengths, mean),
        None if mask.all() else mask,
    )
    weighed = []
    for term, times in Counter(question).items():
        postings = found(parts, term)
        idf = bm25.idf(int(mask.sum()), bm25.holding(postings, searched.visible))
        weighed.append(bm25.Weighed(postings, times * idf, 1.0))
    return [(hit.key, hit.score) for hit in bm25.best(searched, weighed, limit)]


def found(parts: list[Content], term: str) -> Postings:
    places, frequencies, base = [], [], 0
    for part in parts:
        packed = pack(part)
        number = page_number([page.first_term for page in packed.pages], term)
        if number is not None:
            postings = OpenedPage(packed.pages[number].data).find(term)
            if postings is not None:
                places.append(postings.places + base)
                frequencies.append(postings.frequencies)
        base += len(part.roll)
    empty = np.zeros(0, np.int64)
    return Postings(np.concatenate([*places, empty]), np.concatenate([*frequencies, np.zeros(0)]))


@settings(max_examples=120, deadline=None)
@given(texts=TEXTS, data=st.data())
def test_ranking_is_that_of_plain_bm25_however_the_segments_are_cut(
    texts: list[list[str]], data: st.DataObject
) -> None:
    versions = data.draw(
        st.lists(st.integers(1, 4), min_size=len(texts), max_size=len(texts)), "versions"
    )
    passages = passages_of(texts, versions)
    sizes = data.draw(st.lists(st.integers(1, 9), max_size=6), "sizes")
    visible = set(data.draw(st.sets(st.integers(1, 4), min_size=1), "visible"))
    question = data.draw(st.lists(WORDS, min_size=1, max_size=8), "question")
    expected = reference(passages, question, visible)
    parts = [stored(part) for part in cut(passages, sizes)]
    whole = [merge(parts)]
    without_gone = [merge(parts, frozenset({1, 2, 3, 4} - visible))]
    scores = ranked(parts, question, visible, 100)
    assert ranked(whole, question, visible, 100) == scores
    assert ranked(without_gone, question, visible, 100) == scores
    rounded = sorted(scores, key=lambda pair: (-round(pair[1], 9), pair[0]))
    assert [key for key, _ in rounded] == [key for key, _ in expected]
    assert [score for _, score in rounded] == pytest.approx([score for _, score in expected])
    for limit in (1, 3, 7):
        assert ranked(parts, question, visible, limit) == scores[:limit]


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, sizes=st.lists(st.integers(1, 9), max_size=6))
def test_a_merged_segment_is_the_one_packed_at_once(
    texts: list[list[str]], sizes: list[int]
) -> None:
    passages = passages_of(texts, [place // 3 for place in range(len(texts))])
    merged = merge([stored(part) for part in cut(passages, sizes)])
    assert pack(merged) == pack_passages(passages)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=TEXTS,
    sizes=st.lists(st.integers(1, 9), max_size=6),
    gone=st.frozensets(st.integers(0, 9)),
)
def test_merged_range_by_range_it_is_the_one_merged_at_once(
    monkeypatch: pytest.MonkeyPatch, texts: list[list[str]], sizes: list[int], gone: frozenset[int]
) -> None:
    monkeypatch.setattr("retriever.segment._PAGE_TERMS", 2)
    monkeypatch.setattr("retriever.merging._PAGES_AT_ONCE", 3)
    passages = passages_of(texts, [place // 3 for place in range(len(texts))])
    parts = [pack_passages(part) for part in cut(passages, sizes)]
    merged = merge_stored(as_stored(parts), gone)
    at_once = merge([stored(part) for part in cut(passages, sizes)], gone)
    again = unpack(merged.roll, [page.data for page in merged.pages])
    assert pack(again) == pack(at_once)
    assert (merged.passages, merged.postings) == (len(at_once.roll), len(at_once.places))


def test_memory_of_merging_is_that_of_a_range_of_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retriever.merging._PAGES_AT_ONCE", 2)
    parts = as_stored([pack(_many(part, 200_000)) for part in range(2)])
    at_once = peak_bytes(lambda: pack(merge([unpack(*part) for part in parts])))
    by_ranges = peak_bytes(lambda: merge_stored(parts))
    assert merge_stored(parts).postings == 400_000
    assert by_ranges < at_once / 4


def _many(part: int, postings: int) -> Content:
    """Terms of 20 passages each, as evenly as can be."""
    rng = np.random.default_rng(part)
    passages = np.sort(rng.integers(0, 50, (postings // 20, 20)), axis=1) + np.arange(20) * 50
    roll = unpack_roll(pack_passages([Passage(n, part, {"a": 1}) for n in range(1_000)]).roll)
    terms = [f"term{number:06}" for number in range(len(passages))]
    starts = np.arange(0, postings + 1, 20)
    return Content(roll, terms, starts, passages.ravel(), np.ones(postings, np.int64))


def test_the_cache_counts_what_rare_words_really_take() -> None:
    cache = ByteCache(4 * 2**20)

    def fill() -> None:
        for number in range(12_000):
            found = Postings(np.arange(5), np.ones(5))
            size = 2 * found.places.nbytes + _ENTRY_BYTES
            cache.put(("postings", number % 97, f"term{number}"), found, size)

    assert peak_bytes(fill) < 1.25 * 4 * 2**20


def as_stored(parts: list[PackedSegment]) -> list[Stored]:
    return [Stored(part.roll, [page.data for page in part.pages]) for part in parts]


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_lists_of_every_width_come_back() -> None:
    """Gaps of one, two and four bytes, frequencies of none, one and two, over many pages."""
    rng = np.random.default_rng(5)
    lists = {}
    for number in range(3_000):
        reach = int(rng.choice([200, 60_000, 900_000]))
        places = np.unique(rng.integers(0, reach, int(rng.integers(1, 60))))
        most = int(rng.choice([1, 255, 999]))
        lists[f"term{number:05}"] = (places, rng.integers(1, most + 1, len(places)))
    roll = unpack_roll(pack_passages([Passage(1, 1, {"a": 1})]).roll)
    counts = [len(places) for places, _ in lists.values()]
    content = Content(
        roll,
        list(lists),
        np.concatenate(([0], np.cumsum(counts))),
        np.concatenate([places for places, _ in lists.values()]),
        np.concatenate([frequencies for _, frequencies in lists.values()]),
    )
    packed = pack(content)
    assert len(packed.pages) > 3
    firsts = [page.first_term for page in packed.pages]
    pages = [OpenedPage(page.data) for page in packed.pages]
    for term, (places, frequencies) in lists.items():
        postings = pages[page_number(firsts, term) or 0].find(term)
        assert postings is not None
        assert postings.places.tolist() == places.tolist()
        assert postings.frequencies.tolist() == frequencies.tolist()
    again = unpack(packed.roll, [page.data for page in packed.pages])
    assert again.terms == content.terms
    assert again.places.tolist() == content.places.tolist()
    assert again.frequencies.tolist() == content.frequencies.tolist()


def test_terms_that_are_not_there_are_not_found() -> None:
    packed = pack_passages([Passage(1, 1, {"bee": 2, "fly": 1})])
    page = OpenedPage(packed.pages[0].data)
    assert page_number([packed.pages[0].first_term], "ant") is None
    assert page.find("cow") is None
    assert page.find("zebra") is None
    assert pack_passages([Passage(1, 1, {})]).pages == []


@pytest.mark.parametrize("limit", [1, 3, 40, 700, 9_000])
def test_the_highest_scores_are_found_whatever_their_number(limit: int) -> None:
    """Among many passages of few scores: those of equal score by their key."""
    rng = np.random.default_rng(limit)
    count = 7_003
    lengths = rng.integers(1, 6, count)
    keys = rng.permutation(count) + 1
    places = np.sort(rng.choice(count, 6_000, replace=False))
    postings = Postings(places, rng.integers(1, 3, len(places)).astype(float))
    searched = bm25.Searched(keys, bm25.norms(lengths, 3.0), None)
    found = bm25.best(searched, [bm25.Weighed(postings, 1.0, 1.0)], limit)
    scores = postings.frequencies * 2.2 / (postings.frequencies + searched.norms[places])
    order = np.lexsort((keys[places], -scores.round(9)))[:limit]
    assert [hit.key for hit in found] == keys[places][order].tolist()
