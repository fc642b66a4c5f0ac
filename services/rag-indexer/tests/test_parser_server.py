"""The server that forks a child a file: lost, given up, ended."""

import asyncio
from pathlib import Path

import pytest

from rag_indexer import parser_client
from rag_indexer.parser_client import RunningServer, server
from rag_indexer.parser_process import ParserLimits, parse_file
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
