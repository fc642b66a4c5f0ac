"""The server that forks a child a file: lost, given up, ended."""

import asyncio
import os
import selectors
import socket
from pathlib import Path

import pytest

from rag_indexer import parser_client
from rag_indexer.parser_client import RunningServer, server
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.parser_server import ParserServer, _Child
from testkit import eventually_async

from .played_programs import LIMITS, Play, play, refusal, still_runs

__all__ = ["play"]


def first_child(running: RunningServer) -> int:
    """The process id, 0 while there is none."""
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    return int(children[0]) if children else 0


async def test_a_call_that_is_given_up_takes_its_child_with_it(play: Play) -> None:
    running = play("time.sleep(60)")
    call = asyncio.create_task(parse_file(b"words", "a.txt", LIMITS))
    child = await eventually_async(lambda: first_child(running), "a child at work")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not still_runs(child)
    assert running.alive()


async def test_a_lost_server_is_started_again() -> None:
    assert (await parse_file(b"words", "a.txt", LIMITS)).text == "words"
    first = server()
    first._process.kill()
    first._process.wait()
    assert (await parse_file(b"words", "a.txt", LIMITS)).text == "words"
    assert server().pid != first.pid


async def test_a_file_is_tried_once_more_when_the_server_is_lost_with_it(play: Play) -> None:
    play("os.kill(os.getppid(), 9); time.sleep(60)")
    assert (await parse_file(b"words", "a.txt", LIMITS)).text == "words"


async def test_a_server_that_dies_with_every_file_fails_the_file(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing = "os.kill(os.getppid(), 9); time.sleep(60)"
    play(killing)
    monkeypatch.setattr(parser_client, "RunningServer", lambda: play(killing))
    assert (await refusal()).code == "too_complex"


async def test_children_end_with_their_server(play: Play) -> None:
    running = play("refuse(os.getpid()); time.sleep(60)")
    call = asyncio.create_task(refusal(ParserLimits(wall_seconds=20)))
    child = await eventually_async(lambda: first_child(running), "a child at work")
    call.cancel()
    running._process.kill()
    running._process.wait()
    await eventually_async(lambda: not still_runs(child), "the end of the child")


def test_somebody_who_leaves_as_a_child_ends_takes_nobody_along() -> None:
    """Both are seen in one look at what happened, the child's end first."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    serving = ParserServer(theirs, lambda request, isolated: None)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    status, told = socket.socketpair()
    child = serving._children[pid] = _Child(pid, told)
    serving._selector.register(told, selectors.EVENT_READ, child)
    serving._ended.setblocking(False)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    serving._reap()
    serving._hung_up(child)
    assert (status.recv(64), serving._children) == (b"0", {})
    for one in (control, theirs, status, serving._ended, serving._wakeup):
        one.close()
