"""Questions that a tenant answers itself, and how a table of them is read. Pure."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

ROWS_MAX: Final = 2_000
_COLUMNS: Final = ("question", "answer", "alternatives", "language", "tags")
_DELIMITERS: Final = ",;\t"


class NotATable(ValueError):
    """The file cannot be read as a table of questions and answers; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QaPair:
    """A question, other ways to ask it, and its answer."""

    document_id: UUID
    question: str
    alternatives: tuple[str, ...]
    answer: str
    created_at: datetime

    @property
    def key(self) -> str:
        """The same for the same question in other case and spacing."""
        return question_key(self.question)

    def data(self) -> bytes:
        """The bytes of its document."""
        return orjson.dumps(
            {
                "question": self.question,
                "alternatives": list(self.alternatives),
                "answer": self.answer,
            }
        )


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of an imported table: its line in the file, and its cells by column."""

    line: int
    cells: dict[str, Any]


def question_key(question: str) -> str:
    """One for each question, whatever its case and spacing."""
    return hashlib.sha256(" ".join(question.casefold().split()).encode()).hexdigest()


def read_table(data: bytes) -> Iterator[TableRow]:
    """Rows of a CSV in UTF-8 with the columns question and answer; raises `NotATable`."""
    try:
        yield from _rows(_text(data))
    except csv.Error as error:
        raise NotATable(f"The table cannot be read: {error}.") from None


def _rows(text: str) -> Iterator[TableRow]:
    csv.field_size_limit(len(text) + 1)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in _COLUMNS[:2] if name not in names]
    unknown = [name for name in names if name not in _COLUMNS]
    if missing or unknown or len(set(names)) < len(names):
        raise NotATable(
            "The first line names the columns: question and answer, and, if you like, "
            "alternatives (separated by |), language and tags (separated by |)."
        )
    reader.fieldnames = names
    for number, row in enumerate(reader, 1):
        if number > ROWS_MAX:
            raise NotATable(f"At most {ROWS_MAX} rows are read at once; divide the file.")
        if any(any(cell) if isinstance(cell, list) else cell for cell in row.values()):
            yield TableRow(reader.line_num, _cells(row))


def _text(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise NotATable("The file is not UTF-8. Save it as “CSV UTF-8”.") from None
    if "\x00" in text:
        raise NotATable("The file is no text.")
    return text


def _delimiter(text: str) -> str:
    head = text.splitlines()[0] if text else ""
    return max(_DELIMITERS, key=head.count)


def _cells(row: dict[Any, Any]) -> dict[str, Any]:
    """As the API takes a pair; empty cells are left out, cells beyond the columns kept as such."""
    cells: dict[str, Any] = {}
    for name, text in row.items():
        if name is None:
            if any(text):
                cells["beyond the last column"] = text
        elif text and text.strip():
            is_list = name in {"alternatives", "tags"}
            parts = [part.strip() for part in text.split("|") if part.strip()]
            cells[name] = parts if is_list else text.strip()
    return cells
