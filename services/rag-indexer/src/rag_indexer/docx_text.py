"""DOCX: mammoth gives HTML with headings and tables, which is kept as Markdown."""

import io
import logging
import re
import zipfile
from xml.etree import ElementTree as ET

import mammoth
from markdownify import markdownify

from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.visible_text import visible

_DECLARATION = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


def parse_docx(content: bytes) -> ParsedDocument:
    """A Word document: headings, lists and tables kept, pictures left out."""
    logging.getLogger("mammoth").setLevel(logging.CRITICAL)
    title, author = _check_parts(content)
    html = mammoth.convert_to_html(
        io.BytesIO(content), convert_image=mammoth.images.img_element(lambda _image: {})
    ).value
    markdown = markdownify(html, heading_style="ATX", strip=["a", "img"], table_infer_header=True)
    text, removed = visible(markdown.strip() + "\n")
    marks, first_heading = heading_marks(text)
    return ParsedDocument(
        file_type="docx",
        text=text,
        marks=marks,
        title=title or first_heading,
        author=author,
        invisible_removed=removed,
    )


def _check_parts(content: bytes) -> tuple[str | None, str | None]:
    """Title and author; refuses XML that declares a document type or entities."""
    title = author = None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith((".xml", ".rels")):
                continue
            part = archive.read(entry)
            encoding = "utf-16" if part[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
            if _DECLARATION.search(part.decode(encoding, errors="replace")):
                raise Unreadable("corrupt_document", "an XML part with declarations")
            if entry.filename == "docProps/core.xml":
                core = ET.fromstring(part)  # noqa: S314 - no declarations, checked above
                title = (core.findtext(f"{_DUBLIN_CORE}title") or "").strip() or None
                author = (core.findtext(f"{_DUBLIN_CORE}creator") or "").strip() or None
    return title, author
