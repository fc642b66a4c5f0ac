"""Batches, identities, titles and cursors."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_indexer.chunk_rules import CONTEXT_TOKENS
from rag_indexer.domain import (
    BATCH_BYTES_MAX,
    BATCH_PASSAGES_MAX,
    InvalidCursor,
    batch_message_id,
    cursor_of,
    embedded_text,
    embedding_percent,
    heading_path,
    passage_id,
    plan_batches,
    read_cursor,
    title_of,
    worth_saying,
)
from rag_indexer.word_pieces import WordPieces


def test_the_context_line_fits_into_what_is_kept_for_it() -> None:
    text = embedded_text("Handbook of the shop " * 20, ("Returns " * 20, "Refunds " * 20), "Words.")
    line, _, words = text.partition("\n")
    assert words == "Words."
    assert WordPieces().count(line) <= CONTEXT_TOKENS


@given(st.lists(st.integers(1, 60_000), max_size=200), st.sampled_from([384, 1536, 3072]))
def test_batches_are_bounded_and_in_order(sizes: list[int], dimensions: int) -> None:
    batches = plan_batches(sizes, dimensions)
    assert batches == sorted(batches)
    assert sorted(set(batches)) == list(range(1, len(set(batches)) + 1))
    for number in set(batches):
        inside = [size for size, batch in zip(sizes, batches, strict=True) if batch == number]
        assert len(inside) <= BATCH_PASSAGES_MAX
        assert len(inside) == 1 or sum(inside) <= BATCH_BYTES_MAX


def test_identities_are_the_same_whoever_makes_them() -> None:
    document = uuid4()
    assert passage_id(document, 1, 0) == passage_id(document, 1, 0)
    made = {passage_id(document, version, n) for version in (1, 2) for n in range(3)}
    said = {batch_message_id(document, version, n) for version in (1, 2) for n in range(3)}
    assert len(made | said) == 12


def test_progress_rises_from_20_to_90() -> None:
    steps = [embedding_percent(done, 7) for done in range(8)]
    assert (steps[0], steps[-1]) == (20, 90)
    assert steps == sorted(steps)
    assert worth_saying(25, 30, seconds=1.0)
    assert not worth_saying(25, 30, seconds=0.5)
    assert not worth_saying(25, 29, seconds=60.0)


@pytest.mark.parametrize(
    ("given_title", "file_name", "found", "title"),
    [
        ("My own", "a.pdf", "Other", "My own"),
        ("a.pdf", "a.pdf", "The manual", "The manual"),
        ("price_list.pdf", "price_list.pdf", "Microsoft Word - x", "price list"),
        ("", "returns.md", None, "returns"),
        ("", "", None, "Document"),
    ],
)
def test_the_best_title_wins(
    given_title: str, file_name: str, found: str | None, title: str
) -> None:
    assert title_of(given_title, file_name, found) == title


def test_headings_are_joined_and_bounded() -> None:
    assert heading_path(()) is None
    assert heading_path(("Shop", "Returns")) == "Shop > Returns"
    path = heading_path(tuple(f"{n} {'x' * 100}" for n in range(9)))
    assert path is not None
    assert len(path) <= 512
    assert path.endswith("8 " + "x" * 100)


def test_a_cursor_comes_back_and_a_forged_one_does_not() -> None:
    place = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), uuid4()
    assert read_cursor(cursor_of(*place)) == place
    for forged in ("x", "", "bm90fGE=", cursor_of(*place)[:-5]):
        with pytest.raises(InvalidCursor):
            read_cursor(forged)
