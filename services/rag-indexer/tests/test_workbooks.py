"""Workbooks: sheets, headers, and numbers and dates as people read them."""

import os
from collections.abc import Callable

import pytest

from rag_indexer.number_format import format_code, renderer
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

from .foreign_files import CORE, packed, sheet_rows, xlsx_of

LIMITS = ParserLimits(cpu_seconds=30, wall_seconds=60)
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="#,##0.00\\ [$€-407]"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="14"/>'
    '<xf numFmtId="10"/></cellXfs>'
)


async def read(content: bytes) -> ParsedDocument:
    return await parse_file(content, "a.xlsx", LIMITS)


async def code_of(content: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        await read(content)
    return caught.value.code


async def test_every_visible_sheet_is_a_heading_with_rows_under_its_header() -> None:
    prices = sheet_rows(
        ["Price list 2026"], ["Item", "Price", "From", "Off"],
        ["Shoe", (1249.5, 1), (45413, 2), (0.125, 3)], [], ["Hat", (7, 1), None, 0.1],
    )  # fmt: skip
    content = xlsx_of(
        {"Prices": prices, "Secret": sheet_rows(["pin", "1234"]), "Shops": sheet_rows(["Zagreb"])},
        states=["visible", "veryHidden", "visible"],
        styles=STYLES,
        **{"docProps/core.xml": CORE.format("All", "Ann", "hr", "2025-05-06T1:00:00Z").encode()},
    )
    document = await read(content)
    assert document.text.strip() == (
        "# Prices\n\nPrice list 2026\n"
        "Item: Shoe; Price: 1249.50 €; From: 2024-05-01; Off: 12.50%\n"
        "Item: Hat; Price: 7.00 €; Off: 0.1\n\n# Shops\n\nZagreb"
    )
    assert [(mark.page, mark.headings) for mark in document.marks] == [
        (1, ("Prices",)),
        (2, ("Shops",)),
    ]
    assert document.text[document.marks[1].start :].startswith("# Shops")
    said = (document.title, document.author, document.language, document.dated_at, document.pages)
    assert said == ("All", "Ann", "hr", "2025-05-06", 2)


async def test_cells_of_every_kind() -> None:
    cells = (
        '<c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c><c t="b"><v>1</v></c>'
        '<c t="str"><f>A1</f><v>formula</v></c><c t="e"><v>#N/A</v></c>'
        '<c t="d"><v>2024-05-01T00:00:00</v></c>'
        "<c><v>0.30000000000000004</v></c><c><v>1E3</v></c><c><v>odd</v></c><c/>"
    )
    strings = [
        "<r><t>rich</t></r><r><t> text</t></r><rPh><t>reading</t></rPh>",
        "<t>plain\nlines</t>",
    ]
    document = await read(
        xlsx_of({"A": f"<sheetData><row>{cells}</row></sheetData>"}, strings=strings)
    )
    assert document.text.strip().split("\n")[-1] == (
        "rich text; plain lines; yes; formula; 2024-05-01; 0.3; 1000; odd"
    )


async def test_hidden_rows_and_columns_are_not_read() -> None:
    rows = (
        '<cols><col min="2" max="3" hidden="1"/></cols><sheetData>'
        + '<row r="1">{0}</row><row r="2" hidden="1">{0}</row><row r="3">{0}</row></sheetData>'
    ).format(
        "".join(f'<c r="{c}1" t="inlineStr"><is><t>{c.lower()}</t></is></c>' for c in "ABCD")
    )  # fmt: skip
    assert (await read(xlsx_of({"A": rows}))).text.strip() == "# A\n\na; d\na; d"


async def test_a_cell_far_away_costs_nothing() -> None:
    far = '<sheetData><row r="1048576"><c r="XFD1048576"><v>7</v></c></row></sheetData>'
    assert (await read(xlsx_of({"A": far}))).text.strip() == "# A\n\n7"


async def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    content = xlsx_of(
        {"A": sheet_rows([(45413 - 1462, 2)])}, styles=STYLES, settings='<workbookPr date1904="1"/>'
    )
    assert "2024-05-01" in (await read(content)).text


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("General", 12, "12"), ("General", 0.1 + 0.2, "0.3"), ("General", 1e20, "1e+20"),
        ("0", 11.6, "12"), ("0.00", 3, "3.00"), ("#,##0", 1234567, "1234567"), ("0%", 0.07, "7%"),
        ("0.0%", -0.0725, "-7.2%"), ("0.00E+00", 12345, "12345"), ("# ?/?", 0.5, "0.5"),
        ('"€" #,##0.00', 5, "€ 5.00"), ("$#,##0.00;[Red]-$#,##0.00", -5, "$ -5.00"),
        ('0.0" kg"', 2, "2.0 kg"), ("_-* #,##0.00\\ [$kn-41A]_-", 9, "9.00 kn"),
        ("yyyy-mm-dd", 45413, "2024-05-01"), ("d.m.yyyy h:mm", 45413.75, "2024-05-01 18:00"),
        ("[$-407]dddd, d. mmmm yyyy", 45413, "2024-05-01"), ("h:mm:ss", 0.5, "12:00:00"),
        ("h:mm AM/PM", 0.75, "18:00"), ("[h]:mm", 1.5, "36:00"), ("mmm-yy", 45413, "2024-05-01"),
        ("yyyy-mm-dd", -3, "-3"), ("yyyy-mm-dd", 1e12, "1000000000000"), ("@", 7, "7"),
    ],
)  # fmt: skip
def test_numbers_are_as_people_read_them(code: str, value: float, shown: str) -> None:
    assert renderer(code, False)(value) == shown


def test_formats_by_number() -> None:
    assert format_code(14, {}) == "yyyy-mm-dd"
    assert format_code(164, {164: "0.0"}) == "0.0"
    assert format_code(31, {}) == "yyyy-mm-dd"
    assert format_code(999, {}) == "General"


@pytest.mark.parametrize("head", ["<!DOCTYPE x>", '<!DOCTYPE x [<!ENTITY a "b">]>'])
@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_xml_with_declarations(head: str, part: str, encoding: str) -> None:
    bomb = f"{head}<a>&a;</a>".encode(encoding)
    assert await code_of(xlsx_of({"A": sheet_rows(["x"])}, **{part: bomb})) == "corrupt_document"


async def test_damage_and_bombs() -> None:
    whole = xlsx_of({"A": sheet_rows(["x"])})
    assert await code_of(whole[:300]) == "corrupt_document"
    assert await code_of(packed({"[Content_Types].xml": b"<a/>"})) == "corrupt_document"
    torn = {"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row><c>"}
    assert await code_of(xlsx_of({"A": ""}, **torn)) == "corrupt_document"
    missing = sheet_rows().replace("<sheetData>", '<sheetData><row><c t="s"><v>9</v></c></row>')
    assert await code_of(xlsx_of({"A": missing})) == "corrupt_document"
    assert await code_of(xlsx_of({"A": sheet_rows()})) == "no_text"
    dense = {"xl/media/zeros.bin": b"\0" * 20_000_000}
    assert await code_of(xlsx_of({"A": ""}, **dense)) == "zip_bomb"
    beside = {**dense, "xl/media/noise.bin": os.urandom(1_000_000)}
    assert await code_of(xlsx_of({"A": ""}, **beside)) == "zip_bomb"
    many = {f"xl/worksheets/more{number}.xml": b"<a/>" for number in range(2_001)}
    assert await code_of(xlsx_of({"A": ""}, **many)) == "zip_bomb"
    large = {"xl/media/a.bin": bytes(range(256)) * 440_000}
    assert await code_of(xlsx_of({"A": ""}, **large)) == "zip_bomb"


async def test_sheets_without_end() -> None:
    names = {f"S{number}": sheet_rows(["x"]) for number in range(501)}
    assert await code_of(xlsx_of(names)) == "too_complex"


async def test_an_encrypted_workbook(make_pdf: Callable[..., bytes]) -> None:
    package = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    assert await code_of(package + "EncryptedPackage".encode("utf-16-le")) == "encrypted"
    assert await code_of(make_pdf([["x"]])) == "type_mismatch"
