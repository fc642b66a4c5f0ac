"""Which kind of file this is: the content decides, the name only tells text from Markdown."""

import io
import stat
import zipfile
from enum import StrEnum
from pathlib import PurePath

from rag_indexer.parsed import Unreadable

ZIP_ENTRIES_MAX = 2_000
ZIP_UNPACKED_MAX_BYTES = 100 * 1024 * 1024
ZIP_RATIO_MAX = 100
_RATIO_MATTERS_ABOVE_BYTES = 1024 * 1024
_PDF_HEADER_WITHIN = 1024
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


class FileType(StrEnum):
    """The kinds of file that can be read."""

    PDF = "pdf"
    DOCX = "docx"
    MARKDOWN = "md"
    TEXT = "txt"


_BY_EXTENSION = {
    ".pdf": FileType.PDF,
    ".docx": FileType.DOCX,
    ".md": FileType.MARKDOWN,
    ".markdown": FileType.MARKDOWN,
    ".txt": FileType.TEXT,
    ".text": FileType.TEXT,
}
_TEXTS = (FileType.TEXT, FileType.MARKDOWN)


def detect(content: bytes, name: str) -> FileType:
    """The type of `content`; raises `Unreadable` when it is none of ours or not what `name` says.

    A name without a known extension makes no claim: the content alone decides.
    """
    claimed = _BY_EXTENSION.get(PurePath(name).suffix.lower())
    found = _content_type(content, claimed)
    if claimed is None:
        return found
    if found is claimed or (found in _TEXTS and claimed in _TEXTS):
        return claimed
    raise Unreadable("type_mismatch", f"named {claimed}, holds {found}")


def _content_type(content: bytes, claimed: FileType | None) -> FileType:
    head = content[:_PDF_HEADER_WITHIN]
    if b"%PDF-" in head:
        return FileType.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_type(content, claimed)
    if head.startswith(_OLE_COMPOUND):
        code = "encrypted" if _ENCRYPTED_PACKAGE in content else "unsupported_type"
        raise Unreadable(code, "an OLE compound file")
    if head.startswith(_BINARY_SIGNATURES):
        raise Unreadable(
            "type_mismatch" if claimed else "unsupported_type", "a known binary signature"
        )
    if claimed in (FileType.PDF, FileType.DOCX) and _looks_binary(content):
        raise Unreadable("corrupt_document", f"no {claimed} header")
    return FileType.TEXT


def _looks_binary(content: bytes) -> bool:
    sample = content[:4096]
    controls = sum(1 for byte in sample if byte < 9 or 13 < byte < 32)
    return not sample or controls > len(sample) // 50


def _zip_type(content: bytes, claimed: FileType | None) -> FileType:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as damage:
        raise Unreadable("corrupt_document", type(damage).__name__) from damage
    names = [entry.filename for entry in entries]
    if "word/document.xml" not in names:
        raise Unreadable(
            "corrupt_document" if claimed is FileType.DOCX else "unsupported_type",
            "a zip without word/document.xml",
        )
    _check_entries(entries, len(content))
    return FileType.DOCX


def _check_entries(entries: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    """Decided from the headers; `zipfile` gives no more than a header announces while reading."""
    if len(entries) > ZIP_ENTRIES_MAX:
        raise Unreadable("zip_bomb", f"{len(entries)} entries")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > ZIP_UNPACKED_MAX_BYTES or _ratio(unpacked, packed_bytes) > ZIP_RATIO_MAX:
        raise Unreadable("zip_bomb", f"{unpacked} bytes unpacked")
    seen: set[str] = set()
    for entry in entries:
        if _ratio(entry.file_size, entry.compress_size) > ZIP_RATIO_MAX:
            raise Unreadable("zip_bomb", "an entry of extreme ratio")
        if entry.filename in seen or _escapes(entry):
            raise Unreadable("corrupt_document", "a duplicate or escaping entry")
        seen.add(entry.filename)


def _ratio(unpacked: int, packed: int) -> float:
    if unpacked <= _RATIO_MATTERS_ABOVE_BYTES:
        return 1.0
    return unpacked / max(packed, 1)


def _escapes(entry: zipfile.ZipInfo) -> bool:
    path = PurePath(entry.filename.replace("\\", "/"))
    link = stat.S_ISLNK(entry.external_attr >> 16)
    return link or path.is_absolute() or ".." in path.parts
