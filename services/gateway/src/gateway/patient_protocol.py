"""uvicorn's HTTP protocol with the two limits it lacks: how long and how large a head may be."""

import asyncio
from typing import Any, Final

import httptools
from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS_MAX: Final = 20.0
HEAD_BYTES_MAX: Final = 32 * 1024
_CLOSED: Final = Counter("chat_gateway_connections_closed_total", "By us, early.", ["why"])


class PatientProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers trickle, or grow beyond the cap."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """A head is expected soon."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._head_is_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The head begins; the next one on a kept connection has its own time."""
        self._head_bytes = 0
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count it."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_is_there()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            _CLOSED.labels("head_too_large").inc()
            raise httptools.HttpParserError("the head is too large")

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._too_slow)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        _CLOSED.labels("head_too_slow").inc()
        self._head_timer = None
        self.transport.close()
