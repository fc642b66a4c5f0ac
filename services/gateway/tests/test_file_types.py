import io
import zipfile

import pytest

from gateway.file_types import MEDIA_TYPES, media_type_of
from gateway.problems import Problem
from gateway.upload_forms import safe_name


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return buffer.getvalue()


WORD = archive("[Content_Types].xml", "word/document.xml")
BOOK = archive("[Content_Types].xml", "xl/workbook.xml")
SHOW = archive("[Content_Types].xml", "ppt/presentation.xml")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PAGE = b"<!doctype html><p>words"


@pytest.mark.parametrize(
    ("name", "data", "extension"),
    [
        ("A.PDF", b"%PDF-1.4", "pdf"),
        ("leading.pdf", b"junk" * 100 + b"%PDF-1.4", "pdf"),
        ("a.docx", WORD, "docx"),
        ("a", WORD, "docx"),
        ("a.docx", archive("[Content_Types].xml"), "docx"),
        ("a.docx", b"PK\x03\x04", "docx"),
        ("a.docx", archive("[Content_Types].xml", "word/document2.xml"), "docx"),
        ("a.docx", OLE, "docx"),
        ("a.xlsx", BOOK, "xlsx"),
        ("a", BOOK, "xlsx"),
        ("a.xlsx", archive("[Content_Types].xml", "xl/styles.xml"), "xlsx"),
        ("a.xlsx", b"PK\x03\x04", "xlsx"),
        ("a.xlsx", OLE, "xlsx"),
        ("a.pptx", SHOW, "pptx"),
        ("A.HTML", PAGE, "html"),
        ("a.htm", b"<p>a fragment", "html"),
        ("a.html", b"<!-- only a comment -->", "html"),
        ("a", b"\xef\xbb\xbf <!-- x -->\n<HTML>", "html"),
        ("a.html", "<html><p>words".encode("utf-16"), "html"),
        ("a.html", b"", "html"),
        ("a.csv", b"a;b\n1;2\n", "csv"),
        ("a.tsv", b"a\tb\n1\t2\n", "tsv"),
        ("a.tab", b"a\tb\n", "tsv"),
        ("a.txt", b"A PDF begins with %PDF-1.4 and ends.", "txt"),
        ("a.md", b"Use <html> for pages.", "md"),
        ("a.md", "# Überschrift\n".encode("latin-1"), "md"),
        ("a.txt", b"\xff\xfea\x00b\x00", "txt"),
        ("a.txt", "words without a mark".encode("utf-16-le"), "txt"),
        ("a.txt", "日本語の文章".encode("shift_jis"), "txt"),
        ("a.txt", b"", "txt"),
        ("a.pdf", b"", "pdf"),
        ("dir\\a.v2.txt", b"words", "txt"),
    ],
)
def test_what_is_let_in(name: str, data: bytes, extension: str) -> None:
    assert media_type_of(name, data) == MEDIA_TYPES[extension]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"%PDF-1.4", "type_mismatch"),
        ("a.pdf", b"words", "type_mismatch"),
        ("a.pdf", WORD, "type_mismatch"),
        ("a.md", WORD, "type_mismatch"),
        ("a.docx", b"words", "type_mismatch"),
        ("a.docx", BOOK, "type_mismatch"),
        ("a.xlsx", SHOW, "type_mismatch"),
        ("a.pptx", WORD, "type_mismatch"),
        ("a.csv", BOOK, "type_mismatch"),
        ("a.csv", PAGE, "type_mismatch"),
        ("a.txt", PAGE, "type_mismatch"),
        ("a.md", "<html><p>words".encode("utf-16"), "type_mismatch"),
        ("a.html", b"no markup at all", "type_mismatch"),
        ("a.html", b"%PDF-1.4", "type_mismatch"),
        ("a.txt", b"junk %PDF-1.4\n1 0 obj\n<<", "type_mismatch"),
        ("a.docx", archive("xl/styles.xml", "[Content_Types].xml"), "unsupported_type"),
        ("a.xlsx", archive("META-INF/MANIFEST.MF", "[Content_Types].xml"), "unsupported_type"),
        ("a.xlsb", archive("[Content_Types].xml", "xl/workbook.bin"), "unsupported_type"),
        ("a.xlsm", BOOK, "unsupported_type"),
        ("a.csv", b"PK\x03\x04", "unsupported_type"),
        ("a.csv", b"\x89PNG\r\n", "unsupported_type"),
        ("a.json", b"{}", "unsupported_type"),
        ("a.zip", archive("a.txt"), "unsupported_type"),
        ("a", archive("a.txt"), "unsupported_type"),
        ("a.doc", OLE, "unsupported_type"),
        ("a.txt", OLE, "unsupported_type"),
        ("a.txt", bytes(range(256)), "unsupported_type"),
        ("a.txt", b"\x1f\x8b\x08", "unsupported_type"),
        ("a", b"", "unsupported_type"),
    ],
)
def test_what_is_refused(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        media_type_of(name, data)
    assert (refused.value.status_code, refused.value.code) == (415, code)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\x00b\r\n.txt", "a\ufffdb.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("", "document"),
        ("///", "document"),
        ("CON", "CON"),
        ("x" * 300 + ".pdf", "x" * 180 + ".pdf"),
        ("\ud800.txt", "\ufffd.txt"),
    ],
)
def test_a_file_name_is_text_and_never_a_path(given: str, kept: str) -> None:
    assert safe_name(given) == kept
