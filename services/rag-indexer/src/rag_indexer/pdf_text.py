"""PDF: text page by page with pdfium, and with pypdf where pdfium cannot open a file."""

import io
import logging
import re
from collections.abc import Iterator

import pypdfium2
from pypdf import PdfReader
from pypdf.errors import PdfReadError

from rag_indexer.markdown_text import plain_words
from rag_indexer.parsed import Mark, ParsedDocument, Unreadable
from rag_indexer.visible_text import visible

PAGES_MAX = 5_000
CHARACTERS_MAX = 40_000_000
_OUTLINE_MAX = 5_000
_BROKEN_WORD = re.compile(
    "(?<=[^\\W\\d_])(?:[\u00ad\ufffe\x02]|-(?=\r?\n[a-z]))\r?\n(?=[^\\W\\d_])"
)
_SOFT_LINE_END = re.compile(r"(?<=[^\n.!?:;])[ \t]*\n(?=[a-z(])")


def parse_pdf(content: bytes) -> ParsedDocument:
    """A PDF with page numbers from 1 and the outline as headings; empty password tried."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as refusal:
        if "password" in str(refusal).lower():
            raise Unreadable("encrypted") from refusal
        return _parse_slowly(content)
    with document:
        _check_pages(len(document))
        outline = _outline(document)
        metadata = document.get_metadata_dict()
        return _assemble(_pdfium_pages(document), outline, metadata)


def _check_pages(pages: int) -> None:
    if pages > PAGES_MAX:
        raise Unreadable("too_complex", f"{pages} pages")


def _pdfium_pages(document: pypdfium2.PdfDocument) -> Iterator[str]:
    for index in range(len(document)):
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            yield ""
            continue
        text_page = page.get_textpage()
        yield text_page.get_text_bounded()
        text_page.close()
        page.close()


def _outline(document: pypdfium2.PdfDocument) -> dict[int, tuple[str, ...]]:
    """Heading path in force at the end of each page (index from 0) that an outline entry names."""
    paths: dict[int, tuple[str, ...]] = {}
    path: list[str] = []
    for number, bookmark in enumerate(document.get_toc(max_depth=6)):
        if number >= _OUTLINE_MAX:
            break
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        words = plain_words(visible(bookmark.get_title() or "")[0])
        if page is None or not words:
            continue
        path = [*path[: bookmark.level], words]
        paths.setdefault(page, tuple(path))
    return paths


def _parse_slowly(content: bytes) -> ParsedDocument:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("encrypted")
        _check_pages(len(reader.pages))
        found = {key.strip("/"): str(value) for key, value in (reader.metadata or {}).items()}
        return _assemble((page.extract_text() for page in reader.pages), {}, found)
    except PdfReadError as damage:
        raise Unreadable("corrupt_document", type(damage).__name__) from damage


def _assemble(
    pages: Iterator[str], outline: dict[int, tuple[str, ...]], metadata: dict[str, str]
) -> ParsedDocument:
    parts: list[str] = []
    marks: list[Mark] = []
    length = removed = 0
    headings: tuple[str, ...] = ()
    number = 0
    for number, raw in enumerate(pages, start=1):
        headings = outline.get(number - 1, headings)
        text, gone = visible(_BROKEN_WORD.sub("", raw))
        page = _SOFT_LINE_END.sub(" ", text).strip()
        removed += gone
        if not page:
            continue
        marks.append(Mark(length, number, headings))
        parts.append(page)
        length += len(page) + 2
        if length > CHARACTERS_MAX:
            raise Unreadable("too_complex", f"more than {CHARACTERS_MAX} characters")
    return ParsedDocument(
        file_type="pdf",
        text="\n\n".join(parts),
        marks=tuple(marks) or (Mark(0, None, ()),),
        title=_words(metadata.get("Title")),
        author=_words(metadata.get("Author")),
        pages=number,
        invisible_removed=removed,
    )


def _words(value: str | None) -> str | None:
    return " ".join(visible(value or "")[0].split())[:300] or None
