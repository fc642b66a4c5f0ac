"""From a stored file to its text: records here, foreign files in a child process."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from blobs import Blobs
from rag_indexer.domain import RECORD_KINDS
from rag_indexer.job_store import Job
from rag_indexer.parsed import ParsedDocument, Progress
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.record_text import read_record

IN_MEMORY_BYTES = 4 * 1024 * 1024
_PLAIN = "text/plain"


class Reader:
    """Reads at most `at_once` foreign files at a time: each may need all the memory it is given."""

    def __init__(self, blobs: Blobs, limits: ParserLimits, at_once: int) -> None:
        self._blobs = blobs
        self._limits = limits
        self._gate = asyncio.Semaphore(at_once)

    async def read(self, job: Job, on_progress: Progress | None = None) -> ParsedDocument:
        """The document; raises `Unreadable`, `BlobMissing` or `BlobCorrupt`."""
        if job.document_kind in RECORD_KINDS:
            return await self.read_record(job)
        async with self._gate:
            if job.size_bytes <= IN_MEMORY_BYTES:
                content = await self._blobs.get(job.sha256)
                return await parse_file(content, job.file_name, self._limits, on_progress)
            async with self._file(job.sha256) as path:
                return await parse_file(path, job.file_name, self._limits, on_progress)

    async def read_record(self, job: Job) -> ParsedDocument:
        """A record that the platform wrote."""
        content = await self._blobs.get(job.sha256)
        if len(content) <= IN_MEMORY_BYTES // 64:
            return read_record(content, job.declared_type or _PLAIN)
        return await asyncio.to_thread(read_record, content, job.declared_type or _PLAIN)

    @asynccontextmanager
    async def _file(self, sha256: str) -> AsyncIterator[Path]:
        """The blob in a file without a name: whatever happens to this process, it goes along."""
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            async for piece in self._blobs.pieces(sha256):
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.flush)
            yield Path(f"/proc/self/fd/{file.fileno()}")
