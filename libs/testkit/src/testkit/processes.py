"""Services as real processes, that a test may kill, stop and continue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded import free_port
from testkit.polling import eventually

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
PROBE_SECONDS = 2.0
# A child must not inherit what this run was started with, except what finds its programs.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


class ServiceProcess:
    """One running `python -m <module>`; its output goes to `log`."""

    def __init__(self, module: str, environment: Mapping[str, str], folder: Path) -> None:
        self.module = module
        self.environment = dict(environment)
        self.folder = folder
        self.log = folder / f"{module}.log"
        self.admin_url = ""
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; RuntimeError before `start`."""
        if self._child is None:
            raise RuntimeError(f"{self.module} was never started")
        return self._child.pid

    def start(self, **extra: str) -> ServiceProcess:
        """Start it, with extra environment variables for this start only."""
        admin = f"127.0.0.1:{free_port()}"
        self.admin_url = f"http://{admin}"
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        listen = {f"CHAT_{self.module.upper()}_ADMIN_LISTEN": admin}
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env={**inherited, **self.environment, **listen, **extra},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        return self

    def run(self, *arguments: str, timeout_seconds: float = READY_SECONDS) -> None:
        """Run it once with arguments (`migrate`) and fail on a bad exit."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", self.module, *arguments],
            env={**inherited, **self.environment},
            check=False,
            capture_output=True,
            cwd=self.folder,
            timeout=timeout_seconds,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"{self.module} {arguments}: {done.returncode}\n{said[-4000:]}")

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._child is not None and self._child.poll() is None

    def ready(self) -> bool:
        """Tell whether it says that it is ready; AssertionError when it ended instead."""
        if not self.alive():
            raise AssertionError(f"{self.module} ended by itself:\n{self.log_tail()}")
        try:
            url = f"{self.admin_url}/readyz"
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as it:  # noqa: S310
                return bool(it.status == 200)
        except OSError:
            return False

    def wait_ready(self, timeout_seconds: float = READY_SECONDS) -> ServiceProcess:
        """Wait until `/readyz` answers 200."""
        try:
            eventually(self.ready, f"{self.module} ready", timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from error
        return self

    def kill(self) -> None:
        """SIGKILL: no chance to say anything more."""
        self._signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait(STOP_SECONDS)

    def wait_killed(self, timeout_seconds: float = READY_SECONDS) -> int:
        """Wait until a failpoint ended the process and return its exit code (-9 for SIGKILL)."""
        if self._child is None:
            raise RuntimeError(f"{self.module} was never started")
        return self._child.wait(timeout_seconds)

    def pause(self) -> None:
        """SIGSTOP: it neither works nor knows."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def terminate(self, timeout_seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, wait for the drain, return the exit code; SIGKILL at the deadline."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if self._child is None:
            return 0
        try:
            return self._child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def restart(self, **extra: str) -> ServiceProcess:
        """Kill it if it lives, start it again and wait until it is ready."""
        self.kill()
        return self.start(**extra).wait_ready()

    def restart_armed(self, **failpoints: str) -> ServiceProcess:
        """Restart it with failpoints armed; it may hit one before it is even ready."""
        self.kill()
        self.start(**failpoints)
        eventually(lambda: not self.alive() or self.ready_now(), "ready or dead", READY_SECONDS)
        return self

    def ready_now(self) -> bool:
        """Tell whether it says that it is ready; False too when it does not run."""
        try:
            return self.alive() and self.ready()
        except AssertionError:
            return False

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines that it logged."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def log_records(self) -> list[dict[str, Any]]:
        """Return the lines of its log that are JSON."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            os.kill(self._child.pid, number)


class ProcessHarness:
    """Starts processes and ends all of them when the test is over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, ServiceProcess] = {}

    def spawn(
        self, module: str, environment: Mapping[str, str], *, name: str = "", **extra: str
    ) -> ServiceProcess:
        """Start `python -m <module>`; a second one of the same module needs a `name`."""
        folder = self.folder / (name or module)
        folder.mkdir(parents=True, exist_ok=True)
        process = ServiceProcess(module, environment, folder)
        self.running[name or module] = process
        return process.start(**extra)

    def __getitem__(self, name: str) -> ServiceProcess:
        return self.running[name]

    def wait_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Wait until every process is ready."""
        deadline = time.monotonic() + timeout_seconds
        for process in self.running.values():
            process.wait_ready(max(1.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Stop all of them at once: politely, then for good."""
        for process in self.running.values():
            process.resume()
            if process.alive():
                os.kill(process.pid, signal.SIGTERM)
        for process in self.running.values():
            process.terminate(10.0)
