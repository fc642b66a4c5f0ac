"""The parser server as this process sees it: started when first needed, and again when lost."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
_STOP_SECONDS = 5.0
COMMAND = (sys.executable, "-I", "-m", "rag_indexer.parser_server")


class ServerLost(Exception):
    """The parser server ended; another one is started by the next question."""


class RunningServer:
    """One server process, and the socket that it listens to. It ends when that is closed."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the server; its children are of this parent."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        """Have a child started; blocks while the server is busy importing."""
        try:
            socket.send_fds(self._control, [json.dumps(request).encode("ascii")], descriptors)
        except OSError as gone:
            raise ServerLost(str(gone)) from gone

    def close(self) -> None:
        """End the server and whatever it runs."""
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_lock = threading.Lock()
_running: RunningServer | None = None
_owner = 0


def server() -> RunningServer:
    """The server of this process."""
    global _running, _owner
    with _lock:
        if _running is not None and (_owner != os.getpid() or not _running.alive()):
            with suppress(OSError):
                _running.close()
            _running = None
        if _running is None:
            _running, _owner = RunningServer(), os.getpid()
        return _running
