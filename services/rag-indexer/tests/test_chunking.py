"""Passages: bounded, overlapping, at sentence ends, with their place in the document."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_indexer.chunking import CHARACTERS_MAX, Chunk, ChunkRule, chunk
from rag_indexer.markdown_text import parse_markdown
from rag_indexer.parsed import Mark, ParsedDocument
from rag_indexer.plain_text import parse_text
from rag_indexer.word_pieces import WordPieces

PIECES = WordPieces()
RULE = ChunkRule(tokens_max=100, overlap_tokens=20)
SENTENCES = " ".join(f"Sentence number {n} tells one small fact about bridges." for n in range(80))


def cut(document: ParsedDocument, rule: ChunkRule = RULE) -> list[Chunk]:
    return chunk(document, PIECES.starts(document.text), rule)


def test_passages_end_at_sentences_and_overlap() -> None:
    chunks = cut(parse_text(SENTENCES.encode()))
    assert len(chunks) > 5
    assert [one.ordinal for one in chunks] == list(range(len(chunks)))
    for one in chunks:
        assert one.token_count <= 100
        assert one.text.endswith(".")
        assert one.text.startswith("Sentence")
    for one, following in pairwise(chunks):
        assert one.start < following.start < one.end
        assert PIECES.count(SENTENCES[following.start : one.end]) <= 20


def test_nothing_is_lost_and_offsets_are_true() -> None:
    document = parse_text(SENTENCES.encode())
    covered = 0
    for one in cut(document):
        assert document.text[one.start : one.end] == one.text
        assert one.start <= covered or document.text[covered : one.start].isspace()
        covered = one.end
    assert covered == len(document.text)


def test_without_overlap_passages_touch() -> None:
    chunks = cut(parse_text(SENTENCES.encode()), ChunkRule(100, 0))
    for one, following in pairwise(chunks):
        assert one.end <= following.start


def test_pages_and_headings_stand_on_each_passage() -> None:
    text = SENTENCES[:2000] + "\n\n" + SENTENCES[2000:]
    document = ParsedDocument(
        "pdf", text, (Mark(0, 1, ("Part one",)), Mark(2002, 2, ("Part one", "Deep")))
    )
    chunks = cut(document)
    assert {(one.page, one.headings) for one in chunks} == {
        (1, ("Part one",)),
        (2, ("Part one", "Deep")),
    }
    assert not any(one.start < 2002 < one.end for one in chunks)


def test_tiny_sections_run_on_together() -> None:
    text = "".join(f"# Topic {n}\n\nOne short fact.\n\n" for n in range(20))
    chunks = cut(parse_markdown(text.encode()), ChunkRule(100, 20, 50))
    assert 2 <= len(chunks) < 20
    assert chunks[0].headings == ("Topic 0",)


def test_a_document_of_one_word_is_one_passage() -> None:
    chunks = cut(parse_text(b"Word"))
    assert [(one.text, one.token_count) for one in chunks] == [("Word", 1)]


def test_only_signs_make_no_passage() -> None:
    assert cut(parse_text(b"--- *** ---")) == []


@pytest.mark.parametrize(
    "text",
    ["x" * 2_000_000, "a " * 500_000, "語" * 300_000, "." * 300_000 + "end", "\n" * 100 + "z" * 99],
)
def test_endless_lines_are_cut_in_bounded_time(text: str) -> None:
    started = time.monotonic()
    chunks = cut(parse_text(text.encode()), ChunkRule(222, 32))
    assert time.monotonic() - started < 20
    assert all(len(one.text) <= CHARACTERS_MAX + 100 for one in chunks)
    assert all(one.token_count <= 222 for one in chunks)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab .\n\t!?é語\u3002-"), min_size=0, max_size=600),
    st.integers(4, 60),
    st.integers(0, 15),
)
def test_any_text_is_cut_whole(text: str, tokens_max: int, overlap: int) -> None:
    document = parse_text(text.encode())
    chunks = cut(document, ChunkRule(tokens_max, min(overlap, tokens_max // 4), tokens_max // 2))
    covered = 0
    for one in chunks:
        assert one.text == document.text[one.start : one.end]
        assert one.token_count <= tokens_max
        assert not any(c.isalnum() for c in document.text[covered : one.start])
        covered = max(covered, one.end)
    assert not any(c.isalnum() for c in document.text[covered:])


def test_tokens_are_the_models_own() -> None:
    assert PIECES.count("unaffordable returns") == len(
        ["una", "##ff", "##ord", "##able", "returns"]
    )
    assert PIECES.starts("two words").tolist() == [0, 4]


def test_splitting_a_large_text_is_quick() -> None:
    text = (SENTENCES + "\n\n") * 200
    started = time.monotonic()
    starts = PIECES.starts(text)
    chunk(parse_text(text.encode()), starts, RULE)
    assert len(starts) / (time.monotonic() - started) > 30_000
