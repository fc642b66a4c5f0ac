"""Pieces of large files in blobs: put aside by any gateway, put together by another, taken away."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import BinaryIO, Final
from uuid import UUID

from blobs import Blobs
from gateway.resumable_store import Piece, ResumableStore
from postgres import Database

_HEAD_BYTES: Final = 24
_PROBED_HEAD_BYTES: Final = 1024 * 1024
_PROBED_TAIL_BYTES: Final = 8 * 1024 * 1024


class PiecesMissing(Exception):
    """Bytes in the middle of a file, or at its end, are known to nobody."""


class Pieces:
    """The bytes of uploads that are not whole yet.

    A piece is stored behind its writer's id and its place: so no two uploads share one, nor two
    requests that bring the same bytes, and a piece can be deleted when its writer has failed.
    """

    def __init__(self, database: Database, store: ResumableStore, blobs: Blobs) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs
        self._assembling = asyncio.Semaphore(2)

    async def put(self, writer: UUID, offset_bytes: int, data: bytes | bytearray) -> Piece:
        """Store some bytes."""
        head = writer.bytes + offset_bytes.to_bytes(8, "big")
        sha256 = await self._blobs.put(b"".join((head, data)))
        return Piece(offset_bytes, len(data), sha256)

    @asynccontextmanager
    async def assembled(self, pieces: Sequence[Piece], size_bytes: int) -> AsyncIterator[BinaryIO]:
        """The whole, on disk until the block ends; PiecesMissing, BlobMissing, BlobCorrupt."""
        end = 0
        for piece in pieces:
            if piece.offset_bytes != end:
                break
            end += piece.size_bytes
        if end != size_bytes:
            raise PiecesMissing
        async with self._assembling:
            with tempfile.TemporaryFile() as file:
                for piece in pieces:
                    data = await self._blobs.get(piece.sha256)
                    await asyncio.to_thread(file.write, memoryview(data)[_HEAD_BYTES:])
                yield file

    async def discard(self, pieces: Sequence[Piece]) -> None:
        """Delete their bytes."""
        for piece in pieces:
            await self._blobs.delete(piece.sha256)

    async def clear(self, tenant_id: UUID, upload_id: UUID) -> None:
        """Delete the bytes of an upload that is done or ended."""
        async with self._database.transaction(tenant_id) as tx:
            pieces = await self._store.pieces(tx, tenant_id, upload_id)
        await self.discard(pieces)
        async with self._database.transaction(tenant_id) as tx:
            await self._store.drop_pieces(tx, tenant_id, upload_id)

    async def forget_expired(self) -> int:
        """Take away what nobody goes on with; says how many uploads."""
        forgotten = 0
        while True:
            async with self._database.system() as tx:
                expired = await self._store.expired(tx)
            for tenant_id, upload_id in expired:
                await self.clear(tenant_id, upload_id)
                async with self._database.transaction(tenant_id) as tx:
                    await self._store.delete(tx, tenant_id, upload_id)
            forgotten += len(expired)
            if not expired:
                return forgotten


def probe(file: BinaryIO, size_bytes: int, whole_bytes_max: int) -> bytes:
    """What tells the type: all of a small file, beginning and end of a large one.

    A ZIP's list of entries stands at its end, and is found there without what is left out.
    """
    file.seek(0)
    if size_bytes <= max(whole_bytes_max, _PROBED_HEAD_BYTES + _PROBED_TAIL_BYTES):
        return file.read()
    head = file.read(_PROBED_HEAD_BYTES)
    file.seek(size_bytes - _PROBED_TAIL_BYTES)
    return head + file.read()
