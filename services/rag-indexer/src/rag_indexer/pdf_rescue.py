"""pypdf, for what pdfium does not open or does not say: slow, and lenient with damage."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Progress, Unreadable
from rag_indexer.pdf_text import Outline, outline_of

_OUTLINE_DEPTH = 6


class Rescue:
    """One PDF as pypdf sees it; raises `Unreadable` when it sees nothing either."""

    def __init__(self, source: FileSource) -> None:
        logging.getLogger("pypdf").setLevel(logging.CRITICAL)
        try:
            self._reader = PdfReader(source.stream())
            if self._reader.is_encrypted and not self._reader.decrypt(""):
                raise Unreadable("encrypted")
            self.pages_count = len(self._reader.pages)
        except PyPdfError as damage:
            raise Unreadable("corrupt_document", type(damage).__name__) from damage

    def pages(self, progress: Progress) -> Iterator[str]:
        """The text of each page, empty for one that cannot be read."""
        for index in range(self.pages_count):
            progress(index, self.pages_count)
            try:
                yield self._reader.pages[index].extract_text()
            except (PyPdfError, KeyError, TypeError, ValueError, AttributeError):
                yield ""
        progress(self.pages_count, self.pages_count)

    def outline(self) -> Outline:
        """The heading path by page."""
        with suppress(PyPdfError, KeyError, TypeError, ValueError, AttributeError):
            return outline_of(self._entries(self._reader.outline, 0))
        return {}

    def metadata(self) -> dict[str, str]:
        """Title, author and dates, under the names that PDF gives them."""
        with suppress(PyPdfError, KeyError, TypeError, ValueError, AttributeError):
            return {
                key.strip("/"): str(value) for key, value in (self._reader.metadata or {}).items()
            }
        return {}

    def _entries(self, entries: list[Any], level: int) -> Iterator[tuple[int, str, int | None]]:
        for entry in entries:
            if isinstance(entry, list):
                if level + 1 < _OUTLINE_DEPTH:
                    yield from self._entries(entry, level + 1)
                continue
            yield level, str(entry.title or ""), self._reader.get_destination_page_number(entry)
