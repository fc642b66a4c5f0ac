"""Which documents are let in: PDF, DOCX, plain text and Markdown, told by their content.

The extension chooses between text and Markdown; where it contradicts the content, the upload is
refused. What cannot be read later (encrypted, broken inside) is let in: rag-indexer gives it a
state and a reason.
"""

import io
import re
import zipfile
from pathlib import PurePosixPath
from typing import Final, Literal

from gateway.media_types import ZIP_ENTRIES_MAX, ZIP_ENTRY
from gateway.problems import Problem

Family = Literal["pdf", "docx", "text"]

MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "txt": "text/plain",
    "text": "text/plain",
}
_FAMILIES: Final[dict[str, Family]] = {
    "pdf": "pdf",
    "docx": "docx",
    "md": "text",
    "markdown": "text",
    "txt": "text",
    "text": "text",
}
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_FOREIGN: Final = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"MZ", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b",
    b"BZh", b"\xfd7zXZ", b"OggS", b"ID3", b"RIFF", b"%!PS", b"{\\rtf",
)  # fmt: skip
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_PROBE_BYTES: Final = 4096
_CONTROL_SHARE_MAX: Final = 0.1


def media_type_of(file_name: str, data: bytes) -> str:
    """The MIME type to file the document under; a 415 problem if it is none of ours."""
    extension = PurePosixPath(file_name.replace("\\", "/")).suffix.lower().lstrip(".")
    claimed = _FAMILIES.get(extension)
    if extension and claimed is None:
        raise _refused("unsupported_type", f".{extension[:16]} files are not read here")
    found = claimed if not data else _family(data, claimed)
    if found is None:
        raise _refused("unsupported_type", "The content is none of these")
    if claimed is not None and found != claimed:
        raise _refused("type_mismatch", f"The content is {found}, the name says .{extension}")
    return MEDIA_TYPES.get(extension) or {"text": "text/plain"}.get(found) or MEDIA_TYPES[found]


def _family(data: bytes, claimed: Family | None) -> Family | None:
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _zip_family(data, claimed)
    if data.startswith(_OLE):
        # An encrypted DOCX is an OLE file; the indexer says so in words.
        return "docx" if claimed == "docx" else None
    return "text" if _is_text(data) else None


def _zip_family(data: bytes, claimed: Family | None) -> Family | None:
    if data.count(ZIP_ENTRY) > ZIP_ENTRIES_MAX:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.NameToInfo
            return "docx" if "word/document.xml" in names else _unnamed(claimed, names)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return "docx" if claimed == "docx" else None


def _unnamed(claimed: Family | None, names: dict[str, zipfile.ZipInfo]) -> Family | None:
    """A DOCX without its main part is a broken DOCX; a spreadsheet or a plain zip is neither."""
    foreign = any(name.startswith(("xl/", "ppt/", "META-INF/")) for name in names)
    return "docx" if claimed == "docx" and "[Content_Types].xml" in names and not foreign else None


def _is_text(data: bytes) -> bool:
    if data.startswith(_TEXT_MARKS):
        return True
    if data.startswith(_FOREIGN):
        return False
    probe = data[:_PROBE_BYTES]
    if b"\x00" in probe:
        return _is_wide_text(probe)
    return len(_CONTROL.findall(probe)) <= len(probe) * _CONTROL_SHARE_MAX


def _is_wide_text(probe: bytes) -> bool:
    """UTF-16 or UTF-32 without a mark: every second byte of Western text is zero."""
    zeros = max(probe[0::2].count(0), probe[1::2].count(0))
    return zeros > len(probe) // 2 * 0.7


def _refused(code: str, what: str) -> Problem:
    return Problem(415, code, f"{what}. Upload PDF, DOCX, TXT or MD.")
