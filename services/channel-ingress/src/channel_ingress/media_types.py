"""What a file really is, by its first bytes, and whether that is what it was said to be."""

from __future__ import annotations

HEAD_BYTES = 1024
"""How much of a file's beginning is looked at."""
UNKNOWN = "application/octet-stream"

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp3g", "video/3gpp"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"OggS", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\x7fELF", "application/x-executable"),
)
_OFFICE_OPEN = "application/vnd.openxmlformats-officedocument"
_OLE = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
_SOUND_OR_FILM = ("audio", "video")
_OF_KIND = {
    "image": "image/*",
    "sticker": "image/*",
    "video": "video/*",
    "audio": "audio/*",
    "voice": "audio/*",
}


class TypeMismatch(ValueError):
    """The content is something else than was said."""


def detected_type(head: bytes) -> str | None:
    """What the first bytes show; None when they show nothing known."""
    for offset, signature, name in _SIGNATURES:
        if head.startswith(signature, offset):
            return name
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # Frame sync: layer bits 00 are AAC in ADTS, the others MPEG audio.
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    beginning = head[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    # PDF readers accept up to a kilobyte before the signature, so people do send such files.
    return "application/pdf" if b"%PDF-" in head[:HEAD_BYTES] else None


def checked_type(kind: str, declared: str | None, head: bytes) -> str:
    """The type to file it under; TypeMismatch when the content is something else."""
    said = (declared or "").split(";")[0].strip().lower()
    if "/" not in said or said == UNKNOWN:
        said = _OF_KIND.get(kind, UNKNOWN)
    found = detected_type(head)
    if not _fits(said, found):
        raise TypeMismatch(f"declared {said}, but its content is {found or 'not'}")
    if said.startswith("image/") or said.endswith("/*") or said == UNKNOWN:
        return found or UNKNOWN
    return said


def _fits(said: str, found: str | None) -> bool:
    family, found_family = said.split("/")[0], (found or "").split("/")[0]
    if family == "image":
        return found_family == "image" or (said == "image/svg+xml" and found is None)
    if family in _SOUND_OR_FILM:
        return found is None or found_family in _SOUND_OR_FILM
    if said == "application/pdf":
        return found == said
    if said.startswith(_OFFICE_OPEN):
        return found in ("application/zip", "application/x-ole-storage")
    if said in _OLE:
        # Word and Excel save HTML, RTF and the newer format under the old names as well.
        return found_family in ("application", "text", "") and found != "application/x-msdownload"
    if family == "text":
        return found is None or found_family == "text"
    return True
