"""Free loopback ports, and one port that a server keeps over its restarts."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 18_000, 32_000

LINGER_SECONDS = 2.0

_CHOOSING = threading.Lock()


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a loopback port on which nobody listens.

    It lies below the range from which outgoing connections take theirs, so that no client holds
    it when a server is started on it again.
    """
    while True:
        port = random.randrange(FIRST_PORT, LAST_PORT)  # noqa: S311 - not a secret
        if is_free(port):
            return port


def kept_port(file: Path, *, usual: int | None = None) -> int:
    """Return the port written in `file` if it is still free, else a new one that is written there.

    Addresses then stay the same from one start to the next. A new one is the `usual` port if that
    is free. Threads that ask for the same file at once get the same port.
    """
    with _CHOOSING:
        if file.exists():
            port = int(file.read_text())
            if _becomes_free(port):
                return port
        port = usual if usual is not None and is_free(usual) else free_port()
        write_port(file, port)
        return port


def _becomes_free(port: int) -> bool:
    """A killed server's sockets outlive it for some milliseconds; a stranger's stay."""
    deadline = time.monotonic() + LINGER_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def write_port(file: Path, port: int) -> None:
    """Write the port so that nobody ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_suffix(f".{os.getpid()}")
    whole.write_text(str(port))
    whole.replace(file)
