"""What a file can do to its child process, and what the child can do to anybody else."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from rag_indexer.parser_process import ParserLimits, parse_file
from testkit import eventually_async

from .foreign_files import pdf_of
from .played_programs import LIMITS, Play, play, refusal, still_runs

__all__ = ["play"]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("while True: pass", "timeout"),
        ("time.sleep(60)", "timeout"),
        ("os.close(3); time.sleep(60)", "timeout"),
        ("os.kill(os.getpid(), 11)", "corrupt_document"),
        ("os.abort()", "too_complex"),
        ("raise SystemExit(3)", "too_complex"),
        ("os.write(3, b'not json\\n')", "too_complex"),
        ("os.write(3, b'[1]\\n')", "too_complex"),
        ("say(document={}, text_bytes=5)", "too_complex"),
        ("say(done='x', total=None)", "too_complex"),
        ("b = bytearray(2 * 1024 ** 3)", "too_complex"),
        ("[os.write(3, b'x' * 1000000) for _ in range(300)]", "too_complex"),
    ],
)
async def test_a_child_that_hangs_crashes_or_raves(play: Play, program: str, code: str) -> None:
    play(program)
    started = time.monotonic()
    limits = ParserLimits(cpu_seconds=1, wall_seconds=1.5)
    assert (await refusal(limits, b"words" * 100_000)).code == code
    assert time.monotonic() - started < 10


async def test_a_child_cannot_write_files_or_open_connections(play: Play, tmp_path: Path) -> None:
    target = tmp_path / "written"
    target.touch(mode=0o666)
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    play(
        f"""
import signal, socket
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
reached = []
try:
    with open({str(target)!r}, "w") as out:
        out.write("x")
    reached.append("file")
except OSError:
    pass
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
    reached.append("network")
except OSError:
    pass
refuse(",".join([*reached, "isolated" if {{"isolated": isolated}}["isolated"] else "shared"]))
""".replace('{"isolated": isolated}["isolated"]', "open('/proc/net/dev').read().count(':') < 2")
    )
    detail = (await refusal()).detail
    listening.close()
    assert "file" not in detail
    assert target.read_bytes() == b""
    if os.geteuid() == 0:
        assert detail == "isolated"


async def test_a_child_is_as_limited_as_was_asked(play: Play) -> None:
    play(
        "import resource as r; "
        "refuse([r.getrlimit(one) for one in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, "
        "r.RLIMIT_CORE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC)])"
    )
    limits = ParserLimits(address_space_bytes=300_000_000, cpu_seconds=7, wall_seconds=20)
    wanted = [(300_000_000,) * 2, (7, 9), (0, 0), (0, 0), (64, 64), (0, 0)]
    assert (await refusal(limits)).detail == str(wanted)


async def test_a_grandchild_does_not_outlive_the_call(play: Play) -> None:
    play("child = os.fork()\nif child == 0: time.sleep(60)\nrefuse(child)")
    refused = await refusal(ParserLimits(wall_seconds=3))
    # Anybody but root cannot fork there at all.
    assert refused.code == ("no_text" if os.geteuid() == 0 else "too_complex")
    if refused.code == "no_text":
        # Killed with its parent's group; a busy kernel takes a moment to let go of it.
        await eventually_async(lambda: not still_runs(int(refused.detail)), "its end")


async def test_the_child_knows_no_secrets(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_MASTER_KEYS", "k:secret")
    play("refuse(sorted(os.environ))")
    assert "CHAT" not in (await refusal()).detail


async def test_the_child_holds_nothing_but_its_file_and_its_answer(play: Play) -> None:
    play("refuse(sorted(os.listdir('/proc/self/fd'))[:-1])")
    assert (await refusal()).detail == str(["0", "1", "2", "3"])


async def test_many_files_at_once_keep_to_themselves() -> None:
    names = [f"words of file {number}" for number in range(24)]
    read = await asyncio.gather(*(parse_file(one.encode(), "a.txt", LIMITS) for one in names))
    assert [document.text for document in read] == names


async def test_a_path_is_read_and_its_progress_told(tmp_path: Path) -> None:
    file = tmp_path / "pages.pdf"
    file.write_bytes(pdf_of([[f"Page {number}"] for number in range(1, 31)]))
    seen: list[tuple[int, int]] = []
    document = await parse_file(file, "pages.pdf", LIMITS, lambda *now: seen.append(now))
    assert document.pages == 30
    assert seen[0] == (0, 30)
    assert seen[-1] == (30, 30)
    assert seen == sorted(seen)


async def test_a_missing_path_is_no_word_about_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await parse_file(tmp_path / "gone.pdf", "gone.pdf", LIMITS)
