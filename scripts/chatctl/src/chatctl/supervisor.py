"""The one background process of `chatctl up`: starts what the plan says and starts it again.

`python -m chatctl.supervisor`. It follows changes of the plan: a process whose entry changed is
stopped and started anew. SIGTERM ends the services, then the servers. Killed itself, it leaves
everything running, and the next `up` takes over by the recorded process ids.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatctl.plan import PlannedProcess, changed_at, load_plan
from chatctl.run_folder import RunFolder
from embedded import RecordedProcess, ServerSet

LOOK_SECONDS = 0.3
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
DRAIN_SECONDS = 30.0
EXIT_CONFIGURATION = 78


class Watched:
    """One planned process with the history that decides when it is started again."""

    def __init__(self, planned: PlannedProcess, folder: RunFolder) -> None:
        self.planned = planned
        self._folder = folder
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._started = 0.0
        self._not_before = 0.0
        self._misconfigured = False

    def keep_alive(self) -> None:
        """Start it when it does not run and its pause is over."""
        now = time.monotonic()
        if self.planned.alive(self._folder):
            if now - self._started > STEADY_SECONDS:
                self._pause_seconds = FIRST_PAUSE_SECONDS
            return
        if self._misconfigured or now < self._not_before:
            return
        if self._started:
            say(f"{self.planned.name} ended, starting it again")
        child = self.planned.start(self._folder)
        threading.Thread(target=self._note_exit, args=(child.wait,), daemon=True).start()
        self._started = now
        self._not_before = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Let it drain, then make sure that it is gone."""
        process = self.planned.record(self._folder)
        if process is not None:
            process.stop(DRAIN_SECONDS)
        (self._folder.processes / f"{self.planned.name}.json").unlink(missing_ok=True)

    def _note_exit(self, wait: object) -> None:
        code = wait() if callable(wait) else None
        if code == EXIT_CONFIGURATION:
            self._misconfigured = True
            say(f"{self.planned.name} says it is configured wrongly; see its log")


class Supervisor:
    """Follows the plan until it is told to stop."""

    def __init__(self, folder: RunFolder, servers: ServerSet | None) -> None:
        self._folder = folder
        self._servers = servers
        self._watched: dict[str, Watched] = {}
        self._plan_time = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look after everything until SIGTERM, then end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        while not self._stopping.wait(LOOK_SECONDS):
            self._revive_servers()
            self._follow_plan()
            for watched in self._watched.values():
                watched.keep_alive()
        self._end()

    def _revive_servers(self) -> None:
        if self._servers is None:
            return
        for server in self._servers.all:
            if not server.alive() and not self._stopping.is_set():
                say(f"{server.name} ended, starting it again")
                with self._servers.locked():
                    server.start()

    def _follow_plan(self) -> None:
        written = changed_at(self._folder)
        if written == self._plan_time:
            return
        self._plan_time = written
        planned = {process.name: process for process in load_plan(self._folder)}
        changed = [
            watched
            for name, watched in self._watched.items()
            if planned.get(name) != watched.planned
        ]
        stop_all(changed)
        for watched in changed:
            del self._watched[watched.planned.name]
        for name, process in planned.items():
            if name not in self._watched:
                self._watched[name] = Watched(process, self._folder)

    def _end(self) -> None:
        say("stopping")
        stop_all(list(self._watched.values()))
        if self._servers is not None:
            self._servers.stop()
        say("stopped")


def stop_all(watched: list[Watched]) -> None:
    """Stop several at once: each drains on its own time."""
    with ThreadPoolExecutor(max(1, len(watched))) as pool:
        list(pool.map(Watched.stop, watched))


def say(text: str) -> None:
    """Write one line to the supervisor's log."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


def main(arguments: list[str]) -> None:
    """Run in the folder given, with or without servers of its own."""
    folder = RunFolder(Path(arguments[0]))
    RecordedProcess.of(os.getpid()).save(folder.supervisor)
    servers = ServerSet(folder.servers) if "--servers" in arguments else None
    Supervisor(folder, servers).run()
    folder.supervisor.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
