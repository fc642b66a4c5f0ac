"""What a child process that reads foreign files gives up before it looks at one."""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES_MAX = 64
_GRACE_SECONDS = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


def limit_self(address_space_bytes: int, cpu_seconds: int) -> bool:
    """Give up memory, time, file writes, children and network; True if the network is gone."""
    _be_killed_first()
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    isolated = _leave_network()
    for limit, soft, hard in (
        (resource.RLIMIT_AS, address_space_bytes, address_space_bytes),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + _GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES_MAX, _OPEN_FILES_MAX),
        # Does not bind root; there the process group is what ends grandchildren.
        (resource.RLIMIT_NPROC, 0, 0),
    ):
        resource.setrlimit(limit, (soft, hard))
    return isolated


def die_with_parent(parent: int) -> None:
    """Be killed when the process `parent` ends; end at once when it already has."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _be_killed_first() -> None:
    """When memory runs out the kernel takes this process and not the service."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _leave_network() -> bool:
    """As root one flag is enough; an ordinary user needs a user namespace of its own."""
    return any(
        _LIBC.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )
