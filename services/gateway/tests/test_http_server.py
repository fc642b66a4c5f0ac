"""The server's own settings of its connections."""

import asyncio
import socket
from typing import Any

from gateway.http_server import HttpServer


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-n", b"1")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_no_answer_waits_for_a_delayed_acknowledgement() -> None:
    server = HttpServer(nothing, host="127.0.0.1", port=0, trusted_proxies="")
    port = server.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    (connection,) = server.server_state.connections
    accepted = connection.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    writer.close()
    await server.close()
