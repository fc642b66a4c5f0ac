"""Reads one foreign file in a child process of its own, within limits, and hears only text."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observe import get_logger
from rag_indexer.file_source import memory_file
from rag_indexer.parsed import ParsedDocument, Progress, Unreadable
from rag_indexer.parser_client import ServerLost, server

_OUTPUT_MAX_BYTES = 256 * 1024 * 1024
_READ_BYTES = 256 * 1024
_LINE_MAX_BYTES = 32 * 1024 * 1024
_KILL_SECONDS = 10.0
_STARTS = 2
_TIME_SIGNALS = (signal.SIGXCPU, signal.SIGKILL)

log = get_logger(__name__)


@dataclass(frozen=True)
class ParserLimits:
    """Measured to lose none of 5,077 real files; see docs/decisions/0012-….md."""

    address_space_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: float = 90.0


async def parse_file(
    source: bytes | Path,
    name: str,
    limits: ParserLimits,
    on_progress: Progress | None = None,
) -> ParsedDocument:
    """The document, or `Unreadable`; a child that hangs or crashes takes nobody with it.

    A path is opened and its descriptor given to the child: its bytes never pass through here.
    """
    file = await asyncio.to_thread(_open, source)
    try:
        for _ in range(_STARTS):
            try:
                return await _read(file, name, limits, on_progress)
            except ServerLost as lost:
                log.warning("parser_server_lost", error=str(lost))
    finally:
        os.close(file)
    raise Unreadable("too_complex", "the parser server was lost twice")


def _open(source: bytes | Path) -> int:
    if isinstance(source, bytes):
        return memory_file(source)
    return os.open(source, os.O_RDONLY | os.O_CLOEXEC)


async def _read(
    file: int, name: str, limits: ParserLimits, on_progress: Progress | None
) -> ParsedDocument:
    request = {
        "name": name.replace("\0", "")[-255:] or "file",
        "address_space_bytes": limits.address_space_bytes,
        "cpu_seconds": limits.cpu_seconds,
    }
    hearing = _Hearing(on_progress)
    async with _child(request, file) as (said, status):
        try:
            async with asyncio.timeout(limits.wall_seconds):
                await _hear(said, hearing)
                exit_code = await _exit_code(status)
        except TimeoutError as late:
            raise Unreadable("timeout", "wall clock") from late
    return _understand(hearing, exit_code)


@asynccontextmanager
async def _child(
    request: dict[str, Any], file: int
) -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    """A child at work, by what it says and how it ends; nothing of it outlives the block."""
    said, out = socket.socketpair()
    status, told = socket.socketpair()
    with closing(said), closing(status):
        for own in (said, status):
            own.setblocking(False)
        with closing(out), closing(told):
            await asyncio.to_thread(server().ask, request, (file, out.fileno(), told.fileno()))
        try:
            yield said, status
        finally:
            await _end(status)


async def _hear(said: socket.socket, hearing: "_Hearing") -> None:
    loop = asyncio.get_running_loop()
    while piece := await loop.sock_recv(said, _READ_BYTES):
        hearing.add(piece)


async def _exit_code(status: socket.socket) -> int:
    told = await asyncio.get_running_loop().sock_recv(status, 64)
    if not told:
        raise ServerLost("no exit code")
    return int(json.loads(told))


async def _end(status: socket.socket) -> None:
    """Have the child and its group killed, and wait until they are gone."""
    try:
        status.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(_KILL_SECONDS):
            while await asyncio.get_running_loop().sock_recv(status, 64):
                continue
    except (TimeoutError, OSError) as trouble:
        log.debug("parser_end_unseen", error=repr(trouble))


class _Hearing:
    """What a child says, piece by piece: lines of progress, one line of the document, its text."""

    def __init__(self, on_progress: Progress | None) -> None:
        self._on_progress = on_progress
        self._heard = bytearray()
        self._line_seen = 0
        self.answer: dict[str, Any] | None = None

    def add(self, piece: bytes) -> None:
        """Hear one more piece; raises `Unreadable` when it is more than is heard at all."""
        self._heard += piece
        if len(self._heard) > _OUTPUT_MAX_BYTES:
            raise Unreadable("too_complex", "more text than is heard")
        while self.answer is None:
            end = self._heard.find(b"\n", self._line_seen)
            if end < 0:
                self._line_seen = len(self._heard)
                if self._line_seen > _LINE_MAX_BYTES:
                    raise Unreadable("too_complex", "a longer line than is heard")
                return
            self._understand_line(bytes(self._heard[:end]))
            del self._heard[: end + 1]
            self._line_seen = 0

    def _understand_line(self, line: bytes) -> None:
        try:
            heard = json.loads(line)
            if "done" not in heard:
                self.answer = heard
            elif self._on_progress:
                self._on_progress(int(heard["done"]), int(heard["total"]))
        except (ValueError, TypeError, KeyError) as raving:
            raise Unreadable("too_complex", "the parser raved") from raving

    def document(self) -> ParsedDocument:
        """The document that was heard; raises `Unreadable` with the reason said instead."""
        if self.answer is None:
            raise Unreadable("too_complex", "no answer")
        try:
            if "document" not in self.answer:
                raise Unreadable(self.answer["code"], self.answer["detail"])
            if len(self._heard) != self.answer["text_bytes"]:
                raise Unreadable("too_complex", "half an answer")
            text = self._heard.decode()
            return ParsedDocument.of_parts(self.answer["document"], text)
        except (ValueError, TypeError, KeyError) as raving:
            raise Unreadable("too_complex", "the parser raved") from raving


def _understand(hearing: _Hearing, exit_code: int) -> ParsedDocument:
    if exit_code < 0:
        raise Unreadable(*_death(-exit_code))
    document = hearing.document()
    if hearing.answer and not hearing.answer.get("network_isolated"):
        log.info("parser_kept_network", reason="the kernel refused a network namespace")
    return document


def _death(number: int) -> tuple[str, str]:
    name = signal.Signals(number).name
    if number in _TIME_SIGNALS:
        return "timeout", name
    if number in (signal.SIGSEGV, signal.SIGBUS):
        return "corrupt_document", name
    return "too_complex", name
