"""The cells of a worksheet, streamed: only filled and visible ones, as people see them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from rag_indexer.number_format import Render, plain_number
from rag_indexer.parsed import Unreadable
from rag_indexer.table_text import Row, cell_text

_PLACE = re.compile(r"([A-Z]{1,3})\d+")
_COLUMNS_MAX = 16_384
_TRUE = ("1", "true")


@dataclass(frozen=True)
class Book:
    """What all worksheets of a workbook share."""

    strings: list[str]
    formats: list[Render]


class SheetReader:
    """Hears the XML of one worksheet and gives its rows."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows: list[Row] = []
        self._row: Row = {}
        self._hidden_columns: list[tuple[int, int]] = []
        self._row_hidden = False
        self._column = -1
        self._kind = self._style = ""
        self._text: list[str] | None = None
        self._value: list[str] = []
        self._phonetic = False

    def rows(self, pieces: Iterable[bytes]) -> Iterator[Row]:
        """The filled cells of every visible row, in order; empty rows are left out."""
        parser = strict_parser(self._start, self._end, self._words)
        for piece in pieces:
            parser.Parse(piece)
            yield from self._rows
            self._rows = []
        parser.Parse(b"", True)
        yield from self._rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "c":
                place = attributes.get("r")
                self._column = column_of(place) if place else self._column + 1
                self._kind = attributes.get("t", "n")
                self._style = attributes.get("s", "")
                self._value = []
            case "v" | "t" if not self._phonetic:
                self._text = self._value
            case "rPh":
                self._phonetic = True
            case "row":
                self._row, self._column = {}, -1
                self._row_hidden = attributes.get("hidden") in _TRUE
            case "col" if attributes.get("hidden") in _TRUE:
                first, last = int(attributes["min"]) - 1, int(attributes["max"]) - 1
                self._hidden_columns.append((first, last))

    def _end(self, name: str) -> None:
        match name:
            case "v" | "t":
                self._text = None
            case "rPh":
                self._phonetic = False
            case "c":
                self._keep_cell()
            case "row" if self._row and not self._row_hidden:
                self._rows.append(self._row)

    def _words(self, words: str) -> None:
        if self._text is not None:
            self._text.append(words)

    def _keep_cell(self) -> None:
        if not self._value or any(
            first <= self._column <= last for first, last in self._hidden_columns
        ):
            return
        shown = cell_text(self._shown("".join(self._value)))
        if shown:
            self._row[self._column] = shown

    def _shown(self, value: str) -> str:
        match self._kind:
            case "s":
                return self._book.strings[int(value)]
            case "b":
                return "yes" if value.strip() in _TRUE else "no"
            case "n":
                return self._number(value)
            case "d":
                return value.replace("T00:00:00", "").rstrip("Z")
            case "e":
                return ""
        return value

    def _number(self, value: str) -> str:
        try:
            number = float(value)
            style = int(self._style or 0)
        except ValueError:
            return value
        formats = self._book.formats
        render = formats[style] if 0 <= style < len(formats) else plain_number
        return render(number)


def column_of(place: str) -> int:
    """0 for `A1`, 27 for `AB7`."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise Unreadable("corrupt_document", "a cell without a place")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    if column > _COLUMNS_MAX:
        raise Unreadable("corrupt_document", "a cell beyond the last column")
    return column - 1


def strict_parser(
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    words: Callable[[str], None],
) -> expat.XMLParserType:
    """An XML parser that tells local names and refuses every declaration."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise Unreadable("corrupt_document", "an XML part with declarations")

    def local_start(name: str, attributes: dict[str, str]) -> None:
        start(name.rpartition("}")[2], attributes)

    def local_end(name: str) -> None:
        end(name.rpartition("}")[2])

    parser.StartElementHandler = local_start
    parser.EndElementHandler = local_end
    parser.CharacterDataHandler = words
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    return parser
