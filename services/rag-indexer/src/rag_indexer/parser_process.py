"""Reads one foreign file in a child process of its own, within limits, and hears only text."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass

from observe import get_logger
from rag_indexer.parsed import ParsedDocument, Unreadable

_OUTPUT_MAX_BYTES = 256 * 1024 * 1024
_READ_BYTES = 256 * 1024
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
_TIME_SIGNALS = (signal.SIGXCPU, signal.SIGKILL)

log = get_logger(__name__)


@dataclass(frozen=True)
class ParserLimits:
    """Measured to lose none of 5,077 real files; see docs/decisions/0011-….md."""

    address_space_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: float = 90.0


async def parse_file(content: bytes, name: str, limits: ParserLimits) -> ParsedDocument:
    """The document, or `Unreadable`; a child that hangs or crashes takes nobody with it."""
    child = await asyncio.create_subprocess_exec(
        *_command(name, limits),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.wall_seconds):
            said = await _converse(child, content)
            await child.wait()
    except TimeoutError as late:
        raise Unreadable("timeout", "wall clock") from late
    finally:
        await _end(child)
    return _understand(said, child.returncode or 0)


def _command(name: str, limits: ParserLimits) -> list[str]:
    return [
        sys.executable,
        "-I",
        "-m",
        "rag_indexer.parser_child",
        name.replace("\0", "")[-255:] or "file",
        str(limits.address_space_bytes),
        str(limits.cpu_seconds),
    ]


async def _converse(child: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Feed and listen at once: neither side waits for a full pipe."""
    feeding = asyncio.create_task(_feed(child, content))
    try:
        said = bytearray()
        while chunk := await _stdout(child).read(_READ_BYTES):
            said += chunk
            if len(said) > _OUTPUT_MAX_BYTES:
                raise Unreadable("too_complex", "more text than is heard")
        await feeding
        return bytes(said)
    finally:
        feeding.cancel()


async def _feed(child: asyncio.subprocess.Process, content: bytes) -> None:
    try:
        _stdin(child).write(content)
        await _stdin(child).drain()
        _stdin(child).close()
    except (BrokenPipeError, ConnectionResetError):
        log.info("parser_stopped_reading")


def _stdin(child: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    if child.stdin is None:
        raise RuntimeError("the parser was started without a pipe to it")
    return child.stdin


def _stdout(child: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if child.stdout is None:
        raise RuntimeError("the parser was started without a pipe from it")
    return child.stdout


async def _end(child: asyncio.subprocess.Process) -> None:
    """Nothing of the child's process group outlives the call."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        log.debug("parser_already_gone")
    await child.wait()
    _stdin(child).close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await _stdin(child).wait_closed()
    while await _stdout(child).read(_READ_BYTES):
        continue


def _understand(said: bytes, exit_code: int) -> ParsedDocument:
    if exit_code < 0:
        raise Unreadable(*_death(-exit_code))
    try:
        heard = json.loads(said)
    except ValueError as silence:
        raise Unreadable("too_complex", f"exit code {exit_code}") from silence
    if "document" not in heard:
        raise Unreadable(heard["code"], heard["detail"])
    if not heard["network_isolated"]:
        log.info("parser_kept_network", reason="the kernel refused a network namespace")
    return ParsedDocument.of_json(heard["document"])


def _death(number: int) -> tuple[str, str]:
    name = signal.Signals(number).name
    if number in _TIME_SIGNALS:
        return "timeout", name
    if number in (signal.SIGSEGV, signal.SIGBUS):
        return "corrupt_document", name
    return "too_complex", name
