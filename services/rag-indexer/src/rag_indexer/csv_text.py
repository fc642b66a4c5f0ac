"""CSV and TSV: which dialect, which header, and every row as a line of its own."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from rag_indexer.file_source import FileSource
from rag_indexer.parsed import CHARACTERS_MAX, Mark, ParsedDocument, Progress, Unreadable
from rag_indexer.plain_text import decode, mostly_controls
from rag_indexer.table_text import Row, cell_text, table_lines
from rag_indexer.visible_text import visible

_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 100
_DELIMITERS = ",;\t|"
_FIELD_MAX_CHARACTERS = 1_000_000
_ROWS_BETWEEN_WORDS = 500


def parse_csv(source: FileSource, progress: Progress) -> ParsedDocument:
    """A table of one sheet; a quote that is never closed does not swallow the rows after it."""
    text, encoding, guessed = decode(source.content)
    if mostly_controls(text):
        raise Unreadable("unsupported_type", "mostly control characters")
    delimiter, start = _dialect(text)
    total = text.count("\n", start) + 1
    try:
        lines = _lines(text[start:], delimiter, csv.QUOTE_MINIMAL, total, progress)
    except csv.Error:
        lines = _lines(text[start:], delimiter, csv.QUOTE_NONE, total, progress)
    shown, removed = visible("\n".join(lines))
    progress(total, total)
    return ParsedDocument(
        file_type="tsv" if delimiter == "\t" else "csv",
        text=shown,
        marks=(Mark(0, None, ()),),
        encoding=encoding,
        encoding_guessed=guessed,
        invisible_removed=removed,
    )


def _lines(
    text: str, delimiter: str, quoting: Literal[0, 3], total: int, progress: Progress
) -> list[str]:
    csv.field_size_limit(_FIELD_MAX_CHARACTERS if quoting == csv.QUOTE_MINIMAL else CHARACTERS_MAX)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)

    def show(row: int) -> None:
        if row % _ROWS_BETWEEN_WORDS == 0:
            progress(min(reader.line_num, total), total)

    return list(table_lines(_rows(reader), show))


def _rows(reader: Iterator[list[str]]) -> Iterator[Row]:
    for cells in reader:
        yield {place: text for place, cell in enumerate(cells) if (text := cell_text(cell))}


def _dialect(text: str) -> tuple[str, int]:
    """The delimiter, and where the table begins: after the line in which Excel names it."""
    first, _, _ = text[:16].partition("\n")
    if len(named := first.strip()) == 5 and named.lower().startswith("sep="):
        return named[4], len(first) + 1
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample):
        sample = sample[: sample.rfind("\n") + 1] or sample
    return max(_DELIMITERS, key=lambda one: _fitness(sample, one)), 0


def _fitness(sample: str, delimiter: str) -> tuple[float, int]:
    """How many rows agree on a number of columns above one, and that number."""
    try:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        widths = Counter(len(row) for row in islice(rows, _SAMPLE_ROWS) if row)
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, times = widths.most_common(1)[0]
    return (times / widths.total(), width) if width > 1 else (0.0, 0)
