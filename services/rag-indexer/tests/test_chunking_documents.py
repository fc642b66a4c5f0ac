"""Documents as people upload them, split by each strategy."""

from itertools import pairwise
from typing import get_args

import pytest

from rag_indexer.chunking import Chunk, ChunkRule, Strategy, chunk
from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import Mark, ParsedDocument
from rag_indexer.word_pieces import WordPieces

PIECES = WordPieces()
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

STEPS = "".join(
    f"{n}. Turn valve {n} to the left. Wait until the lamp is green.\n   Then close it.\n"
    for n in range(1, 9)
)
MANUAL = (
    "# Coffee machine XK-2\n\n"
    "## Before first use\n\n"
    "Remove the film from the tank. Rinse the tank with warm water, then fill it to the line.\n\n"
    "### Descaling\n\n" + STEPS + "\n## Errors\n\n"
    "| Code | Meaning | What to do |\n|---|---|---|\n"
    + "".join(
        f"| E{n} | The pump {n} is blocked. | Clean filter {n}. Restart. |\n" for n in range(9)
    )
    + "\nCall the service if the machine still shows a code. The number is on the back.\n\n"
    "## Warranty\n\n" + "We repair the machine for two years without any charge. " * 30 + "\n\n"
    "### What it does not cover\n\n" + "Damage by lime or by foreign parts is not covered. " * 12
)
PRICES = "\n".join(
    f"Article: Bolt M{n}. Steel; Price: {n},90 EUR; Stock: {n * 7}. On order" for n in range(200)
)
CROATIAN = (
    "Povrat robe moguć je u roku od 14 dana. Račun izdan 15. siječnja vrijedi do 29. siječnja. "
    "Kupac plaća poštarinu; šteta nastala u prijevozu ide na teret dostavljača! "
) * 20
CHINESE = "退货须在十四天内提出。运费由买家承担！运输中的损坏由承运人负责。您还有问题吗？" * 30
CODE = (
    "Set it up like this:\n\n```python\n"
    + "".join(f"client.call({n}).  # See page {n}. Then wait\n" for n in range(6))
    + "```\n\n"
    + "After that the client is ready. " * 30
)


def plain(text: str, file_type: str = "txt") -> ParsedDocument:
    return ParsedDocument(file_type, text, (Mark(0, None, ()),))


def markdown(text: str) -> ParsedDocument:
    return ParsedDocument("md", text, heading_marks(text)[0])


def cut(document: ParsedDocument, rule: ChunkRule) -> list[Chunk]:
    return chunk(document, PIECES.starts(document.text), rule)


def is_whole(piece: str, chunks: list[Chunk]) -> bool:
    return any(piece in one.text for one in chunks)


@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_table_rows_and_steps_stay_whole(strategy: Strategy) -> None:
    chunks = cut(markdown(MANUAL), ChunkRule(60, 12, 20, strategy))
    for line in MANUAL.splitlines():
        if line.startswith("|"):
            assert is_whole(line, chunks), line
    for step in STEPS.split("   Then close it.\n")[:-1]:
        assert is_whole(step + "   Then close it.", chunks), step


@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_a_table_that_fits_stays_whole(strategy: Strategy) -> None:
    table = MANUAL[MANUAL.index("| Code") : MANUAL.index("\nCall the service")].strip()
    length = PIECES.count(table)
    before = "A word on it. " * 11
    text = f"{before}\n\n{table}\n\nAnd after it more words. " + "And more words. " * 40
    assert is_whole(table, cut(plain(text), ChunkRule(length, length // 5, 20, strategy)))
    assert not is_whole(table, cut(plain(text), ChunkRule(length, length // 5, 20, "fixed")))


@pytest.mark.parametrize("file_type", ["csv", "xlsx"])
@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_rows_of_a_price_list_stay_whole(file_type: str, strategy: Strategy) -> None:
    chunks = cut(plain(PRICES, file_type), ChunkRule(100, 25, strategy=strategy))
    rows = set(PRICES.splitlines())
    for one in chunks:
        assert set(one.text.splitlines()) <= rows
        assert 40 < one.token_count <= 100 or one is chunks[-1]


def test_passages_stand_under_their_heading_and_parents_within_a_top_section() -> None:
    rule = ChunkRule(60, 12, 20, "headings", 200)
    document = markdown(MANUAL)
    chunks = cut(document, rule)
    tops = [MANUAL.index(name) for name in ("## Before", "## Errors", "## Warranty")]
    for one in chunks:
        assert one.parent_start is not None
        assert one.parent_end is not None
        assert not any(one.parent_start < top < one.parent_end for top in tops[1:])
        assert PIECES.count(MANUAL[one.parent_start : one.parent_end]) <= 200
        assert one.headings[0] == "Coffee machine XK-2"
    assert chunks[0].headings == ("Coffee machine XK-2", "Before first use")
    errors = [one for one in chunks if "Clean filter" in one.text]
    assert {one.headings[-1] for one in errors} == {"Errors"}
    assert len({(one.parent_start, one.parent_end) for one in errors}) == 1
    assert {one.headings[-1] for one in chunks if "lime" in one.text} == {"What it does not cover"}


def test_sections_that_run_on_stand_under_what_they_have_in_common() -> None:
    rooms = "## Rooms\n\n### Keys\n\nAt the desk.\n\n### Pets\n\nAre welcome.\n\n"
    text = f"# Hotel\n\n{rooms}## Food\n\nAt 8."
    first, second = cut(markdown(text), ChunkRule(60, 12, 20, "headings", 200))
    assert (first.headings, second.headings) == (("Hotel", "Rooms"), ("Hotel", "Food"))


def test_without_parents_none_is_named() -> None:
    chunks = cut(markdown(MANUAL), ChunkRule(60, 12, 20, "headings"))
    assert {(one.parent_start, one.parent_end) for one in chunks} == {(None, None)}


def test_paragraphs_are_packed_whole() -> None:
    paragraphs = [f"Paragraph {n} says this. And it says that." for n in range(30)]
    chunks = cut(plain("\n\n".join(paragraphs)), ChunkRule(60, 0, strategy="paragraph"))
    assert 1 < len(chunks) < 15
    for one in chunks:
        assert set(one.text.split("\n\n")) <= set(paragraphs)


def test_a_long_paragraph_is_cut_at_sentences() -> None:
    text = "Short one.\n\n" + "A sentence of some eight words is here. " * 30
    chunks = cut(plain(text), ChunkRule(60, 0, strategy="paragraph"))
    assert chunks[0].text == "Short one."
    assert all(one.text.startswith("A sentence") for one in chunks[1:])
    assert all(one.text.endswith("here.") for one in chunks[1:])


def test_a_heading_is_not_parted_from_its_paragraph() -> None:
    text = "".join(f"## Part {n}\n\nWhat part {n} says in a few more words.\n\n" for n in range(40))
    for one in cut(markdown(text), ChunkRule(64, 0, strategy="paragraph")):
        assert one.text.startswith("## Part")
        assert one.text.endswith("words.")


def test_recursive_takes_the_largest_separator_that_fits() -> None:
    sections = [f"## S{n}\n\n" + f"Fact {n} is true. " * 6 for n in range(8)]
    chunks = cut(markdown("\n\n".join(sections)), ChunkRule(110, 20, strategy="recursive"))
    assert all(one.text.startswith("## S") for one in chunks)
    assert all(one.text.count("##") == 3 for one in chunks[:-1])


def test_fixed_windows_are_equal_and_end_between_words() -> None:
    chunks = cut(markdown(MANUAL), ChunkRule(60, 12, strategy="fixed"))
    assert all(53 <= one.token_count <= 60 for one in chunks[:-1])
    for one, following in pairwise(chunks):
        assert one.start < following.start < one.end
        assert MANUAL[one.end : one.end + 1].isspace()
        assert MANUAL[following.start - 1].isspace()


@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_croatian_dates_do_not_end_a_sentence(strategy: Strategy) -> None:
    chunks = cut(plain(CROATIAN), ChunkRule(100, 0, strategy=strategy))
    assert len(chunks) > 5
    for one in chunks:
        assert one.text.endswith((".", "!"))
        assert not one.text.startswith("siječnja")


def test_a_text_without_capitals_is_cut_at_its_sentences() -> None:
    text = "the pump of the machine is blocked by lime . clean it, e.g. with vinegar. " * 30
    for one in cut(plain(text), ChunkRule(57, 0)):
        assert one.text.startswith(("the pump", "clean it"))


@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_chinese_is_cut_at_its_sentences(strategy: Strategy) -> None:
    chunks = cut(plain(CHINESE), ChunkRule(100, 0, strategy=strategy))
    assert len(chunks) > 5
    assert all(one.text[-1] in "。！？" for one in chunks)


@pytest.mark.parametrize("strategy", ["paragraph", "recursive", "headings"])
def test_a_code_block_that_fits_stays_whole(strategy: Strategy) -> None:
    code = CODE[CODE.index("```") : CODE.rindex("```") + 3]
    length = PIECES.count(code)
    assert is_whole(code, cut(markdown(CODE), ChunkRule(length + 4, 12, 20, strategy)))


def test_a_page_that_begins_under_a_heading_keeps_it() -> None:
    text = "Cover\n\n" + "Words of chapter one. " * 60 + "\n\n" + "Words of chapter two. " * 60
    second = text.index("Words of chapter two")
    marks = (Mark(0, 1, ()), Mark(7, 2, ("One",)), Mark(second, 3, ("Two",)))
    chunks = cut(ParsedDocument("pdf", text, marks), ChunkRule(60, 12, 20, "headings", 200))
    assert chunks[0].text.startswith("Cover")
    assert (chunks[0].page, chunks[0].headings) == (1, ("One",))
    assert {(one.page, one.headings) for one in chunks[1:]} == {(2, ("One",)), (3, ("Two",))}
