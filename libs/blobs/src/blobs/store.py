"""A content-addressed store over obstore: the same calls for a folder, S3 and memory."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from blobs.errors import BlobCorrupt, BlobMissing, InvalidBlobAddress

_PIECE_BYTES: Final = 1024 * 1024
_STREAMED_BYTES: Final = 256 * 1024
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """Immutable byte strings, filed under the sha256 of their content."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str) -> Self:
        """Open `file:///folder`, `s3://bucket/prefix` or `memory://`.

        S3 credentials, region and endpoint come from the usual `AWS_…` environment variables.
        """
        parts = urlsplit(url)
        if parts.scheme == "memory":
            return cls(MemoryStore())
        if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
            folder = Path(unquote(parts.path))
            return cls(LocalStore(folder, mkdir=True))
        if parts.scheme == "s3" and parts.netloc:
            return cls(S3Store(parts.netloc, prefix=parts.path.strip("/") or None))
        raise InvalidBlobAddress(
            f"blob store {parts.scheme or 'without scheme'}: use file:///folder, "
            "s3://bucket/prefix or memory://"
        )

    async def put(self, data: bytes) -> str:
        """Store the bytes and return their sha256 in hex; storing twice is storing once.

        The bytes appear under their name only when all of them are written.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if not await self.exists(sha256):
            await obstore.put_async(self._store, _path(sha256), data)
        return sha256

    async def put_file(self, file: BinaryIO) -> str:
        """Store a seekable file, piece by piece, and return its sha256; else as `put`.

        For what is too large to be held in memory.
        """
        sha256 = await asyncio.to_thread(_digest, file)
        if not await self.exists(sha256):
            file.seek(0)
            await obstore.put_async(self._store, _path(sha256), file)
        return sha256

    async def get(self, sha256: str) -> bytes:
        """Read the bytes; BlobMissing if there are none, BlobCorrupt if they were changed."""
        try:
            answer = await obstore.get_async(self._store, _path(sha256))
            data = bytes(await answer.bytes_async())
        except (FileNotFoundError, NotFoundError):
            raise BlobMissing(sha256) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobCorrupt(sha256)
        return data

    async def size(self, sha256: str) -> int:
        """How many bytes the blob has; BlobMissing if there is none."""
        try:
            found = await obstore.head_async(self._store, _path(sha256))
        except (FileNotFoundError, NotFoundError):
            raise BlobMissing(sha256) from None
        return found["size"]

    async def pieces(
        self, sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read all, or [start, end), bit by bit, for what is too large for memory; else as `get`.

        Only the whole is proven: its last piece comes when the hash of all of them fits.
        """
        part = None if end is None else (start, end)
        digest, held = hashlib.sha256(), b""
        try:
            answer = await obstore.get_async(
                self._store, _path(sha256), options={"range": part} if part else None
            )
            async for piece in answer.stream(min_chunk_size=_STREAMED_BYTES):
                if held:
                    yield held
                held = bytes(piece)
                digest.update(held)
        except (FileNotFoundError, NotFoundError):
            raise BlobMissing(sha256) from None
        if part is None and digest.hexdigest() != sha256:
            raise BlobCorrupt(sha256)
        yield held

    async def exists(self, sha256: str) -> bool:
        """Whether a blob of this hash is stored."""
        try:
            await obstore.head_async(self._store, _path(sha256))
        except (FileNotFoundError, NotFoundError):
            return False
        return True

    async def delete(self, sha256: str) -> None:
        """Remove the blob; removing what is not there is no error."""
        try:
            await obstore.delete_async(self._store, _path(sha256))
        except (FileNotFoundError, NotFoundError):
            return


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _path(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InvalidBlobAddress("a blob is named by 64 lower-case hexadecimal digits")
    return f"sha256/{sha256[:2]}/{sha256}"
