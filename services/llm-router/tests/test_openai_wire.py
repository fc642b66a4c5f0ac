"""OpenAI's format where the suites of all roads do not reach, and the reader of events."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import orjson
import pytest

from llm_router.domain import ModelFailed
from llm_router.gathering import EventReader, failure_of_body, failure_of_event
from llm_router.lean import LeanAdapter
from llm_router.openai_wire import OpenAIGathered, read_answer

TOO_LONG = "maximum context length is 8 tokens"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_in_its_own_field_is_one(
    provider: Any, session: aiohttp.ClientSession, chat_call: Any, *, stream: bool
) -> None:
    await provider.script({"kind": "refusal", "refusal_field": True})
    call = chat_call("openai/sim", provider.url)
    outcome = await LeanAdapter(session, 1.0).chat(call, (lambda _: None) if stream else None)
    assert (outcome.text, outcome.finish_reason) == ("I cannot help with that.", "content_filter")


async def test_a_stream_that_drips_is_a_stall_long_before_its_deadline(
    provider: Any, session: aiohttp.ClientSession, chat_call: Any
) -> None:
    await provider.script({"kind": "drip", "chunk_delay_ms": 20})
    started = time.monotonic()
    with pytest.raises(ModelFailed) as caught:
        await LeanAdapter(session, 0.3).chat(chat_call("openai/sim", provider.url), print)
    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 5.0


async def test_a_server_that_answers_whole_though_asked_for_a_stream_is_understood(
    chat_call: Any, session: aiohttp.ClientSession
) -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    choice = {"message": {"content": "All at once."}, "finish_reason": "stop"}

    async def whole(_: web.Request) -> web.Response:
        return web.json_response({"choices": [choice]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", whole)
    async with TestServer(app) as server:
        call = chat_call("openai/sim", str(server.make_url("")))
        outcome = await LeanAdapter(session, 1.0).chat(call, print)
    assert outcome.text == "All at once."


async def test_connections_are_used_again_after_streams(provider: Any, chat_call: Any) -> None:
    async with aiohttp.ClientSession() as session:
        lean = LeanAdapter(session, 1.0)
        for _ in range(5):
            await lean.chat(chat_call("openai/sim", provider.url), lambda _: None)
        assert session.connector is not None
        kept = [len(pool) for pool in session.connector._conns.values()]
    assert kept == [1], "a new connection for each answer costs its handshakes"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"words"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": [1]}',
        b'{"choices": [{"finish_reason": "stop", "message": {"content": {"a": 1}}}]}',
        b'{"choices": [{"finish_reason": "stop", "message": {"tool_calls": [1]}}]}',
        b'{"choices": [{"finish_reason": 7, "message": {"content": "a"}}]}',
    ],
)
def test_other_shapes_never_pass_for_an_answer(body: bytes) -> None:
    from llm_router.lean_http import understood

    with pytest.raises(ModelFailed) as caught, understood():
        read_answer(body)
    assert caught.value.code in {"bad_response", "empty_answer"}


def test_events_are_read_however_they_are_cut_and_whatever_stands_before_them() -> None:
    stream = b'\xef\xbb\xbfdata: {"a":1}\r\n\r\n: comment\nevent: x\ndata:{"a":2}\n\ndata: [DONE]\n'
    for size in (1, 2, 7, len(stream)):
        reader = EventReader()
        cuts = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert [event["a"] for cut in cuts for event in reader.feed(cut)] == [1, 2]
        assert reader.done


def test_an_event_without_an_end_is_bounded() -> None:
    reader = EventReader()
    with pytest.raises(ModelFailed) as caught:
        for _ in range(100):
            list(reader.feed(b"data: " + b"x" * 20_000))
    assert caught.value.code == "bad_response"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "rate_limit_exceeded", "message": "slow down"}, "rate_limited"),
        ({"code": 429, "message": "slow down"}, "rate_limited"),
        ({"type": "insufficient_quota"}, "not_authorised"),
        (
            {"type": "invalid_request_error", "message": "maximum context length"},
            "context_too_long",
        ),
        ({"code": "model_not_found"}, "unknown_model"),
        ({"type": "server_error"}, "overloaded"),
        ({"code": ["odd"]}, "overloaded"),
        ("words only", "overloaded"),
    ],
)
def test_errors_inside_an_answer_have_their_code(error: Any, code: str) -> None:
    assert failure_of_event(error).code == code
    with pytest.raises(ModelFailed) as caught:
        OpenAIGathered().take_event({"error": error})
    assert caught.value.code == code


def test_money_that_is_spent_is_no_limit_that_passes() -> None:
    body = orjson.dumps({"error": {"type": "insufficient_quota", "message": "pay first"}})
    failure = failure_of_body(429, body, None)
    assert (failure.code, "pay first" in failure.detail) == ("not_authorised", True)
