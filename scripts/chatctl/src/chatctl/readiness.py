"""Waiting until processes say that they are ready, with the reason when one never does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import aiohttp

from chatctl.plan import PlannedProcess
from chatctl.run_folder import RunFolder

LOOK_SECONDS = 0.15
PROBE_SECONDS = 3.0
LOG_LINES = 12


class NotReady(RuntimeError):
    """A process did not become ready; the message names it and ends with its log."""


async def is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    """Tell whether this address answers 200."""
    try:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=PROBE_SECONDS)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def wait_ready(
    folder: RunFolder,
    processes: list[PlannedProcess],
    timeout_seconds: float,
    progress: Callable[[int, int], None] = lambda _ready, _all: None,
) -> None:
    """Wait until all of them are ready; NotReady with the last lines of a log at the deadline."""
    waiting = {process.name: process for process in processes}
    deadline = time.monotonic() + timeout_seconds
    async with aiohttp.ClientSession() as http:
        while waiting:
            names = list(waiting)
            found = await asyncio.gather(*(is_ready(http, waiting[n].ready_url) for n in names))
            for name, ready in zip(names, found, strict=True):
                if ready:
                    del waiting[name]
            progress(len(processes) - len(waiting), len(processes))
            if waiting and time.monotonic() > deadline:
                raise NotReady(explanation(folder, list(waiting)))
            if waiting:
                await asyncio.sleep(LOOK_SECONDS)


def explanation(folder: RunFolder, names: list[str]) -> str:
    """Return which processes are not ready, and what the first one logged last."""
    log = folder.logs / f"{names[0]}.log"
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
    said = dict.fromkeys(readable(line) for line in lines)
    tail = "\n".join(f"  {line}" for line in said) or "  it logged nothing"
    return f"not ready: {', '.join(names)}\n{log}:\n{tail}"


def readable(line: str) -> str:
    """Return a log line for a person: its event and the last line of its exception."""
    try:
        held = json.loads(line)
        cause = str(held.get("exception", "")).strip().rpartition("\n")[2]
        return f"{held['level']}: {held['event']}{f' ({cause})' if cause else ''}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
