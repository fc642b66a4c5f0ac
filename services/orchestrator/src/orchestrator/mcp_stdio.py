"""Talks to an MCP server that runs as our child: a clean environment, bounded lines, bounded life.

The SDK's own transport keeps a line however long it grows, and starts what it is told without
limits; this one takes its place.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
ODD_LINES_MAX: Final = 1_000
"""Lines on its output that are no messages, before it is given up."""

_LIMITS: Final = str(Path(__file__).with_name("child_limits.py"))
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
_EXIT_SECONDS: Final = 0.5

Incoming = MemoryObjectSendStream[SessionMessage | Exception]
Outgoing = MemoryObjectReceiveStream[SessionMessage]


@asynccontextmanager
async def limited_stdio(argv: Sequence[str]) -> AsyncIterator[tuple[Any, Any]]:
    """Start the program and yield its messages' streams; it ends with all of its group."""
    with TemporaryDirectory(prefix="chat-mcp-") as home:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", _LIMITS, *argv,
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=home,
            env=_environment(home), limit=LINE_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
        try:
            incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
            write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
            async with anyio.create_task_group() as tasks, read, write:
                tasks.start_soon(_read, process, incoming)
                tasks.start_soon(_write, process, outgoing, incoming)
                try:
                    yield read, write
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


def _environment(home: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "HOME": home, "TMPDIR": home}


async def _read(process: Process, incoming: Incoming) -> None:
    assert process.stdout is not None
    odd = 0
    async with incoming:
        # A line beyond the bound, or an end: either way nothing more is heard.
        with suppress(ValueError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while line := await process.stdout.readline():
                message = _message(line)
                if message is not None:
                    await incoming.send(message)
                    continue
                odd += 1
                if odd > ODD_LINES_MAX:
                    return


def _message(line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _write(process: Process, outgoing: Outgoing, incoming: Incoming) -> None:
    assert process.stdin is not None
    async with outgoing:
        try:
            async for message in outgoing:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
        except (OSError, anyio.ClosedResourceError):
            # It may live on without hearing us: whoever waits for its answer waits in vain.
            await incoming.aclose()


async def _end(process: Process) -> None:
    """Close its input, then end its whole group, by force if it must be."""
    if process.stdin is not None:
        process.stdin.close()
    for sign in (None, signal.SIGTERM, signal.SIGKILL):
        if sign is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_SECONDS):
                await process.wait()
                break
    # The program may be gone and its children not.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Whoever still holds the other end of its output: nobody listens any more.
    transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]  # noqa: SLF001
    transport.close()
    await asyncio.sleep(0)
