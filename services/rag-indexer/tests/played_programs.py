"""Other programs in the place of the loaders, in the same child under the same limits."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag_indexer import parser_client
from rag_indexer.parsed import Unreadable
from rag_indexer.parser_client import RunningServer
from rag_indexer.parser_process import ParserLimits, parse_file

LIMITS = ParserLimits(cpu_seconds=20, wall_seconds=30)
INSTEAD = """
import json, os, sys, time
from rag_indexer.parser_server import main
def say(**found):
    os.write(3, json.dumps(found).encode() + b"\\n")
def refuse(detail):
    say(code="no_text", detail=str(detail))
def work(request, isolated):
    exec({program!r}, globals())
main(work)
"""

Play = Callable[[str], RunningServer]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Put another program in the place of the loaders, in the same child under the same limits."""
    started: list[RunningServer] = []

    def start(program: str) -> RunningServer:
        other = RunningServer([sys.executable, "-I", "-c", INSTEAD.format(program=program)])
        started.append(other)
        monkeypatch.setattr(parser_client, "_running", other)
        monkeypatch.setattr(parser_client, "_owner", os.getpid())
        return other

    yield start
    for one in started:
        one.close()


async def refusal(limits: ParserLimits = LIMITS, content: bytes = b"words") -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        await parse_file(content, "a.txt", limits)
    return caught.value


def still_runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
