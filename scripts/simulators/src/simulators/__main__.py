"""`python -m simulators meta …` or `python -m simulators providers …`."""

from __future__ import annotations

import importlib
import sys

SIMULATORS = {
    "meta": "simulators.meta.command",
    "providers": "simulators.providers.command",
}
"""Name on the command line -> module with `main(arguments) -> exit code`, imported when asked."""


def main(arguments: list[str]) -> int:
    """Hand the arguments to the simulator that was named."""
    if not arguments or arguments[0] not in SIMULATORS:
        names = " | ".join(SIMULATORS)
        sys.stderr.write(f"usage: python -m simulators {names} [options]  (--help shows them)\n")
        return 2
    name, *rest = arguments
    return int(importlib.import_module(SIMULATORS[name]).main(rest))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
