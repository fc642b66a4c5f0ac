"""Free loopback ports, and one port that a server keeps over its restarts."""

from __future__ import annotations

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 18_000, 32_000


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


def kept_port(file: Path) -> int:
    """Return the port written in `file` if it is still free, else a new one that is written there.

    Addresses then stay the same from one start to the next.
    """
    if file.exists():
        port = int(file.read_text())
        if is_free(port):
            return port
    port = free_port()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(port))
    return port
