"""What the widget's sockets are measured against: python-socketio that acknowledges, no more.

`python bare_socket_echo.py PORT`: the same transports and limits as the gateway's, one process, no
Redis, nothing kept.
"""

import sys
from typing import Any

import socketio
import uvicorn


def application() -> socketio.ASGIApp:
    """A server that says `ready` and acknowledges each message."""
    server = socketio.AsyncServer(
        async_mode="asgi", cors_allowed_origins=[], ping_interval=25, ping_timeout=20,
        http_compression=False,
    )  # fmt: skip

    @server.event
    async def connect(sid: str, _environ: dict[str, Any], _auth: object) -> None:
        server.start_background_task(server.emit, "ready", {"last_seq": 0}, to=sid)

    @server.event
    async def message(_sid: str, _data: object) -> dict[str, bool]:
        return {"ok": True}

    return socketio.ASGIApp(server)


if __name__ == "__main__":
    uvicorn.run(
        application(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        ws="websockets-sansio",
        ws_ping_interval=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
