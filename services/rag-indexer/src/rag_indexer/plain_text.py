"""Text files: which encoding, and is it text at all."""

import codecs
import mmap
from contextlib import suppress

from rag_indexer.file_source import FileSource
from rag_indexer.old_encodings import escaped, guess
from rag_indexer.parsed import Mark, ParsedDocument, Progress, Unreadable
from rag_indexer.visible_text import visible

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 128 * 1024
_UNICODE_WIDTHS = (
    ("utf-32-le", 4, 0),
    ("utf-32-be", 4, 3),
    ("utf-16-le", 2, 0),
    ("utf-16-be", 2, 1),
)

Content = bytes | mmap.mmap


def decode(content: Content) -> tuple[str, str, bool]:
    """Text, encoding, and whether the encoding was guessed; never U+FFFD for a byte."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content[:4].startswith(mark):
            return _strictly(content, encoding), encoding, False
    wide = _wide(content) if b"\0" in content[:_SAMPLE_BYTES] else None
    if wide is not None:
        return wide
    switching = escaped(content[:_SAMPLE_BYTES])
    if switching is not None:
        with suppress(UnicodeDecodeError):
            return str(content, switching), switching, True
    try:
        return str(content, "utf-8"), "utf-8", False
    except UnicodeDecodeError:
        found = guess(content[:])
    if found is None:
        raise Unreadable("unsupported_type", "no known encoding")
    return *found, True


def _strictly(content: Content, encoding: str) -> str:
    try:
        return str(content, encoding)
    except UnicodeDecodeError as damage:
        raise Unreadable("corrupt_document", f"not {encoding} as its mark says") from damage


def _wide(content: Content) -> tuple[str, str, bool] | None:
    """UTF-16 or UTF-32 without a mark: zero bytes fall on the same place of nearly every unit."""
    sample = content[:_SAMPLE_BYTES]
    for encoding, width, kept in _UNICODE_WIDTHS:
        others = [sample[place::width] for place in range(width) if place != kept]
        zeros = sum(part.count(0) for part in others)
        if zeros > 0.6 * sum(len(part) for part in others) and sample[kept::width].count(0) == 0:
            try:
                return str(content, encoding), encoding, True
            except UnicodeDecodeError:
                continue
    return None


def read_text(content: Content) -> tuple[str, str, bool, int]:
    """Visible text, encoding, guessed, removed; raises `Unreadable` for what is not text."""
    text, encoding, guessed = decode(content)
    if mostly_controls(text):
        raise Unreadable("unsupported_type", "mostly control characters")
    shown, removed = visible(text)
    return shown, encoding, guessed, removed


def mostly_controls(text: str) -> bool:
    """Whether this is no text at all, though it could be decoded."""
    sample = text[:65536]
    controls = sum(1 for character in sample if character < " " and character not in "\t\n\r\f\v")
    return controls > max(8, len(sample) // 20)


def parse_text(source: FileSource, progress: Progress) -> ParsedDocument:
    """A text file: no pages, no headings."""
    text, encoding, guessed, removed = read_text(source.content)
    progress(source.size, source.size)
    return ParsedDocument(
        file_type="txt",
        text=text,
        marks=(Mark(0, None, ()),),
        encoding=encoding,
        encoding_guessed=guessed,
        invisible_removed=removed,
    )
