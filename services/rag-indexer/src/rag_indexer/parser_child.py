"""What the child process does with one foreign file: the loader of its type, and an answer.

The answer is lines of JSON: any number of `{"done": …, "total": …}`, then one with `document` or
`code`. The text of a document follows its line as UTF-8, `text_bytes` long.
"""

import json
import time
from collections.abc import Callable
from typing import BinaryIO

from rag_indexer.file_source import FileSource
from rag_indexer.file_type import FileType, detect
from rag_indexer.parsed import ParsedDocument, Progress, Unreadable

_SECONDS_BETWEEN_WORDS = 0.2

Loader = Callable[[FileSource, Progress], ParsedDocument]


def loader_of(file_type: FileType) -> Loader:
    """The loader of a type; imported when first asked for, because some are heavy."""
    match file_type:
        case FileType.PDF:
            from rag_indexer.pdf_text import parse_pdf as loader
        case FileType.DOCX:
            from rag_indexer.docx_text import parse_docx as loader
        case FileType.XLSX:
            from rag_indexer.xlsx_text import parse_xlsx as loader
        case FileType.PPTX:
            from rag_indexer.pptx_text import parse_pptx as loader
        case FileType.HTML:
            from rag_indexer.html_text import parse_html as loader
        case FileType.CSV | FileType.TSV:
            from rag_indexer.csv_text import parse_csv as loader
        case FileType.MARKDOWN:
            from rag_indexer.markdown_text import parse_markdown as loader
        case FileType.TEXT:
            from rag_indexer.plain_text import parse_text as loader
    return loader


def parse(source: FileSource, name: str, progress: Progress) -> ParsedDocument:
    """Read the file with the loader of its type; raises `Unreadable`."""
    document = loader_of(detect(source, name))(source, progress)
    if not any(character.isalnum() for character in document.text):
        raise Unreadable("no_text")
    return document


def answer(descriptor: int, name: str, out: BinaryIO, isolated: bool) -> None:
    """Read the file behind the descriptor and tell what it holds, or why it cannot be read."""
    text = b""
    try:
        document = parse(FileSource(descriptor), name, _Words(out).say)
        text = document.text.encode()
        found: dict[str, object] = {
            "document": document.without_text(),
            "text_bytes": len(text),
            "network_isolated": isolated,
        }
    except Unreadable as refusal:
        found = {"code": refusal.code, "detail": refusal.detail}
    except (MemoryError, RecursionError) as exhausted:
        found = {"code": "too_complex", "detail": type(exhausted).__name__}
    except Exception as surprise:  # noqa: BLE001 - parsers raise anything on damaged files
        found = {"code": "corrupt_document", "detail": type(surprise).__name__}
    out.write(json.dumps(found).encode("ascii") + b"\n")
    out.write(text)
    out.flush()


class _Words:
    """Progress, not more often than somebody would look."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._next = 0.0

    def say(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next and done < total:
            return
        self._next = now + _SECONDS_BETWEEN_WORDS
        self._out.write(b'{"done": %d, "total": %d}\n' % (done, total))
        self._out.flush()
