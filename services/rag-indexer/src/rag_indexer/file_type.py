"""Which kind of file this is: the content decides, the name only tells texts apart."""

import re
from enum import StrEnum
from pathlib import PurePath

from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Unreadable
from rag_indexer.zip_shape import office_type

_HEAD_BYTES = 1024
_MARKUP_WITHIN_BYTES = 64 * 1024
_OLE_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_BINARY_SIGNATURES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x7fELF",
    b"MZ",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
    b"{\\rtf",
    b"RIFF",
    b"OggS",
    b"ID3",
    b"SQLite format 3",
    b"%!PS",
)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*"
    rb"<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(rb"<(?:!--|[!/?]?[a-z])", re.IGNORECASE)


class FileType(StrEnum):
    """The kinds of file that can be read."""

    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    HTML = "html"
    CSV = "csv"
    TSV = "tsv"
    MARKDOWN = "md"
    TEXT = "txt"


BY_EXTENSION = {
    ".pdf": FileType.PDF,
    ".docx": FileType.DOCX,
    ".xlsx": FileType.XLSX,
    ".pptx": FileType.PPTX,
    ".html": FileType.HTML,
    ".htm": FileType.HTML,
    ".csv": FileType.CSV,
    ".tsv": FileType.TSV,
    ".tab": FileType.TSV,
    ".md": FileType.MARKDOWN,
    ".markdown": FileType.MARKDOWN,
    ".txt": FileType.TEXT,
    ".text": FileType.TEXT,
}
_TEXTS = (FileType.TEXT, FileType.MARKDOWN, FileType.CSV, FileType.TSV)
_OFFICE = (FileType.DOCX, FileType.XLSX, FileType.PPTX)


def detect(source: FileSource, name: str) -> FileType:
    """The type of the file; raises `Unreadable` when it is none of ours or not what `name` says.

    A name without a known extension makes no claim: the content alone decides.
    """
    claimed = BY_EXTENSION.get(PurePath(name).suffix.lower())
    found = _content_type(source, claimed)
    if claimed is None:
        return found
    if found is claimed or (found is FileType.TEXT and claimed in _TEXTS):
        return claimed
    if claimed is FileType.HTML and found is FileType.TEXT and _may_be_a_fragment(source):
        return claimed
    raise Unreadable("type_mismatch", f"named {claimed}, holds {found}")


def _content_type(source: FileSource, claimed: FileType | None) -> FileType:
    head = source.content[:_HEAD_BYTES]
    if _is_pdf(source, head, claimed):
        return FileType.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return FileType(office_type(source, claimed in _OFFICE))
    if head.startswith(_OLE_COMPOUND):
        encrypted = source.content.find(_ENCRYPTED_PACKAGE) >= 0
        raise Unreadable("encrypted" if encrypted else "unsupported_type", "an OLE compound file")
    if head.startswith(_BINARY_SIGNATURES):
        raise Unreadable(
            "type_mismatch" if claimed else "unsupported_type", "a known binary signature"
        )
    if (claimed is FileType.PDF or claimed in _OFFICE) and _looks_binary(head):
        raise Unreadable("corrupt_document", f"no {claimed} header")
    return FileType.HTML if _HTML_START.match(_narrow(head)) else FileType.TEXT


def _is_pdf(source: FileSource, head: bytes, claimed: FileType | None) -> bool:
    """Junk may stand before the header; a text about PDF may hold one and no objects."""
    if b"%PDF-" not in head:
        return False
    if head.startswith(b"%PDF-") or claimed is FileType.PDF:
        return True
    return re.search(rb"\d\s+\d+\s+obj\b", source.content) is not None


def _may_be_a_fragment(source: FileSource) -> bool:
    beginning = source.content[:_MARKUP_WITHIN_BYTES]
    return not beginning.strip() or _TAG.search(_narrow(beginning)) is not None


def _narrow(sample: bytes) -> bytes:
    """Markup in UTF-16 as if it were ASCII."""
    return sample.replace(b"\0", b"")


def _looks_binary(sample: bytes) -> bool:
    controls = sum(1 for byte in sample if byte < 9 or 13 < byte < 32)
    return not sample or controls > len(sample) // 50
