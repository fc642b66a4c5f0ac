"""Rows of CSV and TSV files as lines that can be understood alone."""

import pytest

from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.table_text import CELLS_MAX, LINE_CHARACTERS, ROWS_MAX, Row, table_lines

LIMITS = ParserLimits(wall_seconds=60)


async def read(text: str | bytes, name: str = "a.csv") -> ParsedDocument:
    return await parse_file(text.encode() if isinstance(text, str) else text, name, LIMITS)


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("Item,Price\nShoe,12\nHat,7\n", ["Item: Shoe; Price: 12", "Item: Hat; Price: 7"]),
        ("Item;Price\r\nShoe;12,50\r\n", ["Item: Shoe; Price: 12,50"]),
        ("Item|Price\nShoe|12\n", ["Item: Shoe; Price: 12"]),
        ("sep=;\nItem;Price\nShoe, red;12\n", ["Item: Shoe, red; Price: 12"]),
        ('Name,Says\nAnn,"one\ntwo, ""three"""\n', ['Name: Ann; Says: one two, "three"']),
        (
            "Item,Price,Note\nShoe,12,\n,,\nHat,,old\n",
            ["Item: Shoe; Price: 12", "Item: Hat; Note: old"],
        ),
        ("Prices 2026\n\nItem,Price\nShoe,12\n", ["Prices 2026", "Item: Shoe; Price: 12"]),
        ("Name:,City\nAnn,Zagreb\n", ["Name: Ann; City: Zagreb"]),
        ("1,2\n3,4\n", ["1; 2", "3; 4"]),
        ("Shoe,12\nHat,7\n", ["Shoe; 12", "Hat; 7"]),
        ("yes,Ann\nno,Bob\n", ["yes; Ann", "no; Bob"]),
        ("Word\nred\nblue\n", ["Word: red", "Word: blue"]),
        ("red,blue\nblue,red\nred,green\n", ["red; blue", "blue; red", "red; green"]),
        ("Only a heading,here\n", ["Only a heading; here"]),
    ],
)
async def test_dialect_and_header_are_found(table: str, lines: list[str]) -> None:
    assert (await read(table)).text.split("\n") == lines


async def test_tabs_of_empty_cells_are_no_gap() -> None:
    document = await read("Name\ta\tb\tc\td\te\tf\tCity\nAnn\t\t\t\t\t\t\tZagreb\n", "a.tsv")
    assert document.text == "Name: Ann; City: Zagreb"
    assert document.file_type == "tsv"


async def test_an_old_encoding_is_guessed_and_flagged() -> None:
    table = (
        "Artikl;Cijena;Opis\n" + "Žarulja;12,50;štedna žarulja s toplim svjetlom, četiri vata\n" * 9
    )
    document = await read(table.encode("cp1250"))
    assert document.encoding_guessed
    assert "Artikl: Žarulja; Cijena: 12,50; Opis: štedna žarulja" in document.text


async def test_invisible_characters_go_from_cells() -> None:
    tag = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    document = await read(f"Item,Price\nSh\u200boe{tag},12\n")
    assert document.text == "Item: Shoe; Price: 12"
    assert document.invisible_removed == 5


async def test_a_quote_that_is_never_closed_swallows_nothing() -> None:
    rows = "".join(f"row {number},a pipe of five inches\n" for number in range(40_000))
    document = await read(f'Item,Text\n"broken,x\n{rows}')
    assert "Item: row 39999; Text: a pipe of five inches" in document.text


async def test_a_quote_inside_of_a_cell_is_a_sign() -> None:
    document = await read('Item,Text\npipe,a 5" pipe\nhose,"a 6"" hose"\n')
    assert document.text.split("\n") == [
        'Item: pipe; Text: a 5" pipe',
        'Item: hose; Text: a 6" hose',
    ]


async def test_a_wide_row_says_in_every_line_which_row_it_is() -> None:
    head = ",".join(f"Column {number}" for number in range(400))
    body = ",".join(f"value {number}" for number in range(400))
    lines = (await read(f"Key,{head}\nshoe-1,{body}\n")).text.split("\n")
    assert len(lines) > 5
    assert all(line.startswith("Key: shoe-1; Column ") for line in lines)
    assert all(len(line) < LINE_CHARACTERS + 200 for line in lines)
    assert "Column 399: value 399" in lines[-1]


async def test_a_hundred_thousand_rows_are_read_in_order() -> None:
    rows = "".join(f"item {number},{number * 2},red\n" for number in range(100_000))
    seen: list[tuple[int, int]] = []
    document = await parse_file(
        f"Item,Price,Colour\n{rows}".encode(), "a.csv", LIMITS, lambda *now: seen.append(now)
    )
    lines = document.text.split("\n")
    assert len(lines) == 100_000
    assert lines[-1] == "Item: item 99999; Price: 199998; Colour: red"
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    "rows",
    [
        ({0: "x"} for _ in range(ROWS_MAX + 1)),
        (dict.fromkeys(range(1000), "x") for _ in range(CELLS_MAX // 1000 + 1)),
        ({0: "x" * 100_000, 1: str(number)} for number in range(500)),
    ],
    ids=["rows", "cells", "characters"],
)
def test_beyond_every_bound_is_too_complex(rows: "list[Row]") -> None:
    with pytest.raises(Unreadable) as caught:
        for _ in table_lines(rows, lambda _row: None):
            continue
    assert caught.value.code == "too_complex"


async def test_a_line_of_ten_megabytes_is_read() -> None:
    assert len((await read(b"word " * 2_000_000)).text) > 9_000_000


async def test_binary_is_no_table() -> None:
    for content, code in (
        (b"\x89PNG\r\n\x1a\n", "type_mismatch"),
        (bytes(range(32)) * 99, "unsupported_type"),
    ):
        with pytest.raises(Unreadable) as caught:
            await read(content)
        assert caught.value.code == code
