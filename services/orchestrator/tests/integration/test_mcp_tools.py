"""MCP servers of tenants, real ones: what hangs, crashes or lies is a failed tool, nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bus import Refused
from contracts.v1.models import GenerateReply
from contracts.v1.tools import KeepMcpServer, ListTools, RemoveMcpServer, TryTool
from egress import EgressPolicy
from orchestrator.mcp_http import CheckedTransport
from orchestrator.mcp_servers import McpAddress, ServerFailed
from orchestrator.mcp_sessions import McpSessions
from orchestrator.tools import ToolFailed
from testkit import eventually_async

from .desk import Desk
from .mcp_server import RunningMcp, made, plain_script, sdk_script, serving_mcp
from .tool_desk import RING, told, tool_settings, wants

ANYWHERE = EgressPolicy(allow_private_networks=True)


@pytest.fixture
async def shop() -> Any:
    async with serving_mcp(made()) as running:
        yield running


@pytest.fixture
async def tool_desk(orchestrator_database: Any, recording_bus: Any, tenant_settings: Any) -> Any:
    made_desk = Desk(orchestrator_database, recording_bus, tenant_settings, 60.0, tool_settings())
    await made_desk.configure(rag_enabled=False)
    made_desk.parts.tools.book._look_pause_seconds = 0.0
    yield made_desk
    await made_desk.parts.runner.stop(grace_seconds=0.0)
    await made_desk.parts.tools.close()


@pytest.fixture
async def sessions(tmp_path: Path) -> Any:
    made_sessions = McpSessions(
        ANYWHERE, {"files": plain_script(tmp_path), "sdk": sdk_script(tmp_path)}
    )
    yield made_sessions
    await made_sessions.close()


def over_http(url: str) -> McpAddress:
    return McpAddress(uuid4(), "shop", "streamable_http", url)


FILES = McpAddress(uuid4(), "files", "stdio", command="files")


async def keep(desk: Desk, url: str | None, *enabled: str, **changes: Any) -> Any:
    headers = changes.pop("headers", None)
    place = f"mcp-headers:{desk.tenant_id}:shop"
    fields = {
        "name": "shop",
        "transport": "streamable_http",
        "url": url,
        "command": None,
        "sealed_headers": headers and RING.seal(json.dumps(headers).encode(), place),
        "enabled_tools": list(enabled),
    }
    request = KeepMcpServer.make(tenant_id=desk.tenant_id, **{**fields, **changes})
    return (await desk.parts.tools.servers.keep(request)).server


async def test_an_enabled_tool_is_offered_and_called_and_another_is_not(
    tool_desk: Desk, shop: RunningMcp, gate: Any, caplog: Any
) -> None:
    secret = "Bearer sk-mcp-424242"
    kept = await keep(tool_desk, shop.url, "orderStatus", headers={"Authorization": secret})
    assert {tool.offered_as: tool.enabled for tool in kept.tools} == {
        "shop__order_status": True,
        "shop__refuse": False,
        "shop__hang": False,
        "shop__huge": False,
    }
    gate.open(wants("shop__order_status", order="4711"))
    gate.open(wants("shop__refuse", order="4711"))
    gate.open("On its way.")
    tool_desk.model_says(gate)
    await tool_desk.hear("Where is it?")
    await tool_desk.idle()
    assert "Order 4711 is on its way.\n</tool_result>" in told(tool_desk)[0]
    assert "no such tool" in told(tool_desk)[1]
    order, meta = shop.calls[0]
    assert order == "4711"
    assert meta["meta-chat/conversation_id"] == str(tool_desk.conversation_of())
    assert {headers["authorization"] for headers in shop.headers} == {secret}
    runs = await tool_desk.rows("select * from tool_runs")
    assert [(run["name"], run["outcome"]) for run in runs] == [("shop__order_status", "ok")]
    shown = f"{tool_desk.bus.asked}{await tool_desk.evidence()}{runs}{caplog.text}"
    assert "sk-mcp" not in shown
    assert "sk-mcp" not in str(await tool_desk.rows("select * from mcp_servers"))


async def test_a_list_that_changed_is_noticed(tool_desk: Desk, shop: RunningMcp, gate: Any) -> None:
    await keep(tool_desk, shop.url, "orderStatus", "brandNew")

    def brand_new() -> str:
        """Was not there before."""
        return "new"

    shop.server.add_tool(brand_new, name="brandNew")
    shop.server.remove_tool("refuse")
    gate.open(wants("shop__order_status", order="1"))
    gate.open("Yes.")
    tool_desk.model_says(gate)
    tool_desk.parts.tools.book._looked_at.clear()
    await tool_desk.hear("Hi")
    await tool_desk.idle()

    async def noticed() -> bool:
        listed = await tool_desk.parts.tools.requests.list_all(
            ListTools.make(tenant_id=tool_desk.tenant_id)
        )
        names = {tool.name for tool in listed.servers[0].tools}
        return "brandNew" in names and "refuse" not in names

    await eventually_async(noticed, "the new list is kept")
    gate.open("Yes.")
    await tool_desk.hear("And now?")
    await tool_desk.idle()
    asked = [one for one in tool_desk.bus.asked if isinstance(one, GenerateReply)]
    assert [tool.name for tool in asked[-1].tools][-2:] == ["shop__order_status", "shop__brand_new"]


async def test_a_server_is_removed_tried_and_another_tenants_is_not_there(
    tool_desk: Desk, shop: RunningMcp
) -> None:
    await keep(tool_desk, shop.url)
    trial = {"name": "shop__order_status", "arguments": '{"order": "1"}'}
    requests = tool_desk.parts.tools.requests
    tried = await requests.try_out(TryTool.make(tenant_id=tool_desk.tenant_id, **trial))
    assert (tried.outcome, tried.text) == ("ok", "Order 1 is on its way.")
    with pytest.raises(Refused, match="no such tool"):
        await requests.try_out(TryTool.make(tenant_id=uuid4(), **trial))
    foreign = RemoveMcpServer.make(tenant_id=uuid4(), name="shop")
    with pytest.raises(Refused, match="no such server"):
        await tool_desk.parts.tools.servers.remove(foreign)
    own = RemoveMcpServer.make(tenant_id=tool_desk.tenant_id, name="shop")
    assert (await tool_desk.parts.tools.servers.remove(own)).name == "shop"
    with pytest.raises(Refused, match="no such tool"):
        await requests.try_out(TryTool.make(tenant_id=tool_desk.tenant_id, **trial))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "http://127.0.0.1:9/mcp"}, "server_failed"),
        ({"url": None}, "invalid_tool"),
        ({"url": "ftp://x.example/"}, "address_refused"),
        ({"name": "a__b"}, "invalid_name"),
        ({"transport": "stdio", "url": None, "command": "rm"}, "not_allowed"),
        ({"transport": "stdio", "command": "rm"}, "invalid_server"),
        ({"headers": {"Host": "x"}}, "invalid_headers"),
    ],
)
async def test_servers_that_are_not_kept(tool_desk: Desk, changes: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await keep(tool_desk, **{"url": "http://127.0.0.1:9/mcp", **changes})
    assert caught.value.code == code
    assert "127.0.0.1" not in caught.value.detail


async def test_one_session_serves_many_calls_and_hanging_ends_it(
    sessions: McpSessions, shop: RunningMcp
) -> None:
    address = over_http(shop.url)
    calls = (sessions.call(address, "orderStatus", {"order": str(n)}, {}) for n in range(20))
    texts = await asyncio.gather(*calls)
    assert texts[19] == "Order 19 is on its way.\u200b"
    session = sessions._sessions[address.key]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sessions.call(address, "hang", {}, {})
    assert session.over
    assert await sessions.call(address, "orderStatus", {"order": "1"}, {})
    with pytest.raises(ToolFailed, match="the tool refused") as caught:
        await sessions.call(address, "refuse", {}, {})
    assert not caught.value.maybe_done
    again = sessions._sessions[address.key]
    sessions.close_idle(0.0)
    assert again.over


async def test_an_answer_that_is_too_long_is_a_failed_tool(
    sessions: McpSessions, shop: RunningMcp
) -> None:
    with pytest.raises(ToolFailed) as caught:
        async with asyncio.timeout(10):
            await sessions.call(over_http(shop.url), "huge", {}, {})
    assert caught.value.maybe_done


async def test_a_private_address_is_not_dialled(shop: RunningMcp) -> None:
    """Whatever the SDK thinks of it: its client cannot dial."""
    any_port = EgressPolicy(ports={"http": frozenset(range(65_536))})
    for policy, url in (
        (EgressPolicy(), shop.url),
        (any_port, shop.url),
        (any_port, shop.url.replace("127.0.0.1", "localhost")),
    ):
        guarded = McpSessions(policy, {})
        with pytest.raises(ServerFailed) as caught:
            await guarded.announced(over_http(url))
        assert "127.0.0.1" not in str(caught.value)
        await guarded.close()
    assert shop.headers == []


async def test_an_address_that_is_not_taken_is_not_even_looked_up() -> None:
    nobody: Any = None
    transport = CheckedTransport(nobody, EgressPolicy())
    for url in ("http://8.8.8.8/mcp", "https://8.8.8.8:22/mcp", "https://[::1]/mcp"):
        with pytest.raises(httpx2.UnsupportedProtocol):
            await transport.handle_async_request(httpx2.Request("POST", url, content=b"{}"))


async def test_a_program_has_a_clean_environment_and_is_limited(
    sessions: McpSessions, monkeypatch: Any
) -> None:
    monkeypatch.setenv("CHAT_MASTER_KEYS", "k1:secret")
    address = McpAddress(uuid4(), "files", "stdio", command="sdk")
    pid, around = json.loads(await sessions.call(address, "surroundings", {}, {}))
    assert "CHAT_MASTER_KEYS" not in around
    assert not any(name.startswith(("CHAT", "PYTEST", "PG")) for name in around)
    limits = about(pid, "limits")
    assert "Max open files            256" in limits
    assert "Max core file size        0" in limits


async def test_a_program_that_crashes_or_hangs_is_ended_with_its_children(
    sessions: McpSessions,
) -> None:
    child = int(await sessions.call(FILES, "child", {}, {}))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await sessions.call(FILES, "hang", {}, {})
    await eventually_async(lambda: _gone(child), "the program's child is gone")
    pid = int(await sessions.call(FILES, "pid", {}, {}))
    with pytest.raises(ToolFailed) as caught:
        async with asyncio.timeout(10):
            await sessions.call(FILES, "crash", {}, {})
    assert (caught.value.outcome, caught.value.maybe_done) == ("broken", True)
    assert int(await sessions.call(FILES, "pid", {}, {})) != pid


async def test_a_program_that_writes_without_end_is_cut(sessions: McpSessions) -> None:
    started = monotonic()
    with pytest.raises(ToolFailed):
        async with asyncio.timeout(10):
            await sessions.call(FILES, "endless", {}, {})
    assert monotonic() - started < 10


async def test_a_program_that_cannot_be_started() -> None:
    broken = McpSessions(ANYWHERE, {"files": ["/no/such/program"], "cat": ["cat"]})
    with pytest.raises(ServerFailed):
        await broken.announced(FILES)
    await broken.close()


def test_no_mcp_is_imported_before_a_tenant_has_a_server() -> None:
    code = (
        "import sys; import orchestrator.tool_parts; "
        "print([m for m in ('mcp', 'mcp_types', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "State:\tZ" in about(pid, "status")


def about(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()
