"""`chatctl tools …`: what is sent to the API, and what a person reads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chatctl import command_tools
from chatctl.cli import app, console

TOOL = {
    "name": "order_status", "kind": "https", "url": "https://a.example/[x]", "enabled": True,
    "description": "Where an order is.", "secret": "whsec_abc",
}  # fmt: skip
SERVER = {
    "name": "shop", "state": "failing", "detail": "it could not be reached",
    "tools": [{"name": "a", "offered_as": "shop__a", "enabled": True, "description": "[b]"}],
}  # fmt: skip


class Api:
    """Answers as the gateway does and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.outcome = "ok"

    async def get(self, path: str, **_query: Any) -> Any:
        return {"items": [SERVER if path.endswith("mcp-servers") else TOOL]}

    async def put(self, path: str, body: Any) -> Any:
        self.asked.append(("PUT", path, body))
        return SERVER if "mcp-servers" in path else TOOL

    async def post(self, path: str, body: Any = None) -> Any:
        self.asked.append(("POST", path, body))
        return {"outcome": self.outcome, "text": "[shipped]", "milliseconds": 7}

    async def delete(self, path: str) -> Any:
        self.asked.append(("DELETE", path))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(console, "file", None)
    state = {"CHAT_TENANT_ID": "t1"}
    monkeypatch.setattr(command_tools, "with_api", lambda work: asyncio.run(work(made, state)))
    return made


def run(*words: str, piped: str | None = None) -> Any:
    return CliRunner().invoke(app, ["tools", *words], input=piped)


def test_tools_are_listed_kept_tried_and_removed(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(json.dumps({"description": "x"}))
    assert "https://a.example/[x]" in run("list").stdout
    assert "whsec_abc" in run("keep", "order_status", str(file)).stdout
    tried = run("try", "order_status", '{"order": "1"}')
    assert "ok in 7 ms" in tried.stdout
    assert "[shipped]" in tried.stdout
    assert run("rm", "order_status").exit_code == 0
    path = "/api/tenants/t1/tools/order_status"
    assert api.asked == [
        ("PUT", path, {"description": "x"}),
        ("POST", f"{path}/try", {"arguments": {"order": "1"}}),
        ("DELETE", path),
    ]


def test_a_tool_that_fails_ends_with_1(api: Api) -> None:
    api.outcome = "timeout"
    assert run("try", "order_status").exit_code == 1


def test_servers(api: Api) -> None:
    shown = run("servers").stdout
    assert "failing: it could not be reached" in shown
    assert "[b]" in shown
    assert "shop__a" in run("keep-server", "shop", "-", piped='{"url": "x"}').stdout
    assert run("rm-server", "shop").exit_code == 0
    assert api.asked[0] == ("PUT", "/api/tenants/t1/mcp-servers/shop", {"url": "x"})


@pytest.mark.parametrize("text", ["[]", "not json"])
def test_what_is_no_object_is_refused(api: Api, text: str) -> None:
    assert run("keep", "a", "-", piped=text).exit_code == 2
    assert api.asked == []
