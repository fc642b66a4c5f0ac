"""A small warm process that forks one limited child for each foreign file.

Starting Python and importing a parser costs far more than reading a small file, so both are done
once. The server itself never looks at a file: it passes descriptors on, waits for its children and
tells how they ended. Run as `python -I -m rag_indexer.parser_server CONTROL_DESCRIPTOR`.

A request is one datagram of JSON (`name`, `address_space_bytes`, `cpu_seconds`) with three
descriptors: the file, where the child writes its answer, and a status socket. On that socket the
server says the exit code; closing its other end ends the child and all of its process group.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rag_indexer.file_type import BY_EXTENSION
from rag_indexer.parser_child import answer, loader_of
from rag_indexer.parser_limits import die_with_parent, limit_self

REQUEST_MAX_BYTES = 4096
_DESCRIPTORS = 3
_IN, _OUT = 0, 3

Work = Callable[[dict[str, Any], bool], None]


@dataclass
class _Child:
    pid: int
    status: socket.socket
    abandoned: bool = False


def read_file(request: dict[str, Any], isolated: bool) -> None:
    """What a child does: read the file on descriptor 0, answer on descriptor 3."""
    with os.fdopen(_OUT, "wb") as out:
        answer(_IN, request["name"], out, isolated)


class ParserServer:
    """Forks, watches, kills and reaps; ends when its control socket is closed."""

    def __init__(self, control: socket.socket, work: Work = read_file) -> None:
        self._control = control
        self._work = work
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._ended, self._wakeup = socket.socketpair()
        self._warm: set[str] = set()

    def serve(self) -> None:
        """Until nobody is there to ask."""
        for end in (self._ended, self._wakeup):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup.fileno())
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._ended, selectors.EVENT_READ)
        gc.freeze()
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._take():
                        return self._end()
                elif key.fileobj is self._ended:
                    self._reap()
                else:
                    self._hung_up(key.data)

    def _take(self) -> bool:
        request, descriptors, *_ = socket.recv_fds(self._control, REQUEST_MAX_BYTES, _DESCRIPTORS)
        if not request:
            return False
        said = json.loads(request)
        self._prepare(said["name"])
        file, out, status_descriptor = descriptors
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(said, file, out, server)
        os.close(file)
        os.close(out)
        status = socket.socket(fileno=status_descriptor)
        status.setblocking(False)
        child = self._children[pid] = _Child(pid, status)
        self._selector.register(status, selectors.EVENT_READ, child)
        return True

    def _prepare(self, name: str) -> None:
        """Import what a file of this name will need, once and before the fork."""
        suffix = PurePath(name).suffix.lower()
        if suffix in BY_EXTENSION and suffix not in self._warm:
            loader_of(BY_EXTENSION[suffix])
            self._warm.add(suffix)
            gc.freeze()

    def _be_child(self, request: dict[str, Any], file: int, out: int, server: int) -> None:
        """Never returns: what the server holds is closed, then the limits hold, then work."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            # Above both targets first: a descriptor given may be the very number that is a target.
            high = [os.dup(one) for one in (file, out)]
            os.dup2(high[0], _IN)
            os.dup2(high[1], _OUT)
            os.closerange(_OUT + 1, os.sysconf("SC_OPEN_MAX"))
            isolated = limit_self(request["address_space_bytes"], request["cpu_seconds"])
            die_with_parent(server)
            self._work(request, isolated)
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._ended.recv(4096):
                continue
        for child in list(self._children.values()):
            # Looked at without being reaped: the number stays the child's until its group is dead.
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            self._kill(child)
            _, status = os.waitpid(child.pid, 0)
            del self._children[child.pid]
            if not child.abandoned:
                self._selector.unregister(child.status)
            with suppress(OSError):
                child.status.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
            child.status.close()

    def _hung_up(self, child: _Child) -> None:
        """Nobody waits any more. The end of the child is then seen as any other end."""
        if self._children.get(child.pid) is not child:
            return  # Its end was seen in the same look.
        self._selector.unregister(child.status)
        child.abandoned = True
        self._kill(child)

    def _kill(self, child: _Child) -> None:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(child.pid, signal.SIGKILL)

    def _end(self) -> None:
        for child in self._children.values():
            self._kill(child)


def main(work: Work = read_file) -> None:
    """Serve the socket whose descriptor is the last argument."""
    ParserServer(socket.socket(fileno=int(sys.argv[-1])), work).serve()


if __name__ == "__main__":
    main()
