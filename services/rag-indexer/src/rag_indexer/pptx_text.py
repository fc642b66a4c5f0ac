"""PPTX: slide by slide, with title, lists, tables, diagrams and the speaker's notes."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from rag_indexer.file_source import FileSource
from rag_indexer.markdown_text import plain_words
from rag_indexer.office_parts import OfficeParts
from rag_indexer.parsed import CHARACTERS_MAX, Mark, ParsedDocument, Progress, Unreadable
from rag_indexer.table_text import cell_text
from rag_indexer.visible_text import visible

SLIDES_MAX = 5_000
_LEVELS_MAX = 8
_TRUE = ("1", "true")
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")


def parse_pptx(source: FileSource, progress: Progress) -> ParsedDocument:
    """A presentation; pages are slides as they are numbered, those marked hidden left out."""
    with OfficeParts(source) as parts:
        main = parts.main_part()
        slides = _slides(parts, main)
        pieces: list[str] = []
        marks: list[Mark] = []
        length = removed = 0
        for number, part in enumerate(slides, start=1):
            title, raw = _slide(parts, part)
            progress(number, len(slides))
            text, gone = visible(raw)
            removed += gone
            if not text.strip():
                continue
            heading = plain_words(visible(title)[0])
            marks.append(Mark(length, number, (heading,) if heading else ()))
            pieces.append(f"{text.strip()}\n\n")
            length += len(pieces[-1])
            if length > CHARACTERS_MAX:
                raise Unreadable("too_complex", f"more than {CHARACTERS_MAX} characters")
        core = parts.core()
    return ParsedDocument(
        file_type="pptx",
        text="".join(pieces),
        marks=tuple(marks) or (Mark(0, None, ()),),
        title=core.title or next((mark.headings[0] for mark in marks if mark.headings), None),
        author=core.author,
        pages=len(slides),
        dated_at=core.dated_at,
        language=core.language,
        invisible_removed=removed,
    )


def _slides(parts: OfficeParts, main: str) -> list[str]:
    relations = parts.relations(main)
    found = []
    for entry in parts.xml(main).iter("sldId"):
        identity = next((value for key, value in entry.items() if key.endswith("}id")), "")
        kind, part = relations.get(identity, ("", ""))
        if kind == "slide" and part in parts.names:
            found.append(part)
    if len(found) > SLIDES_MAX:
        raise Unreadable("too_complex", f"{len(found)} slides")
    return found


def _slide(parts: OfficeParts, part: str) -> tuple[str, str]:
    """Title and text of a slide, both empty when it is hidden."""
    root = parts.xml(part)
    if root.get("show", "1") not in _TRUE:
        return "", ""
    relations = parts.relations(part)
    title = ""
    blocks: list[str] = []
    for shape in _shapes(root.find("cSld/spTree")):
        if not title and _placeholder(shape) in _TITLES:
            title = cell_text(" ".join(_paragraphs(shape)))
        elif block := _block(parts, relations, shape):
            blocks.append(block)
    if title:
        blocks.insert(0, f"# {title}")
    for kind, other in relations.values():
        if kind == "notesSlide" and other in parts.names and (notes := _notes(parts, other)):
            blocks.append(f"Notes: {notes}")
    return title, "\n\n".join(blocks)


def _shapes(tree: ET.Element | None) -> Iterator[ET.Element]:
    """What stands on the slide, groups opened, hidden shapes and page furniture left out."""
    for shape in tree if tree is not None else ():
        named = shape.find("*/cNvPr")
        if named is not None and named.get("hidden") in _TRUE:
            continue
        if shape.tag == "grpSp":
            yield from _shapes(shape)
        elif shape.tag in ("sp", "graphicFrame", "cxnSp") and (
            _placeholder(shape) not in _FURNITURE
        ):
            yield shape


def _placeholder(shape: ET.Element) -> str:
    found = shape.find("nvSpPr/nvPr/ph")
    return "" if found is None else found.get("type", "body")


def _block(parts: OfficeParts, relations: dict[str, tuple[str, str]], shape: ET.Element) -> str:
    table = shape.find("graphic/graphicData/tbl")
    if table is not None:
        return _table(table)
    diagram = shape.find("graphic/graphicData/relIds")
    if diagram is not None:
        identity = next((value for key, value in diagram.items() if key.endswith("}dm")), "")
        kind, part = relations.get(identity, ("", ""))
        if kind == "diagramData" and part in parts.names:
            return "\n".join(f"- {line}" for line in _paragraphs(parts.xml(part)))
        return ""
    lines = list(_paragraphs(shape, levels=True))
    return "\n".join(lines)


def _paragraphs(shape: ET.Element, *, levels: bool = False) -> Iterator[str]:
    """Non-empty paragraphs; lists of several get their bullets and levels when wished."""
    found: list[tuple[int, str]] = []
    for paragraph in shape.iter("p"):
        pieces = (
            "\n" if piece.tag == "br" else (piece.text or "")
            for piece in paragraph.iter()
            if piece.tag in ("t", "br")
        )
        if text := cell_text("".join(pieces)):
            found.append((_level(paragraph), text))
    listed = levels and len(found) > 1
    for level, text in found:
        yield f"{'  ' * level}- {text}" if listed else text


def _level(paragraph: ET.Element) -> int:
    properties = paragraph.find("pPr")
    written = "0" if properties is None else properties.get("lvl", "0")
    return min(int(written), _LEVELS_MAX) if written.isdigit() else 0


def _table(table: ET.Element) -> str:
    rows = [
        [" ".join(_paragraphs(cell)).replace("|", "\\|") for cell in row.findall("tc")]
        for row in table.findall("tr")
    ]
    if not rows or not any(any(row) for row in rows):
        return ""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _notes(parts: OfficeParts, part: str) -> str:
    tree = parts.xml(part).find("cSld/spTree")
    said = (
        " ".join(_paragraphs(shape)) for shape in _shapes(tree) if _placeholder(shape) == "body"
    )
    return " ".join(one for one in said if one)
