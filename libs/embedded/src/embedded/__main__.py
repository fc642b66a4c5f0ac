"""Start, stop or show a set of servers: `python -m embedded start|stop|forget|urls FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from embedded.server_set import ServerSet

USAGE = "usage: python -m embedded start|stop|forget|urls FOLDER [--for-tests]"


def main(arguments: list[str]) -> int:
    """Do one verb on one folder and print the addresses."""
    if len(arguments) < 2:
        print(USAGE, file=sys.stderr)
        return 2
    servers = ServerSet(Path(arguments[1]), durable="--for-tests" not in arguments)
    match arguments[0]:
        case "start":
            servers.start()
        case "stop":
            servers.stop()
            return 0
        case "forget":
            servers.forget()
            return 0
        case "urls":
            pass
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    for name, url in vars(servers.urls()).items():
        print(f"{name}={url}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
