"""A tenant's own tools: orchestrator owns and calls them, here they are kept and tried."""

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.tools import (
    KeepTool,
    ListTools,
    RemoveTool,
    Tool,
    ToolTried,
    TryTool,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.door import Principal
from gateway.problems import Problem, not_found

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/tools", tags=["tools"], route_class=GuardedRoute
)

TRY_SECONDS = 65.0

ToolNamed = Annotated[
    str, Path(max_length=64, pattern=r"^[a-z][a-z0-9_]*$", description="What the model calls it.")
]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
HeaderValue = Annotated[str, StringConstraints(max_length=4_096)]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=16)]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_048)]


class ToolKept(Shape):
    """A tool as it shall be."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] = Field(
        description="When the bot shall use it; the model reads this."
    )
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="JSON Schema (draft 2020-12) of its arguments.",
    )
    kind: Literal["https", "broker"] = Field(
        "https", description="A signed POST, or a question over the event broker."
    )
    url: Url | None = Field(None, description="For https: where a call is posted.")
    headers: Headers | None = Field(
        None, description="Sent with each call, never shown again; null keeps them."
    )
    timeout_seconds: float = Field(10.0, ge=0.5, le=60, description="Longest wait.")
    result_characters_max: int = Field(8_000, ge=100, le=24_000, description="The rest is cut.")
    enabled: bool = Field(True, description="Whether the bot is offered it.")
    repeatable: bool = Field(
        False, description="Calling it twice does no harm, so a call without an answer is repeated."
    )
    rotate_secret: bool = Field(
        False, description="Make a new signing secret; the old one signs 24 h longer."
    )


class ToolShown(BaseModel):
    """A tool."""

    name: str
    description: str
    parameters: dict[str, Any]
    kind: Literal["https", "broker"]
    url: str | None
    timeout_seconds: float
    result_characters_max: int
    enabled: bool
    repeatable: bool
    updated_at: str
    secret: str | None = Field(None, description="`whsec_…`; only when it was just made.")


class ToolsShown(BaseModel):
    """Every tool, by name: there are few."""

    items: list[ToolShown]
    next_cursor: None = None


class Trial(Shape):
    """What to call a tool with."""

    arguments: dict[str, Any] = Field(default_factory=dict, description="As its schema says.")


@router.get("")
async def list_tools(tenant_id: UUID, parts: With) -> ToolsShown:
    """The tenant's own tools, by name; MCP servers and their tools are listed apart."""
    listed = await parts.ask(ListTools.make(tenant_id=tenant_id))
    return ToolsShown(items=[_shown(tool) for tool in listed.tools])


@router.get("/{tool_name}")
async def get_tool(tenant_id: UUID, tool_name: ToolNamed, parts: With) -> ToolShown:
    """One tool, without its secrets."""
    listed = await parts.ask(ListTools.make(tenant_id=tenant_id))
    found = next((tool for tool in listed.tools if tool.name == tool_name), None)
    if found is None:
        raise not_found()
    return _shown(found)


@router.put("/{tool_name}")
async def keep_tool(
    tenant_id: UUID, tool_name: ToolNamed, body: ToolKept, parts: With, who: Caller
) -> ToolShown:
    """Make or change a tool; its signing secret is shown when it is made, and never again."""
    place = f"tool-headers:{tenant_id}:{tool_name}"
    saved = await parts.ask(
        KeepTool.make(
            tenant_id=tenant_id,
            name=tool_name,
            description=body.description,
            parameters=_json_text("parameters", body.parameters, 16_384),
            tool_kind=body.kind,
            url=body.url,
            sealed_headers=sealed_headers(parts, body.headers, place),
            timeout_seconds=body.timeout_seconds,
            result_characters_max=body.result_characters_max,
            enabled=body.enabled,
            repeatable=body.repeatable,
            rotate_secret=body.rotate_secret,
        )
    )
    detail = {"kind": body.kind, "enabled": body.enabled, "rotated": body.rotate_secret}
    await _note(parts, tenant_id, who, "tool.kept", tool_name, **detail)
    return _shown(saved.tool, saved.secret)


@router.delete("/{tool_name}", status_code=204)
async def remove_tool(tenant_id: UUID, tool_name: ToolNamed, parts: With, who: Caller) -> Response:
    """Take a tool away."""
    await parts.ask(RemoveTool.make(tenant_id=tenant_id, name=tool_name))
    await _note(parts, tenant_id, who, "tool.removed", tool_name)
    return Response(status_code=204)


@router.post("/{tool_name}/try")
async def try_tool(
    tenant_id: UUID, tool_name: ToolNamed, body: Trial, parts: With, who: Caller
) -> ToolTried:
    """Call a tool once, marked as a test: what the model would read, and how long it took."""
    arguments = _json_text("arguments", body.arguments, 32_768)
    request = TryTool.make(tenant_id=tenant_id, name=tool_name, arguments=arguments)
    tried = await parts.ask(request, timeout_seconds=TRY_SECONDS)
    await _note(parts, tenant_id, who, "tool.tried", tool_name, outcome=tried.outcome)
    return tried


def _json_text(name: str, value: dict[str, Any], characters_max: int) -> str:
    text = orjson.dumps(value).decode()
    if len(text) > characters_max:
        raise Problem(422, "invalid", f"{name} takes at most {characters_max} characters as JSON.")
    return text


def sealed_headers(parts: Parts, headers: dict[str, str] | None, place: str) -> str | None:
    """Seal headers for one tool or server of one tenant; None keeps those that are there."""
    return None if headers is None else parts.ring.seal(orjson.dumps(headers), place)


def _shown(tool: Tool, secret: str | None = None) -> ToolShown:
    fields = tool.model_dump(mode="json")
    return ToolShown(**{**fields, "parameters": orjson.loads(tool.parameters), "secret": secret})


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: str, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)
