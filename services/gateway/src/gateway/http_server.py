"""uvicorn inside our own loop: it listens and serves; signals and draining are the process's."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from gateway.patient_protocol import PatientProtocol

KEEP_ALIVE_SECONDS: Final = 30
DRAIN_SECONDS: Final = 15
SOCKET_FRAME_BYTES_MAX: Final = 256 * 1024


class HttpServer(uvicorn.Server):
    """A server that leaves signals alone."""

    def __init__(self, application: Any, *, host: str, port: int, trusted_proxies: str) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                loop="none",
                http=PatientProtocol,
                ws="websockets-sansio",
                ws_max_size=SOCKET_FRAME_BYTES_MAX,
                ws_ping_interval=None,
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                proxy_headers=True,
                forwarded_allow_ips=trusted_proxies,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                backlog=2048,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own handlers."""
        yield

    def open(self) -> int:
        """Listen from now on; answers the port. OSError when it is taken."""
        is_ipv6 = ":" in self.config.host
        listener = socket.create_server(
            (self.config.host, self.config.port),
            family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
            backlog=self.config.backlog,
        )
        # asyncio does this only for sockets that name their protocol; without it an answer's body
        # waits for the acknowledgement of its head, which many clients delay by 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setblocking(False)
        self._serving = asyncio.create_task(self.serve(sockets=[listener]), name="http")
        port: int = listener.getsockname()[1]
        return port

    async def until_closed(self) -> None:
        """Wait for the end; raises what it died of."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def close(self) -> None:
        """Take no new connections, let running requests end."""
        self.should_exit = True
        if self._serving is not None:
            await asyncio.wait([self._serving])
