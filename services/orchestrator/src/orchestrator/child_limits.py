"""Run as a script, `child_limits.py program arguments…`: limits this process, then becomes it."""

import ctypes
import os
import resource
import signal
import sys

_CPU_SECONDS = 600
_DATA_BYTES = 1024 * 1024 * 1024
_FILE_BYTES = 64 * 1024 * 1024
_OPEN_FILES = 256
_PR_SET_PDEATHSIG = 1


def limit() -> None:
    """Bound what the program may take, and let it end with its parent."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    os.nice(5)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    limit()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - from the operator's list, without a shell
