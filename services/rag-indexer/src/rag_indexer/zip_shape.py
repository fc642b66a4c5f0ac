"""Zip containers judged by their headers, before anything in them is unpacked."""

import re
import stat
import zipfile
from pathlib import PurePath

from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Unreadable

ENTRIES_MAX = 2_000
UNPACKED_MAX_BYTES = 100 * 1024 * 1024
RATIO_MAX = 100
_RATIO_MATTERS_ABOVE_BYTES = 1024 * 1024
_MAIN_PARTS = (
    (re.compile(r"word/document\d*\.xml"), "docx"),
    (re.compile(r"xl/workbook\d*\.xml"), "xlsx"),
    (re.compile(r"ppt/presentation\d*\.xml"), "pptx"),
)


def office_type(source: FileSource, claimed: bool) -> str:
    """`docx`, `xlsx` or `pptx`; raises `Unreadable` for other zips and for bombs.

    `claimed`: the name says that it is one, so a zip without a main part is a broken one.
    """
    try:
        with zipfile.ZipFile(source.stream()) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as damage:
        raise Unreadable("corrupt_document", type(damage).__name__) from damage
    for entry in entries:
        for pattern, found in _MAIN_PARTS:
            if pattern.fullmatch(entry.filename):
                _check_entries(entries, source.size)
                return found
    code = "corrupt_document" if claimed else "unsupported_type"
    raise Unreadable(code, "a zip without the main part of an Office file")


def _check_entries(entries: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    """Decided from the headers; `zipfile` gives no more than a header announces while reading."""
    if len(entries) > ENTRIES_MAX:
        raise Unreadable("zip_bomb", f"{len(entries)} entries")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > UNPACKED_MAX_BYTES or _ratio(unpacked, packed_bytes) > RATIO_MAX:
        raise Unreadable("zip_bomb", f"{unpacked} bytes unpacked")
    seen: set[str] = set()
    for entry in entries:
        if _ratio(entry.file_size, entry.compress_size) > RATIO_MAX:
            raise Unreadable("zip_bomb", "an entry of extreme ratio")
        if entry.flag_bits & 0x1:
            raise Unreadable("encrypted", "an encrypted zip entry")
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
