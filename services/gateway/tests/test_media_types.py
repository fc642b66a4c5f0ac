"""Files are told by their content; what browsers might run is never shown."""

import io
import zipfile

import pytest

from gateway import media_types
from gateway.media_types import INLINE, fits, kind_of, media_type
from gateway.problems import Problem


def packed(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EBML = b"\x1a\x45\xdf\xa3"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"#!AMR\n", "audio/amr"),
        (b"OggS\0\0OpusHead", "audio/ogg"),
        (b"OggS\0\0\x80theora", "video/ogg"),
        (EBML + b"webm A_OPUS", "audio/webm"),
        (EBML + b"webm V_VP8", "video/webm"),
        (EBML + b"webm A_OPUS \x1f\x43\xb6\x75 sound V_", "audio/webm"),
        (b"\0\0\0\x20ftypisom moov hdlr soun", "audio/mp4"),
        (b"\0\0\0\x20ftypisom moov hdlr soun hdlr vide", "video/mp4"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x20ftyp3gp4", "video/3gpp"),
        (b"%PDF-1.7", "application/pdf"),
        (packed("[Content_Types].xml", "word/document.xml"), WORD),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain"),
        ("Grüße".encode(), "text/plain"),
    ],
)
def test_the_content_decides(data: bytes, expected: str) -> None:
    assert media_type(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"", b"  ", b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh\nrm", packed("a.txt"), b"PK\x03\x04broken",
        b"\0\0\0\x20ftypheic", b"\xff", b"a\0b", b"\xd0\xcf\x11\xe0",
    ],
)  # fmt: skip
def test_what_is_not_sent_here(data: bytes) -> None:
    with pytest.raises(Problem) as refused:
        media_type(data)
    assert (refused.value.status_code, refused.value.code) == (415, "unsupported_type")


def test_kinds_follow_the_type_and_a_fitting_wish() -> None:
    assert [kind_of(t) for t in ("image/png", "video/mp4", "audio/ogg", "application/pdf")] == [
        "image", "video", "audio", "document"
    ]  # fmt: skip
    assert kind_of("audio/webm", "voice") == "voice"
    assert kind_of("image/webp", "sticker") == "sticker"
    assert kind_of("video/mp4", "document") == "document"
    for mime_type, wished in (("image/png", "voice"), ("image/png", "sticker"), ("x/y", "image")):
        with pytest.raises(Problem):
            kind_of(mime_type, wished)


def test_only_harmless_types_are_shown() -> None:
    for mime_type in ("image/png", "audio/ogg", "video/mp4", "application/pdf"):
        assert INLINE.fullmatch(mime_type)
    for mime_type in ("image/svg+xml", "text/html", "text/plain", "application/pdfx", WORD):
        assert not INLINE.fullmatch(mime_type)
    assert fits("audio/ogg", ["audio/*"])
    assert fits("image/png", ["image/png"])
    assert not fits("image/png", ["image/jpeg", "audio/*"])


def test_an_archive_of_very_many_entries_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_types, "ZIP_ENTRIES_MAX", 3)
    assert media_type(packed("[Content_Types].xml", "word/document.xml")) == WORD
    with pytest.raises(Problem):
        media_type(packed("[Content_Types].xml", "word/document.xml", "a", "b"))


def test_large_texts_are_looked_at_piece_by_piece() -> None:
    piece = media_types._LOOKED_AT_BYTES
    assert media_type(b"x" * (piece - 1) + "é".encode() + b"y" * piece) == "text/plain"
    for broken in (b"\x00", b"\xff", b"\xc3"):
        with pytest.raises(Problem):
            media_type(b"x" * 2 * piece + broken)
