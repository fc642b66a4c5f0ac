"""Tool servers at their worst: whatever they do is one sentence for the model, soon."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from bus import Refused
from egress import EgressPolicy
from orchestrator.http_tools import HttpTools
from orchestrator.own_tools import OwnCall, OwnTool, OwnTools
from orchestrator.tool_requests import check_address, check_headers, same_origin
from orchestrator.tool_signing import new_secret
from orchestrator.tools import ToolFailed

from .tool_desk import RING
from .tool_server import ToolServer, serving

ANYWHERE = EgressPolicy(allow_private_networks=True)
PUBLIC = EgressPolicy()


@pytest.fixture
async def server() -> Any:
    async with serving() as made:
        yield made


def tool_at(url: str, **changes: Any) -> OwnTool:
    fields = {
        "tenant_id": uuid4(),
        "name": "order_status",
        "description": "Where an order is.",
        "parameters": {"type": "object"},
        "kind": "https",
        "timeout_seconds": 2.0,
        "result_characters_max": 500,
        "repeatable": False,
        "url": url,
        "secrets": (new_secret(),),
    }
    return OwnTool(**{**fields, **changes})


async def asked(tool: OwnTool, policy: EgressPolicy = ANYWHERE) -> str:
    http = HttpTools(policy)
    try:
        return await OwnTools(None, {"https": http}).try_once(tool, {})  # type: ignore[arg-type]
    finally:
        await http.close()


async def failed(tool: OwnTool, policy: EgressPolicy = ANYWHERE) -> ToolFailed:
    with pytest.raises(ToolFailed) as caught:
        await asked(tool, policy)
    assert str(tool.url) not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert all(secret not in str(caught.value) for secret in tool.secrets)
    return caught.value


def answers(server: ToolServer, **response: Any) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(**response)

    server.answering = answer


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"text": '{"a": 1}', "content_type": "application/json"}, '{"a": 1}'),
        ({"text": "Shipped.\u200b", "content_type": "text/plain"}, "Shipped."),
        ({"status": 204}, "(an empty answer)"),
        ({"text": "x" * 600}, "x" * 470 + "… [cut: the answer was longer]"),
    ],
)
async def test_answers_that_a_model_can_read(server: ToolServer, response: Any, text: str) -> None:
    answers(server, **response)
    assert await asked(tool_at(server.url)) == text


@pytest.mark.parametrize(
    ("response", "outcome", "maybe_done", "words"),
    [
        ({"text": "{", "content_type": "application/json"}, "failed", True, "not valid JSON"),
        ({"body": b"\xff\xfe", "content_type": "text/plain"}, "failed", True, "UTF-8"),
        ({"body": b"GIF89a", "content_type": "image/gif"}, "failed", True, "neither JSON nor"),
        ({"status": 422, "text": "order has 4 digits"}, "refused", False, "order has 4 digits"),
        ({"status": 401, "body": b"", "content_type": "text/plain"}, "refused", False, "401"),
        ({"status": 503, "text": "at 10.0.0.1: oops"}, "failed", True, "status 503"),
        ({"status": 302, "headers": {"Location": "/b"}}, "failed", False, "redirect"),
        ({"body": b"x", "headers": {"Content-Encoding": "gzip"}}, "failed", True, "packed"),
    ],
)
async def test_other_answers_are_told_in_words(
    server: ToolServer, response: Any, outcome: str, maybe_done: bool, words: str
) -> None:
    answers(server, **response)
    failure = await failed(tool_at(server.url))
    assert (failure.outcome, failure.maybe_done) == (outcome, maybe_done)
    assert words in str(failure)
    assert "oops" not in str(failure)
    assert len(server.came) == 1


@pytest.mark.parametrize("announced", [False, True])
async def test_an_answer_of_a_gigabyte_is_not_read(server: ToolServer, announced: bool) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if announced:
            response.content_length = 2**30
        await response.prepare(request)
        for _ in range(2**30 // 65_536):
            await response.write(b"x" * 65_536)
        return response

    server.answering = endless
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = monotonic()
    failure = await failed(tool_at(server.url))
    assert (failure.outcome, failure.maybe_done) == ("too_large", True)
    assert monotonic() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_server_that_hangs_costs_its_time_and_no_more(server: ToolServer) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await server.closed.wait()
        return web.Response()

    server.answering = hang
    started = monotonic()
    failure = await failed(tool_at(server.url, timeout_seconds=0.2))
    assert (failure.outcome, failure.maybe_done) == ("timeout", True)
    assert 0.2 <= monotonic() - started < 1


async def test_a_server_that_drips_costs_its_time_and_no_more(server: ToolServer) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while not server.closed.is_set():
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response

    server.answering = drip
    assert (await failed(tool_at(server.url, timeout_seconds=0.2))).outcome == "timeout"


async def test_nobody_at_the_address(unused_tcp_port: int) -> None:
    failure = await failed(tool_at(f"http://127.0.0.1:{unused_tcp_port}/"))
    assert (failure.outcome, failure.maybe_done) == ("unreachable", False)


@pytest.mark.parametrize("private", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
async def test_a_name_that_leads_inside_is_not_dialled(
    server: ToolServer, monkeypatch: Any, private: str
) -> None:
    """Also the name that changed its mind since it was kept (rebinding)."""

    async def rebound(self: Any, host: str, port: int, **_: Any) -> Any:
        family = socket.AF_INET6 if ":" in private else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (private, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
    check_address(PUBLIC, "https://tools.shop.example/order")
    failure = await failed(tool_at("https://tools.shop.example/order"), PUBLIC)
    assert (failure.outcome, failure.maybe_done) == ("blocked", False)


@pytest.mark.parametrize(
    "url",
    [
        None, "", "http://shop.example/", "https://127.0.0.1/", "https://[::1]/", "ftp://a.example",
        "https://shop.example:22/", "https://user:pass@shop.example/", "https://169.254.169.254/",
    ],
)  # fmt: skip
async def test_addresses_that_are_not_kept_and_not_called(url: str | None) -> None:
    with pytest.raises(Refused) as caught:
        check_address(PUBLIC, url)
    assert caught.value.code in {"address_refused", "invalid_tool"}
    with pytest.raises(ToolFailed) as failed_at_once:
        await asked(tool_at(url or "https://"), PUBLIC)
    assert failed_at_once.value.outcome == "blocked"


@pytest.mark.parametrize(
    "headers",
    [{"Webhook-Signature": "v1,x"}, {"host": "a"}, {"a b": "c"}, {"a": "b\r\nc: d"}, {"a": "č"},
     {f"x-{number}": "a" for number in range(17)}, [], {"Content-Length": "0"}],
)  # fmt: skip
def test_headers_that_are_not_sent(headers: Any) -> None:
    sealed = RING.seal(json.dumps(headers).encode(), "here")
    with pytest.raises(Refused, match=r".+"):
        check_headers(RING, sealed, "here")


def test_headers_of_another_tenant_or_tool_cannot_be_read() -> None:
    sealed = RING.seal(b'{"authorization": "x"}', "tool-headers:one:a")
    with pytest.raises(Refused):
        check_headers(RING, sealed, "tool-headers:two:a")


async def test_a_tool_cannot_choose_what_we_sign(server: ToolServer) -> None:
    tool = tool_at(server.url, headers={"webhook-id": "mine", "x-own": "1"})
    await asked(tool)
    assert server.came[0][0]["webhook-id"] != "mine"
    assert server.verified(tool.secrets[0])["tool"] == "order_status"
    call = OwnCall(uuid4(), {}, {}, {}, None, 1.0)
    assert json.loads(call.body(tool))["turn_id"] is None


def test_headers_stay_with_their_address() -> None:
    assert same_origin("https://a.example/x", "https://a.example/y")
    assert not same_origin("https://a.example/x", "https://b.example/x")
    assert not same_origin("https://a.example/x", None)
