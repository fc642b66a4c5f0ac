"""A recorded process is known again, and never mistaken for another one with its id."""

from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embedded import RecordedProcess, free_port
from embedded.ports import is_free, kept_port


@pytest.fixture
def child():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_saved_process_is_found_again_and_stopped(child, tmp_path: Path) -> None:
    RecordedProcess.of(child.pid).save(tmp_path / "p.json")
    found = RecordedProcess.load(tmp_path / "p.json")
    assert found is not None
    assert found.alive()
    assert found.stop(5.0)
    assert not found.alive()


def test_a_recycled_id_is_another_process(child) -> None:
    true = RecordedProcess.of(child.pid)
    other = RecordedProcess(pid=true.pid, started_ticks=true.started_ticks - 1)
    assert not other.alive()
    other.stop(0.1)
    assert true.alive()


def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; touch ready; while :; do sleep 0.1; done"
    child = subprocess.Popen(["sh", "-c", script], cwd=tmp_path)
    process = RecordedProcess.of(child.pid)
    while not (tmp_path / "ready").exists():
        assert process.alive()
    assert not process.stop(0.3)
    assert not process.alive()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_record_is_no_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    assert RecordedProcess.load(tmp_path / "p.json") is None


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "port")
    assert kept_port(tmp_path / "port") == port
    assert is_free(free_port())


def test_threads_that_ask_at_once_get_the_same_port(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        for number in range(100):
            file = tmp_path / f"{number}.port"
            assert len(set(pool.map(lambda _, file=file: _port_of(file), range(16)))) == 1


def _port_of(file):
    if not file.exists():
        kept_port(file)
    return int(file.read_text())


def test_a_port_that_is_given_back_in_a_moment_is_kept(tmp_path):
    """A killed server is gone before its sockets are; its clients know no other port."""
    port = kept_port(tmp_path / "port")
    with socket.socket() as lingering:
        lingering.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        lingering.bind(("127.0.0.1", port))
        lingering.listen()
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(kept_port, tmp_path / "port")
            with pytest.raises(TimeoutError):
                again.result(0.3)
            lingering.close()
            assert again.result(5) == port
