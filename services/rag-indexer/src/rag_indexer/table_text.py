"""Rows of a table as lines that can be understood alone: `Header: value; Header: value`."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from rag_indexer.parsed import CHARACTERS_MAX, Unreadable

ROWS_MAX = 500_000
CELLS_MAX = 10_000_000
HEADER_MAX_CHARACTERS = 120
LINE_CHARACTERS = 1_000
"""A longer row becomes several lines, each beginning with the row's first cell."""

_LOOKED_AT_ROWS = 30
_KEY_CHARACTERS = 120
_VALUE = re.compile(
    r"[-+(]?\s*(?:[$€£¥]|[A-Z]{3}\s)?\s*\d[\d\s.,:/'’-]*\s*(?:%|[$€£¥]|[A-Z]{3})?\)?"
    r"|\S+@\S+\.\S+|https?://\S+|true|false|yes|no",
    re.IGNORECASE,
)

Row = dict[int, str]
"""The filled cells of a row by column, from 0."""


def table_lines(rows: Iterable[Row], on_row: Callable[[int], None]) -> Iterator[str]:
    """One or more lines a row; the header row and empty rows give none.

    Raises `Unreadable` for tables beyond every bound.
    """
    counted = _bounded(rows, on_row)
    first = list(islice(counted, _LOOKED_AT_ROWS))
    at = _header_at(first)
    for row in first[: at or 0]:
        yield "; ".join(row.values())
    headers = {} if at is None else {place: _header(name) for place, name in first[at].items()}
    body = first if at is None else first[at + 1 :]
    length = 0
    for row in chain(body, counted):
        for line in _row_lines(row, headers):
            length += len(line) + 1
            if length > CHARACTERS_MAX:
                raise Unreadable("too_complex", f"more than {CHARACTERS_MAX} characters")
            yield line


def cell_text(value: str) -> str:
    """A cell on one line."""
    return " ".join(value.split())


def _bounded(rows: Iterable[Row], on_row: Callable[[int], None]) -> Iterator[Row]:
    cells = 0
    for number, row in enumerate(rows, start=1):
        cells += len(row)
        if number > ROWS_MAX or cells > CELLS_MAX:
            raise Unreadable("too_complex", f"more than {ROWS_MAX} rows or {CELLS_MAX} cells")
        on_row(number)
        if row:
            yield row


def _header_at(rows: list[Row]) -> int | None:
    """Which of the first rows names the columns; lines of a single cell may stand above it."""
    width = max((len(row) for row in rows), default=0)
    for place, row in enumerate(rows):
        if len(row) * 2 < width or (width > 1 and len(row) < 2):
            continue
        return place if _names_columns(row, rows[place + 1 :]) else None
    return None


def _names_columns(row: Row, below: list[Row]) -> bool:
    """Short, different texts that are no values and do not come again below."""
    names = [name.casefold() for name in row.values()]
    if not below or len(set(names)) < len(names):
        return False
    if any(len(name) > HEADER_MAX_CHARACTERS or _VALUE.fullmatch(name) for name in names):
        return False
    return not any(
        other.get(place, "").casefold() == name.casefold()
        for other in below
        for place, name in row.items()
    )


def _header(name: str) -> str:
    return name.rstrip(" :")


def _row_lines(row: Row, headers: dict[int, str]) -> Iterator[str]:
    cells = [
        f"{headers[place]}: {value}" if headers.get(place) else value
        for place, value in sorted(row.items())
    ]
    line = "; ".join(cells)
    if len(line) <= LINE_CHARACTERS:
        yield line
        return
    key = cells[0][:_KEY_CHARACTERS]
    held: list[str] = []
    length = 0
    for cell in cells:
        if held and length + len(cell) > LINE_CHARACTERS:
            yield "; ".join(held)
            held, length = [key], len(key)
        held.append(cell)
        length += len(cell) + 2
    yield "; ".join(held)
