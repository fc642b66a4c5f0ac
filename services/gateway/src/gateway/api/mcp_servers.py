"""Servers of the Model Context Protocol, and which of their tools the bot is offered."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.tools import KeepMcpServer, ListTools, McpServer, RemoveMcpServer
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.api.tools import Headers, Url, sealed_headers
from gateway.door import Principal

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/mcp-servers", tags=["tools"], route_class=GuardedRoute
)

LOOK_SECONDS = 30.0

ServerNamed = Annotated[
    str,
    Path(
        max_length=24, pattern=r"^[a-z][a-z0-9_]*$", description="First part of its tools' names."
    ),
]
Named = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ServerKept(Shape):
    """A server as it shall be."""

    transport: Literal["streamable_http", "stdio"] = Field(
        "streamable_http", description="How it is reached."
    )
    url: Url | None = Field(None, description="For streamable_http.")
    command: Named | None = Field(
        None, description="For stdio: a name in the operator's list of programs."
    )
    headers: Headers | None = Field(
        None, description="Sent with each request, never shown again; null keeps them."
    )
    enabled_tools: Annotated[list[Named], Field(max_length=128)] = Field(
        [], description="The server's names of the tools that the bot is offered."
    )


class ServersShown(BaseModel):
    """Every server, by name: there are few."""

    items: list[McpServer]
    next_cursor: None = None


@router.get("")
async def list_mcp_servers(tenant_id: UUID, parts: With) -> ServersShown:
    """The tenant's servers with what they offer."""
    listed = await parts.ask(ListTools.make(tenant_id=tenant_id))
    return ServersShown(items=listed.servers)


@router.put("/{server_name}")
async def keep_mcp_server(
    tenant_id: UUID, server_name: ServerNamed, body: ServerKept, parts: With, who: Caller
) -> McpServer:
    """Make or change a server; it is asked for its tools first, and what it says is shown."""
    place = f"mcp-headers:{tenant_id}:{server_name}"
    request = KeepMcpServer.make(
        tenant_id=tenant_id,
        name=server_name,
        transport=body.transport,
        url=body.url,
        command=body.command,
        sealed_headers=sealed_headers(parts, body.headers, place),
        enabled_tools=body.enabled_tools,
    )
    saved = await parts.ask(request, timeout_seconds=LOOK_SECONDS)
    detail = {"transport": body.transport, "enabled_tools": body.enabled_tools}
    await _note(parts, tenant_id, who, "mcp_server.kept", server_name, **detail)
    return saved.server


@router.delete("/{server_name}", status_code=204)
async def remove_mcp_server(
    tenant_id: UUID, server_name: ServerNamed, parts: With, who: Caller
) -> Response:
    """Take a server and its tools away."""
    await parts.ask(RemoveMcpServer.make(tenant_id=tenant_id, name=server_name))
    await _note(parts, tenant_id, who, "mcp_server.removed", server_name)
    return Response(status_code=204)


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: str, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)
