"""The bytes of one foreign file, mapped and never copied, for loaders of every kind."""

import io
import mmap
import os
from typing import BinaryIO


class FileSource:
    """A file by its descriptor: `content` to slice and search, `stream` or `path` for libraries."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(os.dup(descriptor), "rb")
        self.size = os.fstat(descriptor).st_size
        # An empty file cannot be mapped.
        self.content: mmap.mmap | bytes = (
            mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if self.size else b""
        )

    @property
    def path(self) -> str:
        """A name for libraries that open files themselves, as long as this object lives."""
        return f"/proc/self/fd/{self._file.fileno()}"

    @classmethod
    def of_bytes(cls, content: bytes) -> "FileSource":
        """Bytes at hand as a file: anonymous, in memory."""
        descriptor = memory_file(content)
        try:
            return cls(descriptor)
        finally:
            os.close(descriptor)

    def stream(self) -> BinaryIO:
        """The file from its beginning, with a position of its own."""
        return io.BufferedReader(_Window(self.content))


class _Window(io.RawIOBase):
    """A readable, seekable look at bytes that somebody else holds."""

    def __init__(self, content: mmap.mmap | bytes) -> None:
        self._content = content
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self._content)}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        piece = self._content[self._place : self._place + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def memory_file(content: bytes) -> int:
    """A descriptor of an anonymous file that holds `content` and that nobody can change."""
    descriptor = os.memfd_create("document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        _seal(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _seal(descriptor: int) -> None:
    import fcntl

    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
