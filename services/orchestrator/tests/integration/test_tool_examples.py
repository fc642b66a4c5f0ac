"""The servers that docs/tools.md shows, run as they stand there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.broker_tools import BrokerTools
from orchestrator.http_tools import HttpTools
from orchestrator.own_tools import OwnTools
from orchestrator.tool_signing import new_secret
from orchestrator.tools import ToolFailed
from testkit import eventually_async

from .test_broker_tools import consumer_url, events  # noqa: F401 - a fixture
from .test_http_tools import ANYWHERE, tool_at

PAGE = Path(__file__).parents[4] / "docs/tools.md"


def example(number: int) -> dict[str, Any]:
    """Run one of the page's Python blocks, as a module that is imported."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module = {"__name__": "example"}
    exec(compile(blocks[number], f"{PAGE}[{number}]", "exec"), module)
    return module


async def test_the_server_by_https(monkeypatch: Any) -> None:
    secret = new_secret()
    monkeypatch.setenv("TOOL_SECRET", secret)
    app: web.Application = example(0)["app"]
    http = HttpTools(ANYWHERE)
    own = OwnTools(None, {"https": http})  # type: ignore[arg-type]
    async with TestServer(app) as server:
        url = str(server.make_url("/tools/order-status"))
        tool = tool_at(url, secrets=(new_secret(), secret))
        assert await own.try_once(tool, {"order": "4711"}) == (
            '{"status": "on its way, here tomorrow"}'
        )
        assert "no such order" in await refused(own, tool, {"order": "1"})
        assert "401" in await refused(own, tool_at(url), {"order": "4711"})
    await http.close()


async def refused(own: OwnTools, tool: Any, arguments: Any) -> str:
    with pytest.raises(ToolFailed) as caught:
        await own.try_once(tool, arguments)
    assert caught.value.outcome == "refused"
    return str(caught.value)


async def test_the_server_over_the_broker(events: Any) -> None:  # noqa: F811
    serving = asyncio.create_task(example(1)["serve"](consumer_url(events, "acme"), "acme"))
    broker = BrokerTools(events.url)
    tool = tool_at("", kind="broker", slug="acme", name="stock")
    own = OwnTools(None, {"broker": broker})  # type: ignore[arg-type]

    async def answered() -> bool:
        return await own.try_once(tool, {"sku": "b7"}) == '{"left": 3, "sku": "b7"}'

    await eventually_async(answered, "the example answers")
    serving.cancel()
    await asyncio.wait([serving])
    await broker.close()
