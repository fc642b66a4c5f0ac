"""Which documents are let in, told by their content: PDF, Office files, pages, tables and text.

The extension chooses among the kinds of text; where it contradicts the content, the upload is
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

Family = Literal["pdf", "docx", "xlsx", "pptx", "html", "text"]

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "pptx": f"{_OFFICE}presentationml.presentation",
    "html": "text/html",
    "htm": "text/html",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "tab": "text/tab-separated-values",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "txt": "text/plain",
    "text": "text/plain",
}
_TEXTS: Final = ("csv", "tsv", "tab", "md", "markdown", "txt", "text")
_FAMILIES: Final[dict[str, Family]] = {
    "pdf": "pdf",
    "docx": "docx",
    "xlsx": "xlsx",
    "pptx": "pptx",
    "html": "html",
    "htm": "html",
    **dict.fromkeys(_TEXTS, "text"),
}
_OFFICE_FAMILIES: Final = ("docx", "xlsx", "pptx")
_MAIN_PARTS: Final[tuple[tuple[re.Pattern[str], Family], ...]] = (
    (re.compile(r"word/document\d*\.xml"), "docx"),
    (re.compile(r"xl/workbook\d*\.xml"), "xlsx"),
    (re.compile(r"ppt/presentation\d*\.xml"), "pptx"),
)
_FOLDERS: Final = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_FOREIGN: Final = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"MZ", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b",
    b"BZh", b"\xfd7zXZ", b"OggS", b"ID3", b"RIFF", b"%!PS", b"{\\rtf",
)  # fmt: skip
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HTML_START: Final = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*"
    rb"<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAG: Final = re.compile(rb"<(?:!--|[!/?]?[a-z])", re.IGNORECASE)
_PDF_OBJECT: Final = re.compile(rb"\d\s+\d+\s+obj\b")
_HEAD_BYTES: Final = 1024
_MARKUP_WITHIN_BYTES: Final = 64 * 1024
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
    if _is_pdf(data, claimed):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _zip_family(data, claimed)
    if data.startswith(_OLE):
        # An encrypted Office file is an OLE file; the indexer says so in words.
        return claimed if claimed in _OFFICE_FAMILIES else None
    if not _is_text(data):
        return None
    if _HTML_START.match(data[:_HEAD_BYTES].replace(b"\0", b"")):
        return "html"
    fragment = claimed == "html" and _TAG.search(data[:_MARKUP_WITHIN_BYTES].replace(b"\0", b""))
    return "html" if fragment else "text"


def _is_pdf(data: bytes, claimed: Family | None) -> bool:
    """Junk may stand before the header; a text about PDF may hold one and no objects."""
    head = data[:_HEAD_BYTES]
    if b"%PDF-" not in head:
        return False
    if head.startswith(b"%PDF-") or claimed == "pdf":
        return True
    return _PDF_OBJECT.search(data) is not None


def _zip_family(data: bytes, claimed: Family | None) -> Family | None:
    if data.count(ZIP_ENTRY) > ZIP_ENTRIES_MAX:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.NameToInfo
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return claimed if claimed in _OFFICE_FAMILIES else None
    for pattern, family in _MAIN_PARTS:
        if any(pattern.fullmatch(name) for name in names):
            return family
    return _unnamed(claimed, names)


def _unnamed(claimed: Family | None, names: dict[str, zipfile.ZipInfo]) -> Family | None:
    """An Office file without its main part is a broken one; another kind or a plain zip is none."""
    if claimed not in _OFFICE_FAMILIES or "[Content_Types].xml" not in names:
        return None
    foreign = ("META-INF/", *(folder for kind, folder in _FOLDERS.items() if kind != claimed))
    return None if any(name.startswith(foreign) for name in names) else claimed


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
    return Problem(
        415, code, f"{what}. Upload PDF, DOCX, XLSX, PPTX, HTML, CSV, TSV, TXT or Markdown."
    )
