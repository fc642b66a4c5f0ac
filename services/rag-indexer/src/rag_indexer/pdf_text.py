"""PDF: text page by page with pdfium, and with pypdf where pdfium cannot open a file."""

import ctypes
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, pairwise

import pypdfium2
import pypdfium2.raw

from rag_indexer.dates import date_in
from rag_indexer.file_source import FileSource
from rag_indexer.markdown_text import plain_words
from rag_indexer.parsed import (
    CHARACTERS_MAX,
    Mark,
    ParsedDocument,
    Progress,
    Unreadable,
    language_tag,
)
from rag_indexer.pdf_pages import PasswordNeeded, open_pdf, page_texts
from rag_indexer.visible_text import visible, words

PAGES_MAX = 5_000
_OUTLINE_MAX = 5_000
_OUTLINE_DEPTH = 6
_CATALOGUE_WITHIN_BYTES = 1024 * 1024
_BROKEN_WORD = re.compile(
    "(?<=[^\\W\\d_])(?:[\u00ad\ufffe\x02]|-(?=\r?\n[a-z]))\r?\n(?=[^\\W\\d_])"
)
_BREAKS = ("-\n", "-\r\n", "\u00ad", "\ufffe", "\x02")
_SENTENCE_ENDS = ".!?:;"
_GOES_ON = frozenset("abcdefghijklmnopqrstuvwxyz(")

Outline = dict[int, tuple[str, ...]]
"""Heading path in force at the end of each page (index from 0) that an outline entry names."""


def parse_pdf(source: FileSource, progress: Progress) -> ParsedDocument:
    """A PDF with page numbers from 1 and the outline as headings; empty password tried."""
    try:
        document = open_pdf(source)
    except PasswordNeeded as refusal:
        raise Unreadable("encrypted") from refusal
    except pypdfium2.PdfiumError:
        from rag_indexer.pdf_rescue import Rescue

        rescue = Rescue(source)
        check_pages(rescue.pages_count)
        return _assemble(rescue.pages(progress), rescue.outline(), rescue.metadata(), None)
    try:
        check_pages(len(document))
        outline = outline_of(_bookmarks(document)) or _outline_by_pypdf(source)
        metadata, language = document.get_metadata_dict(), _language(document)
    except BaseException:
        document.close()
        raise
    return _assemble(page_texts(document, source, progress), outline, metadata, language)


def check_pages(pages: int) -> None:
    """Raises `Unreadable` for more pages than are read."""
    if pages > PAGES_MAX:
        raise Unreadable("too_complex", f"{pages} pages")


def _bookmarks(document: pypdfium2.PdfDocument) -> Iterator[tuple[int, str, int | None]]:
    for bookmark in document.get_toc(max_depth=_OUTLINE_DEPTH):
        target = bookmark.get_dest()
        yield bookmark.level, bookmark.get_title() or "", target.get_index() if target else None


def outline_of(entries: Iterator[tuple[int, str, int | None]]) -> Outline:
    """From (level from 0, title, page index) in the order of the outline."""
    paths: Outline = {}
    path: list[str] = []
    for level, title, page in islice(entries, _OUTLINE_MAX):
        name = plain_words(visible(title)[0])
        if page is None or not name:
            continue
        path = [*path[:level], name]
        paths.setdefault(page, tuple(path))
    return paths


def _outline_by_pypdf(source: FileSource) -> Outline:
    """Where pdfium finds no entry although the file speaks of an outline."""
    ends = (source.content[:_CATALOGUE_WITHIN_BYTES], source.content[-_CATALOGUE_WITHIN_BYTES:])
    if not any(b"/Outlines" in end for end in ends):
        return {}
    from rag_indexer.pdf_rescue import Rescue

    with suppress(Unreadable):
        return Rescue(source).outline()
    return {}


def _language(document: pypdfium2.PdfDocument) -> str | None:
    """The language that the file's catalogue names."""
    with suppress(AttributeError, ValueError, ctypes.ArgumentError):
        tell = pypdfium2.raw.FPDFCatalog_GetLanguage
        size = tell(document, None, 0)
        buffer = (ctypes.c_ushort * (size // 2 + 1))()
        tell(document, buffer, size)
        said = bytes(buffer)[: max(0, size - 2)].decode("utf-16-le")
        return language_tag(said)
    return None


def _with_whole_words(page: str) -> str:
    """Words that were divided at the end of a line, in one piece."""
    if any(mark in page for mark in _BREAKS):
        return _BROKEN_WORD.sub("", page)
    return page


def _with_whole_sentences(page: str) -> str:
    """Lines that go on with a small letter after a line that ended no sentence, in one line."""
    lines = page.split("\n")
    pieces = lines[:1]
    for before, line in pairwise(lines):
        ended = before.rstrip(" \t")
        goes_on = ended and line[:1] in _GOES_ON and ended[-1] not in _SENTENCE_ENDS
        if goes_on:
            pieces[-1] = pieces[-1].rstrip(" \t")
        pieces += [" " if goes_on else "\n", line]
    return "".join(pieces)


def _assemble(
    pages: Iterator[str], outline: Outline, metadata: dict[str, str], language: str | None
) -> ParsedDocument:
    parts: list[str] = []
    marks: list[Mark] = []
    length = removed = 0
    headings: tuple[str, ...] = ()
    number = 0
    for number, raw in enumerate(pages, start=1):
        headings = outline.get(number - 1, headings)
        text, gone = visible(_with_whole_words(raw))
        page = _with_whole_sentences(text).strip()
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
        title=words(metadata.get("Title")),
        author=words(metadata.get("Author")),
        pages=number,
        dated_at=date_in(metadata.get("ModDate")) or date_in(metadata.get("CreationDate")),
        language=language,
        invisible_removed=removed,
    )
