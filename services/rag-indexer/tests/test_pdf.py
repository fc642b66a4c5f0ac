"""PDF: text, page numbers, outline and what the file says of itself, by pdfium and by pypdf."""

import pypdfium2
import pytest

from rag_indexer import pdf_pages
from rag_indexer.file_source import FileSource
from rag_indexer.parsed import ParsedDocument
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.pdf_rescue import Rescue
from rag_indexer.pdf_text import parse_pdf

from .foreign_files import pdf_of

LIMITS = ParserLimits(wall_seconds=30)
MANUAL = [
    ["Page one speaks about returns.", "It goes on and con-", "tinues here."],
    ["Page two speaks about shipping."],
]
OUTLINE = (
    b"<< /Type /Catalog /Pages 2 0 R /Lang (hr-HR) "
    b"/Outlines << /First 90 0 R /Last 90 0 R >> >>\nendobj\n"
    b"90 0 obj\n<< /Title (Part) /Parent 1 0 R /Dest [7 0 R /Fit] /First 91 0 R /Last 91 0 R >>\n"
    b"endobj\n91 0 obj\n<< /Title (Chapter) /Parent 90 0 R /Dest [9 0 R /Fit] >>"
)


def outlined() -> bytes:
    info = "/Title (T) /CreationDate (D:20230102) /ModDate (D:20240203101112+01'00')"
    content = pdf_of([["One."], ["Two."], ["Three."]], info=info)
    return content.replace(b"<< /Type /Catalog /Pages 2 0 R >>", OUTLINE)


async def read(content: bytes, name: str) -> ParsedDocument:
    return await parse_file(content, name, LIMITS)


async def test_a_pdf_gives_text_page_by_page() -> None:
    document = await read(pdf_of(MANUAL, info="/Title (The manual) /Author (Ann)"), "m.pdf")
    assert document.file_type == "pdf"
    assert (document.title, document.author, document.pages) == ("The manual", "Ann", 2)
    assert "continues here" in document.text
    assert [mark.page for mark in document.marks] == [1, 2]
    second = document.marks[1].start
    assert document.text[second:].startswith("Page two speaks about shipping.")


async def test_a_pdf_says_dates_language_and_outline() -> None:
    document = await read(outlined(), "a.pdf")
    assert (document.dated_at, document.language) == ("2024-02-03", "hr-HR")
    assert [(mark.page, mark.headings) for mark in document.marks] == [
        (1, ()),
        (2, ("Part",)),
        (3, ("Part", "Chapter")),
    ]


async def test_empty_pages_count_in_the_numbers_of_the_others() -> None:
    document = await read(pdf_of([["One."], [], ["Three."]]), "a.pdf")
    assert [mark.page for mark in document.marks] == [1, 3]
    assert document.pages == 3


def test_pypdf_says_the_same_where_pdfium_fails() -> None:
    source = FileSource.of_bytes(outlined())
    rescue = Rescue(source)
    assert [page.strip() for page in rescue.pages(lambda *_: None)] == ["One.", "Two.", "Three."]
    assert rescue.outline() == {1: ("Part",), 2: ("Part", "Chapter")}
    assert rescue.metadata()["ModDate"].startswith("D:20240203")


async def test_a_pdf_that_pdfium_refuses_is_read_by_pypdf() -> None:
    uncounted = outlined().replace(b"/Count 3", b"/Count 0")
    document = await read(uncounted, "a.pdf")
    assert document.text == "One.\n\nTwo.\n\nThree."
    assert (document.title, document.dated_at, document.pages) == ("T", "2024-02-03", 3)
    assert [mark.headings for mark in document.marks][1:] == [("Part",), ("Part", "Chapter")]


def test_pages_read_as_pdfium_alone_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the file is opened anew every two pages, and when the buffer is too small."""
    lines = [[f"Page {number} line {line} of it." for line in range(40)] for number in range(9)]
    source = FileSource.of_bytes(pdf_of(lines))
    with pypdfium2.PdfDocument(pdf_of(lines)) as document:
        alone = [document[place].get_textpage().get_text_bounded() for place in range(9)]
    monkeypatch.setattr(pdf_pages, "_PAGES_AN_OPENING", 2)
    monkeypatch.setattr(pdf_pages, "_BYTES_AN_OPENING", 1)
    monkeypatch.setattr(pdf_pages, "_FIRST_UNITS", 100)
    opened: list[FileSource] = []
    really_open = pdf_pages.open_pdf
    monkeypatch.setattr(pdf_pages, "open_pdf", lambda one: opened.append(one) or really_open(one))
    texts = list(pdf_pages.page_texts(really_open(source), source, lambda *_: None))
    assert texts == alone
    assert len(opened) == 4


def test_a_mapped_file_and_its_bytes_read_alike() -> None:
    seen: list[tuple[int, int]] = []
    document = parse_pdf(FileSource.of_bytes(outlined()), lambda *now: seen.append(now))
    assert document.title == "T"
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
