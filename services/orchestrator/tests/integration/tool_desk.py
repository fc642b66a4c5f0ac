"""A desk whose tenant has tools of its own, and a model that wants them."""

from __future__ import annotations

import base64
import json
from typing import Any

from contracts.v1.models import GenerateReply, ToolCall
from contracts.v1.tools import KeepTool, ToolSaved
from orchestrator.tool_parts import ToolSettings
from sealing import KeyRing

from .desk import Desk, reply

RING = KeyRing.from_text("k1:" + base64.b64encode(bytes(range(32))).decode())
ORDER = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "tenant_id": {"type": "string"}},
    "required": ["order"],
    "additionalProperties": False,
}


def tool_settings(**changes: Any) -> ToolSettings:
    """Return what an operator of a development platform allows."""
    return ToolSettings(**{"ring": RING, "allow_private_networks": True, **changes})


async def keep(
    desk: Desk, url: str | None, name: str = "order_status", **changes: Any
) -> ToolSaved:
    """Keep a tool, as gateway asks for it."""
    headers = changes.pop("headers", None)
    place = f"tool-headers:{desk.tenant_id}:{name}"
    fields = {
        "name": name,
        "description": "Where an order is.",
        "parameters": json.dumps(ORDER),
        "tool_kind": "https",
        "url": url,
        "sealed_headers": headers and RING.seal(json.dumps(headers).encode(), place),
        "timeout_seconds": 5.0,
        "result_characters_max": 8_000,
        "enabled": True,
        "repeatable": False,
        "rotate_secret": False,
    }
    request = KeepTool.make(tenant_id=desk.tenant_id, **{**fields, **changes})
    return await desk.parts.tools.requests.keep(request)


def wants(name: str = "order_status", **arguments: Any) -> Any:
    """Return a model's answer that wants a tool."""
    call = ToolCall(call_id="1", name=name, arguments=json.dumps(arguments or {"order": "4711"}))
    return reply("", tool_calls=[call], finish_reason="tool_calls")


def told(desk: Desk) -> list[str]:
    """Return what tools told the model, in the newest question to it."""
    asked = [one for one in desk.bus.asked if isinstance(one, GenerateReply)]
    return [message.content for message in asked[-1].messages if message.role == "tool"]
