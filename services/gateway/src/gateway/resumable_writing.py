"""One request that brings bytes of a large file: what has arrived is kept, whatever happens next.

Without a checksum every piece is kept as it comes, so that a broken connection or a killed process
costs a piece at most. With one, nothing counts before all of it fits. The last bytes of a file
count only when it has become a document: a client that lost the answer simply sends them again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Self
from uuid import UUID, uuid4

from starlette.requests import ClientDisconnect

from gateway.problems import Problem, not_found
from gateway.resumable import Checksum, ResumableUpload
from gateway.resumable_pieces import Pieces
from gateway.resumable_store import Piece, ResumableStore
from observe import get_logger
from outbox import Outbox
from postgres import DatabaseAway, Transaction

PIECE_BYTES: Final = 4 * 1024 * 1024
_WRITER_SECONDS: Final = 5.0
_RENEW_SECONDS: Final = 1.5
_IDLE_SECONDS_MAX: Final = 30.0
_log = get_logger("resumable")

Finish = Callable[[ResumableUpload, list[Piece], "Writing"], Awaitable[ResumableUpload]]


class Writing:
    """The right to write one upload, as long as bytes come."""

    def __init__(
        self, outbox: Outbox, store: ResumableStore, pieces: Pieces, upload: ResumableUpload,
        writer: UUID,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._store = store
        self._pieces = pieces
        self._upload = upload
        self._writer = writer
        self._pending: list[Piece] = []
        self._heard_of = True

    @property
    def _end(self) -> int:
        """Where the next byte goes."""
        last = self._pending[-1] if self._pending else None
        return last.offset_bytes + last.size_bytes if last else self._upload.offset_bytes

    async def write(
        self, stream: AsyncIterator[bytes], checksum: Checksum | None, finish: Finish
    ) -> ResumableUpload:
        """Take in what comes, and `finish` the file when it is whole.

        Problems: 413 for more than was announced, 460 for a wrong checksum, 423 when another
        request has taken over, and those of `finish`.
        """
        digest = checksum.begin() if checksum else None
        held = bytearray()
        try:
            async for chunk in self._arriving(stream):
                self._check_size(len(held) + len(chunk))
                held += chunk
                if digest is not None:
                    digest.update(chunk)
                while len(held) > PIECE_BYTES:
                    await self._put(held[:PIECE_BYTES])
                    del held[:PIECE_BYTES]
                    if checksum is None:
                        await self._keep()
        except (ClientDisconnect, TimeoutError):
            if checksum is None and held:
                await self._put(held)
                await self._keep()
            raise Problem(400, "incomplete_body", "The bytes did not arrive whole.") from None
        if checksum is not None and not checksum.fits(digest):
            raise Problem(460, "checksum_mismatch", "The bytes are not those of the checksum.")
        if held:
            await self._put(held)
        return await self._ended(finish)

    async def finished(self, tx: Transaction, document_id: UUID) -> ResumableUpload:
        """In the transaction that keeps the document: the upload is done."""
        finished = await self._store.finish(tx, self._upload, self._writer, document_id)
        if finished is None:
            raise taken_over()
        return finished

    async def _ended(self, finish: Finish) -> ResumableUpload:
        if self._end < self._upload.size_bytes:
            if self._pending:
                await self._keep()
            return self._upload
        async with self._outbox.transaction(self._upload.tenant_id) as tx:
            kept = await self._store.pieces(tx, self._upload.tenant_id, self._upload.upload_id)
        self._upload = await finish(self._upload, [*kept, *self._pending], self)
        return self._upload

    async def _arriving(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS_MAX):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            self._heard_of = True
            yield chunk

    def _check_size(self, size_bytes: int) -> None:
        if self._end + size_bytes > self._upload.size_bytes:
            raise Problem(413, "too_large", "These are more bytes than Upload-Length said.")

    async def _put(self, data: bytearray) -> None:
        piece = await self._pieces.put(self._writer, self._end, data)
        self._pending.append(piece)

    async def _keep(self) -> None:
        try:
            async with self._outbox.transaction(self._upload.tenant_id) as tx:
                upload = await self._store.add(tx, self._upload, self._writer, self._pending)
                if upload is None:
                    raise taken_over()
        except DatabaseAway:
            self._pending = []  # they may count all the same: their bytes must stay
            raise
        self._upload = upload
        self._pending = []

    async def _discard(self) -> None:
        await self._pieces.discard(self._pending)
        self._pending = []

    async def _renew(self) -> None:
        """As long as bytes come, or the file is put together, nobody else may write."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            is_whole = self._end >= self._upload.size_bytes
            if not (self._heard_of or is_whole):
                continue
            self._heard_of = False
            try:
                async with self._outbox.transaction(self._upload.tenant_id) as tx:
                    await self._store.renew(
                        tx, self._upload.upload_id, self._writer, _WRITER_SECONDS
                    )
            except DatabaseAway as error:
                _log.warning("the right to write could not be renewed", reason=str(error))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Self]:
        """Hold the right until the block ends; what does not count then is deleted."""
        renewing = asyncio.create_task(self._renew(), name="resumable-writer")
        try:
            yield self
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            await self._discard()
            async with self._outbox.transaction(self._upload.tenant_id) as tx:
                await self._store.release(tx, self._upload.upload_id, self._writer)


async def begin_writing(
    outbox: Outbox,
    store: ResumableStore,
    pieces: Pieces,
    place: tuple[UUID, UUID],
    offset_bytes: int,
) -> Writing:
    """Take the right to write; 404, 409 for another offset, 423 while another request writes."""
    writer = uuid4()
    async with outbox.transaction(place[0]) as tx:
        upload = await store.claim(tx, *place, writer, offset_bytes, _WRITER_SECONDS)
        there = upload or await store.find(tx, *place)
    if upload is not None:
        return Writing(outbox, store, pieces, upload, writer)
    if there is None:
        raise not_found()
    if there.is_written:
        raise taken_over()
    raise Problem(
        409, "wrong_offset", f"It has {there.offset_bytes} bytes by now; go on from there.",
        headers={"Upload-Offset": str(there.offset_bytes)},
    )  # fmt: skip


def taken_over() -> Problem:
    """Another request writes this upload."""
    return Problem(
        423, "locked", "Another request writes this upload just now.",
        headers={"Retry-After": "1"},
    )  # fmt: skip
