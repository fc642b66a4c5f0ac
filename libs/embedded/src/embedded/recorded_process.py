"""A process known by a file that says its id, so that a later run can find and stop it."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

POLL_SECONDS = 0.05


class ServerDidNotStart(RuntimeError):
    """A server did not answer in its own protocol before the deadline."""

    def __init__(self, what: str, log: Path | None) -> None:
        tail = ""
        if log is not None and log.exists():
            tail = "\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        super().__init__(f"{what} did not start{tail}")


def _state_and_start(pid: int) -> tuple[str, int] | None:
    """Return the process's state letter and its start in clock ticks after boot, None if gone."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = line.rpartition(")")[2].split()
    return fields[0], int(fields[19])


@dataclass(frozen=True)
class RecordedProcess:
    """A process id together with its start time: a recycled id is never mistaken for it."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Describe the living process `pid`; ProcessLookupError when there is none."""
        found = _state_and_start(pid)
        if found is None:
            raise ProcessLookupError(pid)
        return cls(pid=pid, started_ticks=found[1])

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Read what `save` wrote; None when the file is missing, unreadable or half-written."""
        try:
            held = json.loads(file.read_text())
            return cls(pid=held["pid"], started_ticks=held["started_ticks"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def save(self, file: Path) -> None:
        """Write this process to `file`, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".half")
        half.write_text(json.dumps({"pid": self.pid, "started_ticks": self.started_ticks}))
        half.replace(file)

    def alive(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        self._reap()
        found = _state_and_start(self.pid)
        return found is not None and found[1] == self.started_ticks and found[0] not in "ZX"

    def send(self, number: signal.Signals) -> None:
        """Send a signal if the process still runs."""
        if self.alive():
            # It may end between the look and the signal.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, grace_seconds: float, polite: signal.Signals = signal.SIGTERM) -> bool:
        """Ask it to end, wait, then SIGKILL; True when the polite signal was enough."""
        self.send(polite)
        self.send(signal.SIGCONT)
        if self.wait(grace_seconds):
            return True
        self.send(signal.SIGKILL)
        self.wait(5.0)
        return False

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until the process is gone; False when it still runs at the deadline."""
        deadline = time.monotonic() + timeout_seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _reap(self) -> None:
        """Collect it when it is a dead child of ours, else it would stay a zombie."""
        try:
            os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return
