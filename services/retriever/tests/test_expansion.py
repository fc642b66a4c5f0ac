"""What a found passage is read with."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retriever.expansion import (
    CONTEXT_CHARACTERS_MAX,
    around,
    context_of,
    joined,
    parent_of,
    size_bytes,
)
from retriever.index_types import Around, Sibling, StoredPassage

Found = Callable[..., StoredPassage]
DOCUMENT = "".join(f"Sentence number {n} of the manual. " for n in range(40))


def cut(*spans: tuple[int, int]) -> list[Sibling]:
    return [Sibling(n, a, b, DOCUMENT[a:b]) for n, (a, b) in enumerate(spans)]


@pytest.fixture
def found(make_passage: Callable[..., StoredPassage]) -> Found:
    """A passage of the document."""

    def one(ordinal: int, spans: list[tuple[int, int]], **others: object) -> StoredPassage:
        start, end = spans[ordinal]
        text = DOCUMENT[start:end]
        return make_passage(ordinal, text, start_offset=start, end_offset=end, **others)

    return one


SPANS = [(0, 100), (80, 200), (180, 300), (300, 420), (400, 500)]


def test_what_two_passages_share_is_said_once() -> None:
    assert joined(cut(*SPANS)) == DOCUMENT[:500]


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 40)), min_size=1, max_size=12),
)
def test_overlapping_windows_give_the_document_back(steps: list[tuple[int, int]]) -> None:
    spans, start = [], 0
    for length, overlap in steps:
        end = start + length + overlap
        spans.append((start, end))
        start = end - overlap
    text = "".join(chr(0x4E00 + n) for n in range(spans[-1][1]))
    parts = [Sibling(n, a, b, text[a:b]) for n, (a, b) in enumerate(spans)]
    assert joined(parts) == text


def test_a_gap_between_passages_is_a_break() -> None:
    parts = [Sibling(0, 0, 3, "One"), Sibling(1, 4, 7, "two"), Sibling(2, 10, 15, "three")]
    assert joined(parts) == "One\ntwo\n\nthree"


def test_a_repeated_table_head_does_not_break_the_joint() -> None:
    """Where a passage's words are more than the document's own, the overlap is looked for."""
    parts = [Sibling(0, 0, 20, "head a b\nrow one"), Sibling(1, 12, 30, "row one\nrow two")]
    assert joined(parts) == "head a b\nrow one\nrow two"
    apart = [Sibling(0, 0, 20, "head a b\nrow one"), Sibling(1, 12, 30, "head a b\nrow two")]
    assert joined(apart) == "head a b\nrow one\nhead a b\nrow two"


def test_neighbours_are_one_before_and_one_behind(found: Found) -> None:
    one = found(2, SPANS)
    assert around(one, "neighbours") == Around(2, 1, 1, 3, "ordinal")
    assert around(found(0, SPANS), "neighbours") == Around(0, 1, 0, 1, "ordinal")
    assert context_of(one, cut(*SPANS)[1:4], "neighbours") == DOCUMENT[80:420]


def test_a_parent_is_rebuilt_from_its_children_and_goes_no_further(found: Found) -> None:
    one = found(2, SPANS, parent_start=90, parent_end=410)
    wanted = around(one, "parent")
    assert wanted == Around(2, 1, 90, 410, "offset")
    assert context_of(one, cut(*SPANS), "parent") == DOCUMENT[90:410]


def test_a_passage_without_a_parent_is_read_alone(found: Found) -> None:
    assert around(found(2, SPANS), "parent") is None
    assert around(found(2, SPANS), "none") is None
    own = found(2, SPANS, parent_start=180, parent_end=300)
    assert parent_of(own) is None, "a parent that is the passage itself is none"


def test_a_context_that_says_no_more_is_none(found: Found) -> None:
    assert context_of(found(2, SPANS), [], "neighbours") is None
    assert context_of(found(2, SPANS), cut(*SPANS)[2:3], "neighbours") is None


def test_the_farthest_siblings_are_left_out_first(found: Found) -> None:
    spans = [(n * 100, n * 100 + 100) for n in range(9)]
    one = found(4, spans, parent_start=0, parent_end=900)
    context = context_of(one, cut(*spans), "parent", characters_max=520)
    assert context == DOCUMENT[200:700]


def test_no_context_is_longer_than_a_message_takes(
    make_passage: Callable[..., StoredPassage],
) -> None:
    spans = [(n * 4_000, n * 4_000 + 4_000) for n in range(9)]
    text = "x" * 36_000
    siblings = [Sibling(n, a, b, text[a:b]) for n, (a, b) in enumerate(spans)]
    one = make_passage(
        4,
        text[:4_000],
        start_offset=16_000,
        end_offset=20_000,
        parent_start=0,
        parent_end=36_000,
    )
    context = context_of(one, siblings, "parent")
    assert context is not None
    assert 4_000 < len(context) <= CONTEXT_CHARACTERS_MAX


@pytest.mark.parametrize("text", ["", "plain", 'with "quotes"\nand lines', "šđžćč 水"])
def test_sizes_are_those_of_json(text: str) -> None:
    import json

    assert size_bytes(text) == len(json.dumps(text, ensure_ascii=False).encode()) - 2
