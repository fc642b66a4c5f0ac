"""The supervisor on real processes: starts, starts again, follows changes, takes over, stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatctl.plan import PlannedProcess, load_plan, save_plan
from chatctl.run_folder import RunFolder
from embedded import RecordedProcess
from testkit import eventually

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"


def planned(name: str, code: str = SLEEPER, **environment: str) -> PlannedProcess:
    return PlannedProcess(name, ["-c", code], {"PATH": os.environ["PATH"], **environment}, "")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    folder = RunFolder(tmp_path)
    yield folder
    for process in load_plan(folder):
        record = process.record(folder)
        if record is not None:
            record.stop(0.1)


@pytest.fixture
def supervise(folder: RunFolder) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "chatctl.supervisor", str(folder.path)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def running(folder: RunFolder, name: str) -> RecordedProcess | None:
    record = RecordedProcess.load(folder.processes / f"{name}.json")
    return record if record is not None and record.alive() else None


def test_a_killed_process_is_started_again(folder: RunFolder, supervise) -> None:
    save_plan(folder, [planned("one")])
    supervise()
    first = eventually(lambda: running(folder, "one"), "started")
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: (now := running(folder, "one")) and now.pid != first.pid, "started again")


def test_only_what_changed_is_started_anew(folder: RunFolder, supervise) -> None:
    save_plan(folder, [planned("one"), planned("two")])
    supervise()
    one = eventually(lambda: running(folder, "one"), "one")
    two = eventually(lambda: running(folder, "two"), "two")
    save_plan(folder, [planned("one", MODEL="new"), planned("two")])
    eventually(lambda: (now := running(folder, "one")) and now.pid != one.pid, "one anew")
    assert running(folder, "two") == two


def test_what_left_the_plan_is_stopped(folder: RunFolder, supervise) -> None:
    save_plan(folder, [planned("one"), planned("two")])
    supervise()
    eventually(lambda: running(folder, "two"), "two")
    save_plan(folder, [planned("one")])
    eventually(lambda: running(folder, "two") is None, "two stopped")


def test_a_new_supervisor_takes_over_what_runs(folder: RunFolder, supervise) -> None:
    save_plan(folder, [planned("one")])
    first = supervise()
    one = eventually(lambda: running(folder, "one"), "one")
    first.kill()
    first.wait()
    supervise()
    os.kill(one.pid, signal.SIGKILL)
    eventually(lambda: (now := running(folder, "one")) and now.pid != one.pid, "taken over")


def test_a_wrong_configuration_is_not_tried_for_ever(folder: RunFolder, supervise) -> None:
    count = folder.path / "count"
    code = f"open({str(count)!r}, 'a').write('x'); raise SystemExit(78)"
    save_plan(folder, [planned("one", code), planned("two")])
    child = supervise()
    eventually(lambda: running(folder, "two") and count.exists(), "both started")
    line = child.stdout.readline().decode() if child.stdout else ""
    assert "one says it is configured wrongly" in line
    assert count.read_text() == "x"


def test_sigterm_stops_everything(folder: RunFolder, supervise) -> None:
    save_plan(folder, [planned("one"), planned("two")])
    child = supervise()
    eventually(lambda: running(folder, "two"), "two")
    child.terminate()
    assert child.wait(30) == 0
    assert running(folder, "one") is None
    assert running(folder, "two") is None
    assert not folder.supervisor.exists()
