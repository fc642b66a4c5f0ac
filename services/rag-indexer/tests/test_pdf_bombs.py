"""PDFs made to exhaust whoever opens them: each ends at a limit, and soon."""

import time
import zlib

import pytest

from rag_indexer.parsed import Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

from .foreign_files import pdf_of

PAGE = [["Some words on a page."]]
LIMITS = ParserLimits(address_space_bytes=512 * 1024 * 1024, cpu_seconds=5, wall_seconds=12)


async def code_of(content: bytes) -> str:
    """The code, or `read` when a document came out of it."""
    started = time.monotonic()
    try:
        await parse_file(content, "bomb.pdf", LIMITS)
    except Unreadable as refused:
        assert time.monotonic() - started < 14
        return refused.code
    return "read"


def with_stream(filters: str, packed: bytes) -> bytes:
    """One page with this as its content."""
    whole = pdf_of(PAGE)
    begin, end = whole.index(b"<< /Length"), whole.index(b"endstream")
    head = b"<< /Filter %s /Length %d >>\nstream\n" % (filters.encode(), len(packed))
    return whole[:begin] + head + packed + b"\n" + whole[end:]


def deflated(megabytes: int) -> bytes:
    """Zlib data of so many spaces, without a right checksum at its end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x01" + once * megabytes + b"\x03\x00" + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("filters", "packed"),
    [
        ("/FlateDecode", deflated(1_000)),
        ("[/FlateDecode /FlateDecode]", zlib.compress(deflated(1_000), 1)),
        ("/RunLengthDecode", b"\x81 " * 4_000_000 + b"\x80"),
        ("[/FlateDecode /RunLengthDecode]", zlib.compress(b"\x81 " * 8_000_000)),
        ("[/FlateDecode /ASCIIHexDecode /LZWDecode]", zlib.compress(b"80" * 30_000_000)),
    ],
    ids=["flate", "flate twice", "run length", "run length in flate", "lzw in flate"],
)
async def test_a_stream_that_unpacks_to_far_more(filters: str, packed: bytes) -> None:
    assert await code_of(with_stream(filters, packed)) in {"too_complex", "timeout", "no_text"}


async def test_more_pages_than_allowed() -> None:
    assert await code_of(pdf_of([["x"]] * 5_001)) == "too_complex"


@pytest.mark.parametrize("count", [1_000_000, 2_000_000_000])
async def test_a_page_tree_that_only_claims_to_be_large(count: int) -> None:
    claimed = pdf_of(PAGE).replace(b"/Count 1 ", b"/Count %d " % count)
    assert await code_of(claimed) in {"too_complex", "timeout", "corrupt_document", "read"}


async def test_a_page_tree_that_contains_itself() -> None:
    loop = (
        pdf_of(PAGE).replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]").replace(b"/Count 1", b"/Count 9")
    )
    assert await code_of(loop) in {"no_text", "corrupt_document", "too_complex", "timeout"}


async def test_a_page_tree_of_ten_thousand_levels() -> None:
    levels = 10_000
    tree = [
        f"{10 + place} 0 obj\n<< /Type /Pages /Count 1 /Kids [{11 + place} 0 R] >>\nendobj\n"
        for place in range(levels)
    ]
    last = f"{10 + levels} 0 obj\n<< /Type /Page /MediaBox [0 0 9 9] >>\nendobj\n"
    head = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 10 0 R >>\nendobj\n"
    whole = f"{head}{''.join(tree)}{last}trailer\n<< /Root 1 0 R >>\n%%EOF\n"
    assert await code_of(whole.encode()) in {"no_text", "corrupt_document", "too_complex"}


async def test_an_object_that_is_its_own_content() -> None:
    itself = pdf_of(PAGE).replace(b"/Contents 6 0 R", b"/Contents 5 0 R")
    assert await code_of(itself) in {"no_text", "corrupt_document", "too_complex"}
