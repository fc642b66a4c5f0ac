"""DOCX: mammoth gives HTML with headings and tables, which is kept as Markdown."""

import io
import logging
import re
import zipfile
from typing import BinaryIO

import mammoth
from markdownify import markdownify

from rag_indexer.file_source import FileSource
from rag_indexer.markdown_text import heading_marks
from rag_indexer.office_parts import OfficeParts
from rag_indexer.parsed import ParsedDocument, Progress
from rag_indexer.visible_text import visible

_HIDDEN_RUN = re.compile(
    rb"<w:r(?:\s[^>]*)?>\s*<w:rPr>(?:(?!</w:rPr>).)*?"
    rb'<w:vanish(?:\s*/>|\s+w:val="(?:1|true|on)"\s*/>)(?:(?!</w:r>).)*</w:r>',
    re.DOTALL,
)


def parse_docx(source: FileSource, progress: Progress) -> ParsedDocument:
    """A Word document: headings, lists and tables kept, pictures and hidden text left out."""
    logging.getLogger("mammoth").setLevel(logging.CRITICAL)
    with OfficeParts(source) as parts:
        parts.check_all()
        core = parts.core()
        main = parts.main_part()
        body = parts.read(main)
    shown, hidden = _HIDDEN_RUN.subn(b"", body)
    file = _with_part(source, main, shown) if hidden else source.stream()
    html = mammoth.convert_to_html(
        file, convert_image=mammoth.images.img_element(lambda _image: {})
    ).value
    markdown = markdownify(html, heading_style="ATX", strip=["a", "img"], table_infer_header=True)
    text, removed = visible(markdown.strip() + "\n")
    marks, first_heading = heading_marks(text)
    progress(source.size, source.size)
    return ParsedDocument(
        file_type="docx",
        text=text,
        marks=marks,
        title=core.title or first_heading,
        author=core.author,
        dated_at=core.dated_at,
        language=core.language,
        invisible_removed=removed + hidden,
    )


def _with_part(source: FileSource, name: str, content: bytes) -> BinaryIO:
    """The same file with another content in one of its parts."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(source.stream()) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new,
    ):
        for entry in old.infolist():
            part = content if entry.filename == name else old.read(entry)
            new.writestr(entry.filename, part)
    out.seek(0)
    return out
