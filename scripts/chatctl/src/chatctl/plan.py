"""What the supervisor keeps running: written by `up`, read again whenever it changes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chatctl.run_folder import RunFolder
from embedded import RecordedProcess


@dataclass(frozen=True)
class PlannedProcess:
    """One process: how to start it, with which variables, and the address that says it is ready."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    ready_url: str

    def record(self, folder: RunFolder) -> RecordedProcess | None:
        """Return the process that runs under this name, if there is a record of one."""
        return RecordedProcess.load(folder.processes / f"{self.name}.json")

    def alive(self, folder: RunFolder) -> bool:
        """Tell whether it runs."""
        process = self.record(folder)
        return process is not None and process.alive()

    def start(self, folder: RunFolder) -> subprocess.Popen[bytes]:
        """Start it, its output appended to its log, and record it."""
        folder.logs.mkdir(parents=True, exist_ok=True)
        with (folder.logs / f"{self.name}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *self.arguments],
                env=self.environment,
                cwd=folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        RecordedProcess.of(child.pid).save(folder.processes / f"{self.name}.json")
        return child


def save_plan(folder: RunFolder, processes: Iterable[PlannedProcess]) -> None:
    """Write the plan, whole; the running supervisor follows it."""
    folder.write(folder.plan, {"processes": [asdict(process) for process in processes]})


def load_plan(folder: RunFolder) -> list[PlannedProcess]:
    """Return the plan, empty when there is none."""
    return [PlannedProcess(**entry) for entry in folder.read(folder.plan).get("processes", [])]


def changed_at(folder: RunFolder) -> int:
    """Return when the plan was written, in nanoseconds; 0 when there is none."""
    try:
        return folder.plan.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
