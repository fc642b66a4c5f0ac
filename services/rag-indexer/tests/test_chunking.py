"""Passages: bounded, overlapping, at sentence ends, with their place in the document."""

import time
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag_indexer.byte_pairs import BytePairs
from rag_indexer.chunking import CHARACTERS_MAX, Chunk, ChunkRule, Strategy, chunk
from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import Mark, ParsedDocument
from rag_indexer.word_pieces import WordPieces

PIECES = WordPieces()
RULE = ChunkRule(tokens_max=100, overlap_tokens=20)
BYTE_PAIRS = BytePairs()
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
SENTENCES = " ".join(f"Sentence number {n} tells one small fact about bridges." for n in range(80))
LINES = st.sampled_from(
    [
        "# One\n",
        "## Two\n",
        "### Three\n",
        "\n",
        "Words that say. Something more! Is it?\n",
        "no end of a line ",
        "- an item of a list\n",
        "  that goes on. Here too.\n",
        "| a | b |\n",
        "|---|---|\n",
        "12 | bolts. Cheap. | 3 EUR\n",
        "```\n",
        "code(x); y = 2\n",
        "語句子。還有一個！",
        "š č 15. siječnja. Đ\n",
        "👩🏽‍🔧 a\u0301\u0301 ",
        "....... ",
        "x" * 90,
    ]
)
RULES = st.builds(
    ChunkRule,
    tokens_max=st.integers(8, 60),
    overlap_tokens=st.integers(0, 15),
    section_tokens_min=st.integers(1, 20),
    strategy=st.sampled_from(STRATEGIES),
    parent_tokens=st.none() | st.integers(60, 150),
)


def plain(text: str) -> ParsedDocument:
    return ParsedDocument("txt", text, (Mark(0, None, ()),))


def markdown(text: str) -> ParsedDocument:
    return ParsedDocument("md", text, heading_marks(text)[0])


def cut(document: ParsedDocument, rule: ChunkRule) -> list[Chunk]:
    return chunk(document, PIECES.starts(document.text), rule)


def bounded(rule: ChunkRule) -> ChunkRule:
    overlap = min(rule.overlap_tokens, rule.tokens_max // 4)
    return ChunkRule(
        rule.tokens_max, overlap, rule.section_tokens_min, rule.strategy, rule.parent_tokens
    )


def check(document: ParsedDocument, chunks: list[Chunk], rule: ChunkRule) -> None:
    """What holds of every text under every rule."""
    text = document.text
    begun, covered, lost = -1, 0, ""
    for number, one in enumerate(chunks):
        assert one.ordinal == number
        assert one.text == text[one.start : one.end] == one.text.strip()
        assert 0 < one.token_count <= rule.tokens_max
        assert len(one.text) <= CHARACTERS_MAX
        assert begun < one.start
        assert covered < one.end
        lost += text[covered : one.start]
        begun, covered = one.start, one.end
    lost += text[covered:]
    assert not any(character.isalnum() for character in lost)


def check_parents(chunks: list[Chunk], starts: list[int], parent_tokens: int | None) -> None:
    """Parents follow each other apart, hold their passages and are as short as was asked."""
    for one in chunks:
        assert (one.parent_start is None) == (one.parent_end is None) == (parent_tokens is None)
    if parent_tokens is None:
        return
    parents = dict.fromkeys((one.parent_start or 0, one.parent_end or 0) for one in chunks)
    for (_, end), (start, _) in pairwise(parents):
        assert end <= start
    for start, end in parents:
        assert sum(1 for place in starts if start <= place < end) <= parent_tokens + 3
    for one in chunks:
        assert (one.parent_start or 0) <= one.start < one.end <= (one.parent_end or 0)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=40).map("".join), RULES, st.booleans())
@example("- a\n" * 30, ChunkRule(8, 2, 4, "paragraph", 60), True)
def test_any_document_is_cut_whole(text: str, wished: ChunkRule, word_pieces: bool) -> None:
    document, rule = markdown(text), bounded(wished)
    starts = (PIECES if word_pieces else BYTE_PAIRS).starts(text)
    chunks = chunk(document, starts, rule)
    check(document, chunks, rule)
    check_parents(chunks, starts.tolist(), rule.parent_tokens)
    assert chunks == chunk(document, starts, rule)
    shared = rule.overlap_tokens
    for one, following in pairwise(chunks):
        assert sum(1 for place in starts if following.start <= place < one.end) <= shared


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=0, max_size=400), RULES)
def test_any_characters_are_cut_whole(text: str, wished: ChunkRule) -> None:
    document, rule = plain(text), bounded(wished)
    check(document, cut(document, rule), rule)
    check(document, chunk(document, BYTE_PAIRS.starts(text), rule), rule)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["word ", "More. ", "\n\n", "# Head\n", "- it!\n"])), RULES)
def test_no_sign_is_lost_among_words(parts: list[str], wished: ChunkRule) -> None:
    document, rule = markdown("".join([*parts, "end"])), bounded(wished)
    chunks = cut(document, rule)
    covered = {place for one in chunks for place in range(one.start, one.end)}
    lost = [
        place
        for place, character in enumerate(document.text)
        if place not in covered and not character.isspace()
    ]
    assert all(document.text[place] in "#-!." for place in lost)
    if not any(part in ("# Head\n", "- it!\n") for part in parts):
        assert lost == []


def test_passages_end_at_sentences_and_overlap() -> None:
    chunks = cut(plain(SENTENCES), RULE)
    assert len(chunks) > 5
    assert [one.ordinal for one in chunks] == list(range(len(chunks)))
    for one in chunks:
        assert one.token_count <= 100
        assert one.text.endswith(".")
        assert one.text.startswith("Sentence")
    for one, following in pairwise(chunks):
        assert one.start < following.start < one.end
        assert PIECES.count(SENTENCES[following.start : one.end]) <= 20


def test_without_overlap_passages_touch() -> None:
    chunks = cut(plain(SENTENCES), ChunkRule(100, 0))
    for one, following in pairwise(chunks):
        assert one.end <= following.start


def test_pages_and_headings_stand_on_each_passage() -> None:
    text = SENTENCES[:2000] + "\n\n" + SENTENCES[2000:]
    document = ParsedDocument(
        "pdf", text, (Mark(0, 1, ("Part one",)), Mark(2002, 2, ("Part one", "Deep")))
    )
    chunks = cut(document, RULE)
    assert {(one.page, one.headings) for one in chunks} == {
        (1, ("Part one",)),
        (2, ("Part one", "Deep")),
    }
    assert not any(one.start < 2002 < one.end for one in chunks)


def test_tiny_sections_run_on_together() -> None:
    text = "".join(f"# Topic {n}\n\nOne short fact.\n\n" for n in range(20))
    chunks = cut(markdown(text), ChunkRule(100, 20, 50))
    assert 2 <= len(chunks) < 20
    assert chunks[0].headings == ("Topic 0",)


def test_a_document_of_one_word_is_one_passage() -> None:
    chunks = cut(plain("Word"), RULE)
    assert [(one.text, one.token_count) for one in chunks] == [("Word", 1)]


def test_only_signs_make_no_passage() -> None:
    assert cut(plain("--- *** ---"), RULE) == []


def test_the_hash_is_that_of_the_words() -> None:
    (only,) = cut(plain("abc"), RULE)
    assert only.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "a " * 200_000,
        "語" * 200_000,
        "." * 200_000 + "end",
        "\n" * 100 + "z" * 99,
        "a" + "\u0301" * 200_000 + "b",
        "- \n" * 50_000,
        "| a\n" * 50_000,
    ],
    ids=["letters", "words", "signs", "dots", "blank", "accents", "items", "rows"],
)
def test_endless_lines_are_cut_in_bounded_time(text: str) -> None:
    starts = PIECES.starts(text)
    for strategy in STRATEGIES:
        started = time.process_time()
        rule = ChunkRule(222, 32, strategy=strategy, parent_tokens=666)
        chunks = chunk(plain(text), starts, rule)
        assert time.process_time() - started < 5
        assert all(len(one.text) <= CHARACTERS_MAX for one in chunks)
        assert all(one.token_count <= 222 for one in chunks)


def test_long_words_fill_a_passage_before_its_tokens_do() -> None:
    text = " responsibilities" * 4_000
    chunks = chunk(plain(text), BYTE_PAIRS.starts(text), ChunkRule(2_048, 512))
    assert all(CHARACTERS_MAX - 20 < len(one.text) <= CHARACTERS_MAX for one in chunks[:-1])
    check(plain(text), chunks, ChunkRule(2_048, 512))


def test_headings_without_end_take_linear_time() -> None:
    seconds = []
    for sections in (5_000, 40_000):
        text = "".join(f"# {n}\n\nA fact.\n\n" for n in range(sections))
        document, starts = markdown(text), BYTE_PAIRS.starts(text)
        started = time.process_time()
        chunks = chunk(document, starts, ChunkRule(222, 32, parent_tokens=666))
        seconds.append(time.process_time() - started)
        assert len(chunks) == sections
    assert seconds[1] < 30 * seconds[0]
