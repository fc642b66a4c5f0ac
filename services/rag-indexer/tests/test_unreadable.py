"""Every way in which a file cannot be read has its code, and none takes the service with it."""

import io
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from rag_indexer import parser_process
from rag_indexer.parsed import REASONS, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

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
    assert await code_of(zipped({"a.xml": b"<a/>"}), "other.docx") == "corrupt_document"
    broken = make_docx("", **{"word/document.xml": b"<w:document"})
    assert await code_of(broken, "broken.docx") == "corrupt_document"


@pytest.mark.parametrize(
    "head", ['<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "<!DOCTYPE x>"]
)
async def test_xml_with_declarations(make_docx: Callable[..., bytes], head: str) -> None:
    body = "<w:p><w:r><w:t>words</w:t></w:r></w:p>"
    assert await code_of(make_docx(body, head=head), "x.docx") == "corrupt_document"


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return out.getvalue()


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
    assert await code_of(b"\x89PNG\r\n\x1a\n" + os.urandom(100), "a.txt") == "type_mismatch"
    assert await code_of(b"\x89PNG\r\n\x1a\n" + os.urandom(100), "a.png") == "unsupported_type"
    assert await code_of(zipped({"xl/workbook.xml": b"<a/>"}), "a.xlsx") == "unsupported_type"
    assert await code_of(bytes(range(32)) * 100, "a.txt") == "unsupported_type"
    assert (await parse_file(make_pdf(PAGE), "no-extension", LIMITS)).file_type == "pdf"


async def test_a_flate_bomb_ends_at_a_limit(make_pdf: Callable[..., bytes]) -> None:
    """One page whose content unpacks to 3 GB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * 10_000_000) for _ in range(300)) + packer.flush()
    whole = make_pdf(PAGE)
    begin, end = whole.index(b"<< /Length"), whole.index(b"endstream")
    bomb = (
        whole[:begin]
        + b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed)
        + packed
        + b"\n"
        + whole[end:]
    )
    started = time.monotonic()
    limits = ParserLimits(address_space_bytes=512 * 1024 * 1024, cpu_seconds=5, wall_seconds=20)
    assert await code_of(bomb, "bomb.pdf", limits) in {"too_complex", "timeout", "no_text"}
    assert time.monotonic() - started < 25


async def test_more_pages_than_allowed(make_pdf: Callable[..., bytes]) -> None:
    assert await code_of(make_pdf([["x"]] * 5_001), "long.pdf") == "too_complex"


def play(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Put another program in the place of the parser, under the same limits."""
    start = "import sys; from rag_indexer.parser_child import limit_self; "
    start += "limit_self(int(sys.argv[1]), int(sys.argv[2]))\n"
    monkeypatch.setattr(
        parser_process,
        "_command",
        lambda _name, limits: [
            sys.executable,
            "-I",
            "-c",
            start + program,
            str(limits.address_space_bytes),
            str(limits.cpu_seconds),
        ],
    )


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("while True: pass", "timeout"),
        ("import time; time.sleep(60)", "timeout"),
        ("import os; os.kill(os.getpid(), 11)", "corrupt_document"),
        ("import os; os.abort()", "too_complex"),
        ("raise SystemExit(3)", "too_complex"),
        ("print('not json')", "too_complex"),
        ("b = bytearray(2 * 1024 ** 3)", "too_complex"),
    ],
)
async def test_a_child_that_hangs_crashes_or_raves(
    monkeypatch: pytest.MonkeyPatch, program: str, code: str
) -> None:
    play(monkeypatch, program)
    limits = ParserLimits(cpu_seconds=1, wall_seconds=4)
    started = time.monotonic()
    assert await code_of(b"words" * 100_000, "a.txt", limits) == code
    assert time.monotonic() - started < 10


async def test_a_child_cannot_write_files_or_open_connections(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "written"
    target.touch(mode=0o666)
    play(
        monkeypatch,
        f"""
import json, os, signal, socket
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
reached = []
try:
    with open({str(target)!r}, "w") as out:
        out.write("x")
    reached.append("file")
except OSError:
    pass
try:
    socket.create_connection(("127.0.0.1", {os.environ.get("PORT", "9")}), 1)
    reached.append("network")
except ConnectionRefusedError:
    reached.append("network refused")
except OSError:
    pass
sys.stdin.buffer.read()
print(json.dumps({{"code": "no_text", "detail": ",".join(reached)}}))
""",
    )
    with pytest.raises(Unreadable) as caught:
        await parse_file(b"words", "a.txt", LIMITS)
    assert "file" not in caught.value.detail
    assert target.read_bytes() == b""
    if os.geteuid() == 0:
        assert caught.value.detail == ""


async def test_a_grandchild_does_not_outlive_the_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    play(
        monkeypatch,
        """
import os, time
child = os.fork()
if child == 0:
    time.sleep(60)
os.write(1, b'{"code": "no_text", "detail": "%d"}' % child)
os._exit(0)
""",
    )
    with pytest.raises(Unreadable) as caught:
        await parse_file(b"words", "a.txt", ParserLimits(wall_seconds=3))
    if caught.value.code == "no_text":
        grandchild = Path(f"/proc/{caught.value.detail}/stat")
        deadline = time.monotonic() + 5
        while still_runs(grandchild):
            assert time.monotonic() < deadline


def still_runs(stat: Path) -> bool:
    return stat.exists() and stat.read_text().split()[2] != "Z"


async def test_the_child_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_MASTER_KEYS", "k:secret")
    play(
        monkeypatch,
        """
import json, os
sys.stdin.buffer.read()
print(json.dumps({"code": "no_text", "detail": ",".join(sorted(os.environ))}))
""",
    )
    with pytest.raises(Unreadable) as caught:
        await parse_file(b"words", "a.txt", LIMITS)
    assert "CHAT" not in caught.value.detail
