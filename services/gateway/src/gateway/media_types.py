"""What a file is, told by its content: the name and the declared type are not believed."""

import io
import re
import zipfile
from codecs import getincrementaldecoder
from typing import Final, Literal

from gateway.problems import Problem

MediaKind = Literal["image", "video", "audio", "voice", "document", "sticker"]

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OFFICE_PARTS: Final = (
    ("word/", f"{_OFFICE}wordprocessingml.document"),
    ("xl/", f"{_OFFICE}spreadsheetml.sheet"),
    ("ppt/", f"{_OFFICE}presentationml.presentation"),
)
_STARTS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"fLaC", "audio/flac"),
)
_RIFF_KINDS: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_OGG_VIDEO: Final = (b"\x80theora", b"BBCD")
_WEBM_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_QUICKTIME: Final = b"qt  "
_AUDIO_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"F4A "})
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PROBE_BYTES: Final = 8192
_LOOKED_AT_BYTES: Final = 256 * 1024
ZIP_ENTRY: Final = b"PK\x01\x02"
ZIP_ENTRIES_MAX: Final = 20_000
"""Reading a list of entries takes ten times its bytes; Office files have some hundreds."""

INLINE: Final = re.compile(
    r"(image/(jpeg|png|gif|webp)|audio/[a-z0-9-]+|video/[a-z0-9-]+|application/pdf)"
)
"""Types that browsers may show; everything else is saved."""


def media_type(data: bytes) -> str:
    """The MIME type of the bytes; a 415 problem for what is not sent here."""
    head = data[:_PROBE_BYTES]
    found = _starting(head) or _contained(head, data) or _packed(data) or _text(data)
    if found is None:
        raise Problem(
            415,
            "unsupported_type",
            "Send an image, audio, video, PDF, Office document or plain text.",
        )
    return found


def kind_of(mime_type: str, wished: str | None = None) -> MediaKind:
    """How a file of this type is shown; `wished` may make it a voice note, sticker or document."""
    family = mime_type.partition("/")[0]
    match wished:
        case None:
            kinds: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio"}
            return kinds.get(family, "document")
        case "voice" if family == "audio":
            return "voice"
        case "sticker" if mime_type == "image/webp":
            return "sticker"
        case "document":
            return "document"
    detail = "`voice` is for audio, `sticker` for WebP images, `document` for everything."
    raise Problem(422, "invalid", detail, errors=[{"field": "body.kind", "detail": detail}])


def fits(mime_type: str, patterns: list[str]) -> bool:
    """Whether one of `image/png`, `audio/*` … takes the type."""
    family = mime_type.partition("/")[0]
    return any(pattern in (mime_type, f"{family}/*", "*/*") for pattern in patterns)


def _starting(head: bytes) -> str | None:
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    if head.startswith(b"RIFF"):
        return _RIFF_KINDS.get(head[8:12])
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # ADTS has layer 00 where MPEG audio has a layer.
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return None


def _contained(head: bytes, data: bytes) -> str | None:
    """Containers that hold sound, pictures or both."""
    if head[4:8] == b"ftyp":
        return _iso_media(head[8:12], data)
    if head.startswith(b"OggS"):
        has_video = any(mark in head for mark in _OGG_VIDEO)
        return "video/ogg" if has_video else "audio/ogg"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        # Tracks are named before the first cluster; sound after it may spell anything.
        return "video/webm" if b"V_" in head.split(_WEBM_CLUSTER)[0] else "audio/webm"
    return None


def _iso_media(brand: bytes, data: bytes) -> str | None:
    # Browsers record sound under the brand of films: the handlers of the tracks tell them apart.
    if brand in _AUDIO_BRANDS or (b"soun" in data and b"vide" not in data):
        return "audio/mp4"
    if brand.startswith((b"3gp", b"3g2")):
        return "video/3gpp"
    if brand in {b"heic", b"heix", b"mif1", b"avif"}:
        return None
    return "video/quicktime" if brand == _QUICKTIME else "video/mp4"


def _packed(data: bytes) -> str | None:
    if not data.startswith(b"PK\x03\x04") or data.count(ZIP_ENTRY) > ZIP_ENTRIES_MAX:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    for folder, found in _OFFICE_PARTS:
        if any(name.startswith(folder) for name in names):
            return found
    return None


def _text(data: bytes) -> str | None:
    if not data.strip() or data.startswith(_PROGRAMS):
        return None
    decoder = getincrementaldecoder("utf-8")()
    try:
        # Bit by bit: looking at all of a large file at once would hold up every other thread.
        for start in range(0, len(data), _LOOKED_AT_BYTES):
            if _CONTROL.search(data, start, start + _LOOKED_AT_BYTES):
                return None
            decoder.decode(data[start : start + _LOOKED_AT_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return "text/plain"
