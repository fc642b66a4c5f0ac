"""Asks the service of this image whether it is ready; the exit code is the answer.

With a port as the argument it only looks whether something listens there.
"""

import os
import socket
import sys
import urllib.request
from collections.abc import Mapping

TIMEOUT_SECONDS = 3.0


def readiness_url(environment: Mapping[str, str]) -> str:
    """Return where the service of this image says whether it is ready."""
    prefix = f"CHAT_{environment['CHAT_SERVICE'].replace('-', '_').upper()}"
    port = environment.get(f"{prefix}_ADMIN_LISTEN", "0.0.0.0:9000").rpartition(":")[2]
    return f"http://127.0.0.1:{port}/readyz"


def is_ready(url: str) -> bool:
    """Tell whether the address answers 200 in time."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:  # refused, timed out, or an answer that is an error
        return False


def listens(port: int) -> bool:
    """Tell whether something on this machine accepts connections at `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Return 0 when it is well, 1 otherwise."""
    if arguments:
        return 0 if listens(int(arguments[0])) else 1
    return 0 if is_ready(readiness_url(os.environ)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
