"""The child process that reads one foreign sitemap: bytes on stdin, a line of JSON on stdout.

Run as `python -I -m rag_indexer.sitemap_child ADDRESS_SPACE_BYTES CPU_SECONDS`.
"""

import json
import os
import sys
import zlib
from typing import Any, Final
from xml.etree.ElementTree import ParseError, XMLParser

from rag_indexer.parser_limits import limit_self

ADDRESSES_MAX: Final = 50_000
UNPACKED_BYTES_MAX: Final = 50 * 1024 * 1024
_ADDRESS_CHARACTERS_MAX: Final = 2_048
_DEPTH_MAX: Final = 16
_GZIP: Final = 16 + zlib.MAX_WBITS


class NoSitemap(ValueError):
    """These bytes list no addresses."""


class _Locations:
    """Takes the `loc` of each `url` or `sitemap`, whatever the namespace and whatever else."""

    def __init__(self) -> None:
        self.kind = ""
        self.addresses: list[str] = []
        self._path: list[str] = []
        self._words: list[str] = []

    def doctype(self, *_: object) -> None:
        raise NoSitemap("a document type")

    def start(self, tag: str, _: dict[str, str]) -> None:
        self._path.append(tag.rpartition("}")[2].lower())
        if len(self._path) > _DEPTH_MAX:
            raise NoSitemap("too deep")
        if len(self._path) == 1:
            if self._path[0] not in {"urlset", "sitemapindex"}:
                raise NoSitemap(self._path[0][:40])
            self.kind = "index" if self._path[0] == "sitemapindex" else "pages"
        self._words.clear()

    def data(self, words: str) -> None:
        if self._path[-1:] == ["loc"]:
            self._words.append(words)

    def end(self, _: str) -> None:
        if self._path[1:] in (["url", "loc"], ["sitemap", "loc"]):
            address = "".join(self._words).strip()
            if 0 < len(address) <= _ADDRESS_CHARACTERS_MAX and len(self.addresses) < ADDRESSES_MAX:
                self.addresses.append(address)
        self._path.pop()

    def close(self) -> None:
        return


def read_sitemap(content: bytes) -> dict[str, Any]:
    """`kind` (index or pages) and `addresses`; raises `NoSitemap`."""
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(content)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_xml(content)
    return _read_lines(content)


def _unpacked(content: bytes) -> bytes:
    unpack = zlib.decompressobj(_GZIP)
    try:
        found = unpack.decompress(content, UNPACKED_BYTES_MAX)
    except zlib.error:
        raise NoSitemap("damaged gzip") from None
    if not unpack.eof:
        raise NoSitemap("cut off, or too large when it is unpacked")
    return found


def _read_xml(content: bytes) -> dict[str, Any]:
    found = _Locations()
    # No document type, so no entity of its own; and this process may use little of anything.
    parser = XMLParser(target=found)  # noqa: S314
    try:
        parser.feed(content)
        parser.close()
    except ParseError:
        raise NoSitemap("damaged XML") from None
    return {"kind": found.kind, "addresses": found.addresses}


def _read_lines(content: bytes) -> dict[str, Any]:
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    addresses = [line for line in lines if line]
    if not addresses or not all(line.startswith(("http://", "https://")) for line in addresses):
        raise NoSitemap("neither XML nor a list of addresses")
    return {"kind": "pages", "addresses": addresses[:ADDRESSES_MAX]}


def answer(content: bytes) -> dict[str, Any]:
    """What the parent hears."""
    try:
        return read_sitemap(content)
    except NoSitemap as refusal:
        return {"refused": str(refusal)}


def main() -> None:
    """Limit, read, answer."""
    said = os.dup(1)
    os.dup2(2, 1)
    limit_self(int(sys.argv[1]), int(sys.argv[2]))
    found = answer(sys.stdin.buffer.read())
    with os.fdopen(said, "wb") as out:
        out.write(json.dumps(found).encode("ascii"))


if __name__ == "__main__":
    main()
