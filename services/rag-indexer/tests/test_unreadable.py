"""Every way in which a file cannot be read has its code, and none takes the service with it."""

import io
import os
import zipfile
from collections.abc import Callable

import pytest
from pypdf import PdfReader, PdfWriter

from rag_indexer.parsed import REASONS, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

from .foreign_files import packed, sheet_rows, xlsx_of

LIMITS = ParserLimits(cpu_seconds=20, wall_seconds=30)
PAGE = [["Some words on a page."]]


async def code_of(content: bytes, name: str, limits: ParserLimits = LIMITS) -> str:
    with pytest.raises(Unreadable) as caught:
        await parse_file(content, name, limits)
    assert caught.value.sentence == REASONS[caught.value.code]
    return caught.value.code


def encrypted(content: bytes) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


async def test_a_password(make_pdf: Callable[..., bytes]) -> None:
    assert await code_of(encrypted(make_pdf(PAGE)), "a.pdf") == "encrypted"
    package = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    assert await code_of(package, "a.docx") == "encrypted"


async def test_nothing_to_read(
    make_pdf: Callable[..., bytes], make_docx: Callable[..., bytes]
) -> None:
    assert await code_of(make_pdf([[], []]), "scan.pdf") == "no_text"
    assert await code_of(make_docx(""), "empty.docx") == "no_text"
    assert await code_of(b" \n\t ... \n", "dots.txt") == "no_text"
    assert await code_of(b"", "empty.txt") == "no_text"


async def test_damage(make_pdf: Callable[..., bytes], make_docx: Callable[..., bytes]) -> None:
    assert await code_of(make_pdf(PAGE)[:120], "cut.pdf") == "corrupt_document"
    assert await code_of(b"%PDF-1.7\nnothing more", "a.pdf") == "corrupt_document"
    assert await code_of(os.urandom(4096), "noise.pdf") == "corrupt_document"
    assert await code_of(make_docx("x")[:200], "cut.docx") == "corrupt_document"
    assert await code_of(packed({"a.xml": b"<a/>"}), "other.docx") == "corrupt_document"
    broken = make_docx("", **{"word/document.xml": b"<w:document"})
    assert await code_of(broken, "broken.docx") == "corrupt_document"


@pytest.mark.parametrize(
    "head", ['<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "<!DOCTYPE x>"]
)
async def test_xml_with_declarations(make_docx: Callable[..., bytes], head: str) -> None:
    body = "<w:p><w:r><w:t>words</w:t></w:r></w:p>"
    assert await code_of(make_docx(body, head=head), "x.docx") == "corrupt_document"


@pytest.mark.parametrize("name", ["../evil.xml", "/etc/evil.xml", "word\\..\\..\\evil.xml"])
async def test_zip_entries_that_escape(make_docx: Callable[..., bytes], name: str) -> None:
    assert await code_of(make_docx("x", **{name: b"<a/>"}), "x.docx") == "corrupt_document"


async def test_a_zip_with_a_link_or_the_same_name_twice(make_docx: Callable[..., bytes]) -> None:
    for spoil in (add_link, add_twice):
        out = io.BytesIO(make_docx("<w:p><w:r><w:t>words</w:t></w:r></w:p>"))
        with zipfile.ZipFile(out, "a") as archive:
            spoil(archive)
        assert await code_of(out.getvalue(), "x.docx") == "corrupt_document"


def add_link(archive: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("word/link.xml")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, "/etc/passwd")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def add_twice(archive: zipfile.ZipFile) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("word/document.xml", "<a/>")


async def test_zip_bombs(make_docx: Callable[..., bytes]) -> None:
    dense = make_docx("x", **{"word/media/zeros.bin": b"\0" * 20_000_000})
    assert await code_of(dense, "dense.docx") == "zip_bomb"
    many = make_docx("x", **{f"word/part{n}.xml": b"<a/>" for n in range(2_001)})
    assert await code_of(many, "many.docx") == "zip_bomb"


async def test_the_content_decides_the_type(
    make_pdf: Callable[..., bytes], make_docx: Callable[..., bytes]
) -> None:
    assert await code_of(make_pdf(PAGE), "really.docx") == "type_mismatch"
    assert await code_of(make_docx("x"), "really.pdf") == "type_mismatch"
    assert await code_of(b"<html>words</html>", "page.pdf") == "type_mismatch"
    assert await code_of(b"<!doctype html><p>words", "page.txt") == "type_mismatch"
    assert await code_of("<!-- x --><HTML>words".encode("utf-16"), "a.md") == "type_mismatch"
    assert await code_of(b"no markup at all", "page.html") == "type_mismatch"
    assert await code_of(make_docx("x"), "prices.xlsx") == "type_mismatch"
    assert await code_of(xlsx_of({"A": sheet_rows(["x"])}), "slides.pptx") == "type_mismatch"
    assert await code_of(make_pdf(PAGE), "rows.csv") == "type_mismatch"
    assert await code_of(b"\x89PNG\r\n\x1a\n" + os.urandom(100), "a.txt") == "type_mismatch"
    assert await code_of(b"\x89PNG\r\n\x1a\n" + os.urandom(100), "a.png") == "unsupported_type"
    assert await code_of(packed({"a.xml": b"<a/>"}), "a.zip") == "unsupported_type"
    assert await code_of(packed({"xl/workbook.bin": b"x"}), "a.xlsb") == "unsupported_type"
    assert await code_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "a.xls") == "unsupported_type"
    about = b"A PDF begins with %PDF-1.4 and ends with a trailer."
    assert (await parse_file(about, "about.txt", LIMITS)).file_type == "txt"
    assert await code_of(bytes(range(32)) * 100, "a.txt") == "unsupported_type"
    assert (await parse_file(make_pdf(PAGE), "no-extension", LIMITS)).file_type == "pdf"
