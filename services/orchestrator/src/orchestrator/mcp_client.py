"""One session with an MCP server, by the official SDK; imported when the first tenant has one.

Results are not checked against the schemas that a server announces for them: its regular
expressions would run in our process.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    TextContent,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from egress import EgressPolicy
from orchestrator.mcp_http import CheckedTransport
from orchestrator.mcp_servers import Announced, McpAddress, ServerFailed
from orchestrator.mcp_stdio import limited_stdio
from orchestrator.tools import ToolFailed

PAGES_MAX: Final = 10
_US: Final = Implementation(name="meta-chat", version="1")
_SSE_EVENT_BYTES_MAX: Final = 2 * 1024 * 1024

# The SDK's lines hold addresses and what servers said.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
logging.getLogger("httpx2").setLevel(logging.CRITICAL)


class Connected:
    """A session that is open."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def announced(self) -> list[Announced]:
        """Ask for the server's tools; ServerFailed says why there is no answer."""
        found: list[Announced] = []
        cursor: str | None = None
        try:
            for _ in range(PAGES_MAX):
                page = await self._client.list_tools(cursor=cursor, cache_mode="refresh")
                for tool in page.tools:
                    hints = tool.annotations
                    harmless = hints and (hints.read_only_hint or hints.idempotent_hint)
                    described = tool.description or tool.title or tool.name
                    found.append(Announced(tool.name, described, tool.input_schema, bool(harmless)))
                cursor = page.next_cursor
                if not cursor:
                    break
        except (MCPError, ValidationError) as error:
            raise ServerFailed(words_of(error)) from None
        return found

    async def call(self, name: str, arguments: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
        """Call a tool; ToolFailed says what went wrong."""
        params = CallToolRequestParams.model_validate(
            {"name": name, "arguments": dict(arguments), "_meta": dict(meta)}
        )
        try:
            result = await self._client.session.send_request(
                CallToolRequest(params=params), CallToolResult
            )
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise ToolFailed(
                    "the connection to the tool broke", "broken", maybe_done=True
                ) from None
            raise ToolFailed(f"the tool refused: {error.message[:500]}", "refused") from None
        except ValidationError:
            raise ToolFailed("the tool's answer cannot be read", maybe_done=True) from None
        text = _text(result)
        if result.is_error:
            raise ToolFailed(f"the tool refused: {text[:500]}", "refused")
        return text


@asynccontextmanager
async def connect(
    address: McpAddress,
    commands: Mapping[str, Sequence[str]],
    session: aiohttp.ClientSession,
    policy: EgressPolicy,
    changed: Callable[[], None],
) -> AsyncIterator[Connected]:
    """Open a session; `changed` is called when the server says that its tools changed."""

    async def hear(message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed()

    def client(transport: Any) -> Client:
        return Client(transport, message_handler=hear, client_info=_US, cache=None)

    if address.transport == "stdio":
        argv = commands.get(address.command or "")
        if argv is None:
            raise ServerFailed("the operator does not allow this command")
        async with client(limited_stdio(argv)) as opened:
            yield Connected(opened)
        return
    transport = CheckedTransport(session, policy)
    async with httpx2.AsyncClient(
        transport=transport, headers=dict(address.headers), trust_env=False, timeout=None
    ) as http:
        over = streamable_http_client(
            address.url or "", http_client=http, max_sse_event_size=_SSE_EVENT_BYTES_MAX
        )
        async with client(over) as opened:
            yield Connected(opened)


def words_of(error: BaseException) -> str:
    """Return one sentence about a failure, without addresses."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ServerFailed):
        return str(error)
    if isinstance(error, MCPError):
        return f"it answered with an error: {error.message}"[:200]
    if isinstance(error, httpx2.TransportError):
        return str(error)[:200]
    if isinstance(error, ValidationError):
        return "its answer is not as the protocol says"
    if isinstance(error, OSError):
        return "it could not be started or reached"
    return f"it could not be talked to ({type(error).__name__})"


def _text(result: CallToolResult) -> str:
    """Return what a model can read of a result."""
    parts: list[str] = []
    for block in result.content:
        if isinstance(block, TextContent):
            parts.append(block.text)
        else:
            parts.append(f"[{block.type.replace('_', ' ')} left out]")
    worded = any(isinstance(block, TextContent) for block in result.content)
    if not worded and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False), *parts]
    return "\n".join(parts)
