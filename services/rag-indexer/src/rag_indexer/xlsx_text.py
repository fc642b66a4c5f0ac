"""XLSX: every visible sheet, its rows as lines under its header, its name as heading."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from rag_indexer.file_source import FileSource
from rag_indexer.number_format import format_code, plain_number, renderer
from rag_indexer.office_parts import OfficeParts
from rag_indexer.parsed import CHARACTERS_MAX, Mark, ParsedDocument, Progress, Unreadable
from rag_indexer.table_text import table_lines
from rag_indexer.visible_text import visible, words
from rag_indexer.xlsx_cells import Book, SheetReader, strict_parser

SHEETS_MAX = 500
_TRUE = ("1", "true")


@dataclass(frozen=True)
class _Sheet:
    name: str
    part: str


def parse_xlsx(source: FileSource, progress: Progress) -> ParsedDocument:
    """A workbook; pages are its visible sheets. Formulas give the value that was last shown."""
    with OfficeParts(source) as parts:
        main = parts.main_part()
        workbook = parts.xml(main)
        sheets = _sheets(parts, main, workbook)
        book = _book(parts, main, workbook)
        core = parts.core()
        text, marks, removed = _read_sheets(parts, sheets, book, progress)
    return ParsedDocument(
        file_type="xlsx",
        text=text,
        marks=marks,
        title=core.title,
        author=core.author,
        pages=len(sheets),
        dated_at=core.dated_at,
        language=core.language,
        invisible_removed=removed,
    )


def _sheets(parts: OfficeParts, main: str, workbook: ET.Element) -> list[_Sheet]:
    relations = parts.relations(main)
    found = []
    for sheet in workbook.iter("sheet"):
        if sheet.get("state", "visible") != "visible":
            continue
        identity = next((value for key, value in sheet.items() if key.endswith("}id")), "")
        kind, part = relations.get(identity, ("", ""))
        if kind == "worksheet" and part in parts.names:
            found.append(_Sheet(words(sheet.get("name"), 120) or "Sheet", part))
    if len(found) > SHEETS_MAX:
        raise Unreadable("too_complex", f"{len(found)} sheets")
    return found


def _book(parts: OfficeParts, main: str, workbook: ET.Element) -> Book:
    strings: list[str] = []
    formats = []
    settings = workbook.find("workbookPr")
    from_1904 = settings is not None and settings.get("date1904") in _TRUE
    for kind, part in parts.relations(main).values():
        if part not in parts.names:
            continue
        if kind == "sharedStrings":
            strings = list(_shared_strings(parts, part))
        elif kind == "styles":
            formats = [renderer(code, from_1904) for code in _format_codes(parts.xml(part))]
    return Book(strings, formats or [plain_number])


def _format_codes(styles: ET.Element) -> Iterator[str]:
    own = {int(one.get("numFmtId", -1)): one.get("formatCode", "") for one in styles.iter("numFmt")}
    cells = styles.find("cellXfs")
    for style in cells if cells is not None else ():
        yield format_code(int(style.get("numFmtId", 0)), own)


def _shared_strings(parts: OfficeParts, part: str) -> Iterator[str]:
    done: list[str] = []
    held: list[str] = []
    depth = {"t": 0, "rPh": 0}

    def start(name: str, _attributes: dict[str, str]) -> None:
        if name in depth:
            depth[name] += 1

    def end(name: str) -> None:
        if name in depth:
            depth[name] -= 1
        elif name == "si":
            done.append("".join(held))
            held.clear()

    def hear(text: str) -> None:
        # Phonetic guides repeat the word that they stand above.
        if depth["t"] and not depth["rPh"]:
            held.append(text)

    parser = strict_parser(start, end, hear)
    for piece in parts.pieces(part):
        parser.Parse(piece)
        yield from done
        done.clear()
    parser.Parse(b"", True)
    yield from done


def _read_sheets(
    parts: OfficeParts, sheets: list[_Sheet], book: Book, progress: Progress
) -> tuple[str, tuple[Mark, ...], int]:
    pieces: list[str] = []
    marks: list[Mark] = []
    length = removed = 0
    for number, sheet in enumerate(sheets, start=1):
        rows = SheetReader(book).rows(parts.pieces(sheet.part))
        lines = "\n".join(table_lines(rows, lambda _row: None))
        progress(number, len(sheets))
        if not lines:
            continue
        text, gone = visible(f"# {sheet.name}\n\n{lines}\n\n")
        marks.append(Mark(length, number, (sheet.name,)))
        pieces.append(text)
        length += len(text)
        removed += gone
        if length > CHARACTERS_MAX:
            raise Unreadable("too_complex", f"more than {CHARACTERS_MAX} characters")
    return "".join(pieces), tuple(marks) or (Mark(0, None, ()),), removed
