"""Content encodings undone piece by piece, and never beyond a size."""

import zlib
from collections.abc import Iterator
from typing import Final

_PIECE_BYTES: Final = 64 * 1024
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_GZIP_BEGINS: Final = b"\x1f"


class UnknownPacking(ValueError):
    """An encoding that was not asked for, or bytes that are not what it says."""


class PackedTooWell(ValueError):
    """It unpacks to more than is allowed."""


class Unpacker:
    """Undoes one `Content-Encoding`: none, identity, gzip or deflate."""

    def __init__(self, encoding: str | None, bytes_max: int) -> None:
        name = (encoding or "identity").strip().lower()
        if name not in {"identity", "gzip", "x-gzip", "deflate"}:
            raise UnknownPacking(name[:40])
        self._left = bytes_max
        self._packed = name != "identity"
        self._begun = False
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)

    def take(self, piece: bytes) -> Iterator[bytes]:
        """What the piece unpacks to, in small pieces; stops by PackedTooWell at the cap."""
        if not self._packed:
            yield self._counted(piece)
            return
        full = False
        while piece or full:
            if self._inflate.eof:
                # Another member may follow; what else stands there is padding.
                if not piece.startswith(_GZIP_BEGINS):
                    return
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._begun = True
            try:
                unpacked = self._inflate.decompress(piece, _PIECE_BYTES)
            except zlib.error:
                raise UnknownPacking("damaged") from None
            full = len(unpacked) == _PIECE_BYTES
            yield self._counted(unpacked)
            ended = self._inflate.eof
            piece = self._inflate.unused_data if ended else self._inflate.unconsumed_tail

    def end(self) -> None:
        """The last piece was given; raises UnknownPacking when something is missing."""
        if self._begun and not self._inflate.eof:
            raise UnknownPacking("incomplete")

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise PackedTooWell
        return piece
