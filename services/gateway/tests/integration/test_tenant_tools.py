"""Tools at the API: sealed for one place, secrets shown once, every change in the audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bus import Refused
from contracts.v1.tools import (
    KeepMcpServer,
    KeepTool,
    ListTools,
    Tool,
    ToolSaved,
    ToolsListed,
    ToolTried,
    TryTool,
)
from sealing import ContextMismatch, KeyRing

from .conftest import Owners, Running

ORDER = {"description": "Where an order is.", "url": "https://shop.example/tool"}


class Orchestrator:
    """Keeps one tool, and what it was asked."""

    def __init__(self, owners: Owners) -> None:
        self.asked: list[Any] = []
        self.tool: Tool | None = None
        bus = owners.of("orchestrator")
        bus.answer(KeepTool, self.keep)
        bus.answer(ListTools, self.list)
        bus.answer(TryTool, self.try_out)
        bus.answer(KeepMcpServer, self.refuse)

    async def keep(self, request: KeepTool) -> ToolSaved:
        self.asked.append(request)
        self.tool = Tool(
            name=request.name,
            kind=request.tool_kind,
            updated_at=datetime.now(UTC),
            **request.model_dump(
                include={
                    "description", "parameters", "url", "timeout_seconds",
                    "result_characters_max", "enabled", "repeatable",
                }
            ),
        )  # fmt: skip
        return ToolSaved(tool=self.tool, secret="whsec_shown-once")

    async def list(self, _request: ListTools) -> ToolsListed:
        return ToolsListed(tools=[self.tool] if self.tool else [], servers=[])

    async def try_out(self, request: TryTool) -> ToolTried:
        self.asked.append(request)
        return ToolTried(outcome="ok", text="shipped", milliseconds=3)

    async def refuse(self, _request: KeepMcpServer) -> Any:
        raise Refused("server_failed", "The server: it could not be reached.")


async def test_a_tool_is_kept_tried_and_noted(running: Running, owners: Owners) -> None:
    orchestrator = Orchestrator(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/tools/order_status"
    headers = {"Authorization": "Bearer sk-1234567"}
    kept = await tenant.call("PUT", path, {**ORDER, "headers": headers})
    assert (kept.status, kept.json["secret"]) == (200, "whsec_shown-once")
    assert kept.json["parameters"] == {"type": "object", "properties": {}}
    sealed = orchestrator.asked[0].sealed_headers
    ring = KeyRing.from_text(running.settings.master_keys.get_secret_value())
    place = f"tool-headers:{tenant.tenant_id}:order_status"
    assert json.loads(ring.unseal(sealed, place)) == headers
    with pytest.raises(ContextMismatch):
        ring.unseal(sealed, f"tool-headers:{tenant.tenant_id}:other")
    shown = await tenant.call("GET", path)
    assert shown.json["secret"] is None
    assert "sk-1234567" not in str(shown.raw) + str(kept.raw)
    tried = await tenant.call("POST", f"{path}/try", {"arguments": {"order": "1"}})
    assert tried.json == {"outcome": "ok", "text": "shipped", "milliseconds": 3}
    assert json.loads(orchestrator.asked[-1].arguments) == {"order": "1"}
    assert (await tenant.call("GET", f"{tenant.path}/tools/other")).status == 404
    audit = await tenant.call("GET", f"{tenant.path}/audit")
    noted = [(row["action"], row["subject"]) for row in audit.json["items"]]
    assert noted[:2] == [("tool.tried", "order_status"), ("tool.kept", "order_status")]
    assert "sk-1234567" not in str(audit.raw)


async def test_what_is_no_tool(running: Running) -> None:
    tenant = await running.tenant()
    for body in (
        {**ORDER, "kind": "ftp"},
        {**ORDER, "timeout_seconds": 61},
        {**ORDER, "parameters": {"type": "object", "description": "x" * 17_000}},
        {**ORDER, "headers": {"a": "b" * 5_000}},
        {**ORDER, "secret": "mine"},
        {"url": "https://shop.example/"},
    ):
        answer = await tenant.call("PUT", f"{tenant.path}/tools/order_status", body)
        assert answer.status == 422, body
    assert (await tenant.call("PUT", f"{tenant.path}/tools/Order-Status", ORDER)).status == 422


async def test_a_server_that_fails_is_told_in_its_words(running: Running, owners: Owners) -> None:
    Orchestrator(owners)
    await owners.start()
    tenant = await running.tenant()
    url = {"url": "https://shop.example/mcp"}
    answer = await tenant.call("PUT", f"{tenant.path}/mcp-servers/shop", url)
    assert (answer.status, answer.json["code"]) == (422, "server_failed")
    assert "could not be reached" in answer.json["detail"]
