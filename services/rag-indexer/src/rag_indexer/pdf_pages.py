"""The text of pages by pdfium's own calls: no object a page, and memory that stays small."""

import ctypes
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Progress

_BYTES_AN_OPENING = 32 * 1024 * 1024
_PAGES_AN_OPENING = 50
_FIRST_UNITS = 32 * 1024
_UNITS_MAX = 64 * 1024 * 1024


class PasswordNeeded(Exception):
    """The empty password does not open the file."""


def open_pdf(source: FileSource) -> pypdfium2.PdfDocument:
    """The document; raises `PasswordNeeded`, or `PdfiumError` when it is damaged."""
    handle = pdfium.FPDF_LoadDocument(source.path.encode("ascii") + b"\0", None)
    if pdfium.FPDF_GetPageCount(handle) < 1:
        error = pdfium.FPDF_GetLastError()
        if handle:
            pdfium.FPDF_CloseDocument(handle)
        if error == pdfium.FPDF_ERR_PASSWORD:
            raise PasswordNeeded
        raise pypdfium2.PdfiumError(f"pdfium error {error}")
    return pypdfium2.PdfDocument(handle)


def page_texts(
    document: pypdfium2.PdfDocument, source: FileSource, progress: Progress
) -> Iterator[str]:
    """What stands within the bounds of each page, empty for one that cannot be read; closes it.

    pdfium keeps every stream that it met, pictures too. A heavy file is opened anew every some
    pages, so that it never has much of it in memory.
    """
    total = len(document)
    an_opening = max(_PAGES_AN_OPENING, total * _BYTES_AN_OPENING // max(1, source.size))
    reader = _TextReader()
    try:
        for index in range(total):
            if index and index % an_opening == 0:
                document.close()
                document = open_pdf(source)
            progress(index, total)
            yield reader.text_of(document, index)
    finally:
        document.close()
    progress(total, total)


class _TextReader:
    """One buffer for the text of all pages."""

    def __init__(self) -> None:
        self._units = _FIRST_UNITS
        self._buffer = (ctypes.c_ushort * self._units)()
        self._bounds = pdfium.FS_RECTF()

    def text_of(self, document: pypdfium2.PdfDocument, index: int) -> str:
        """Of the page at this index, from 0."""
        page = pdfium.FPDF_LoadPage(document.raw, index)
        if not page:
            return ""
        text = pdfium.FPDFText_LoadPage(page)
        try:
            known = text and pdfium.FPDF_GetPageBoundingBox(page, self._bounds)
            return self._bounded(text) if known else ""
        finally:
            if text:
                pdfium.FPDFText_ClosePage(text)
            pdfium.FPDF_ClosePage(page)

    def _bounded(self, text: object) -> str:
        box = self._bounds
        place = (text, box.left, box.top, box.right, box.bottom)
        count = pdfium.FPDFText_GetBoundedText(*place, self._buffer, self._units)
        if count >= self._units:
            wanted = pdfium.FPDFText_GetBoundedText(*place, None, 0)
            self._units = min(wanted + 1, _UNITS_MAX)
            self._buffer = (ctypes.c_ushort * self._units)()
            count = pdfium.FPDFText_GetBoundedText(*place, self._buffer, self._units)
        read = memoryview(self._buffer).cast("B")[: 2 * max(0, count)]
        # pdfium ends its answer with a zero where there is room for one.
        return str(read, "utf-16-le", "ignore").removesuffix("\0")
