"""PDFs of any size, written page by page: lines of text and a picture that makes them heavy."""

from __future__ import annotations

import os
from pathlib import Path

LINES = 48
SENTENCE = "The item may be sent back within thirty days if it is unused and in its box"


def write_pdf(file: Path, pages: int, picture_bytes: int) -> None:
    """A valid file with a cross-reference table, never held in memory."""
    offsets: list[int] = []
    with file.open("wb") as out:

        def put(body: bytes) -> None:
            offsets.append(out.tell())
            out.write(b"%d 0 obj\n%s\nendobj\n" % (len(offsets), body))

        out.write(b"%PDF-1.4\n")
        kids = b" ".join(b"%d 0 R" % (4 + 3 * page) for page in range(pages))
        put(b"<< /Type /Catalog /Pages 2 0 R >>")
        put(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids))
        put(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        for page in range(pages):
            own = 4 + 3 * page
            put(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font "
                b"<< /F1 3 0 R >> /XObject << /P %d 0 R >> >> /Contents %d 0 R >>"
                % (own + 2, own + 1)
            )
            put(stream(b"", shown(page)))
            side = max(1, int(picture_bytes**0.5))
            head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8 "
            size = b"/Width %d /Height %d " % (side, side)
            put(stream(head + size, os.urandom(side * side)))
        table = out.tell()
        rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        out.write(b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(offsets) + 1, rows))
        out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(offsets) + 1))
        out.write(b"startxref\n%d\n%%%%EOF\n" % table)


def shown(page: int) -> bytes:
    """The operators of one page: some 3,500 characters."""
    lines = (
        f"BT /F1 9 Tf 40 {760 - 15 * line} Td ({SENTENCE}, page {page} line {line}.) Tj ET"
        for line in range(LINES)
    )
    return "\n".join(lines).encode() + b"\nq 90 0 0 90 480 20 cm /P Do Q"


def stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)
