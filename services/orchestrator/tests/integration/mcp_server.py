"""A real MCP server, made with the SDK: over streamable HTTP here, over stdio as a script."""

from __future__ import annotations

import asyncio
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from testkit import eventually_async


@dataclass
class RunningMcp:
    """A server over HTTP, and what came to it."""

    server: MCPServer
    url: str = ""
    calls: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def made() -> RunningMcp:
    """Return a server with one tool that works, one that fails, and one that hangs."""
    running = RunningMcp(MCPServer("shop"))

    @running.server.tool(name="orderStatus")
    def order_status(order: str, ctx: Context) -> str:
        """Where an order is."""
        running.calls.append((order, ctx.request_context.meta))
        return f"Order {order} is on its way.\u200b"

    @running.server.tool()
    def refuse() -> str:
        """Refuses."""
        raise ValueError("no such order")

    @running.server.tool()
    async def hang() -> str:
        """Hangs."""
        await asyncio.sleep(60)
        return "late"

    @running.server.tool()
    def huge() -> str:
        """Says too much."""
        return "x" * 6_000_000

    return running


@asynccontextmanager
async def serving_mcp(running: RunningMcp) -> AsyncIterator[RunningMcp]:
    """Serve it at a free port."""
    app = running.server.streamable_http_app()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            running.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        await app(scope, receive, send)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        running.url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        config = uvicorn.Config(noting, log_level="critical", timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await eventually_async(lambda: _started(server), "the server listens")
            yield running
        finally:
            server.should_exit = True
            await serving


async def _started(server: uvicorn.Server) -> bool:
    return server.started


def sdk_script(folder: Path) -> list[str]:
    """Write a server that the SDK makes, to talk over stdio; return how it is started."""
    return _script(
        folder / "sdk_server.py",
        """
        import json, os
        from mcp.server.mcpserver import MCPServer

        server = MCPServer("files")

        @server.tool()
        def surroundings() -> str:
            return json.dumps([os.getpid(), dict(os.environ)])

        server.run("stdio")
        """,
    )


def plain_script(folder: Path) -> list[str]:
    """Write a server without the SDK: it starts at once, and does what a good one never does."""
    return _script(
        folder / "plain_server.py",
        """
        import json, os, subprocess, sys, time

        def answer(message):
            method = message["method"]
            if method == "initialize":
                return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                        "serverInfo": {"name": "plain", "version": "1"}}
            if method == "tools/list":
                return {"tools": [{"name": "pid", "inputSchema": {"type": "object"}}]}
            name = message["params"]["name"]
            if name == "crash":
                os._exit(3)
            if name == "hang":
                time.sleep(300)
            if name == "endless":
                while True:
                    os.write(1, b"x" * 65536)
            pid = os.getpid() if name == "pid" else subprocess.Popen(["sleep", "300"]).pid
            return {"content": [{"type": "text", "text": str(pid)}]}

        for line in sys.stdin:
            message = json.loads(line)
            if "id" not in message:
                continue
            said = {"jsonrpc": "2.0", "id": message["id"]}
            if message["method"] in {"initialize", "tools/list", "tools/call"}:
                said["result"] = answer(message)
            else:
                said["error"] = {"code": -32601, "message": "no such method"}
            print(json.dumps(said), flush=True)
        """,
    )


def _script(path: Path, text: str) -> list[str]:
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path)]
