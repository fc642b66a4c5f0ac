"""Every way in which a provider fails, on every road: a failure with a code, or a whole answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contracts.v1.models import ToolDefinition
from llm_router.domain import ModelFailed
from testkit import eventually_async

CUT = {"truncated", "unreachable"}
TOO_LONG = "prompt is too long: 9 > 8 tokens of context window"
NEVER_ENDING = {"hang", "drip"}
LITELLM_BEARS = {"broken-bytes", "latin-1", "reset"}
"""It puts a sign for broken bytes and asks again after a reset: answers, if not beautiful ones."""
FAULTS = {
    "429": ({"kind": "error", "status": 429, "retry_after_seconds": 3}, {"rate_limited"}),
    "500": ({"kind": "error", "status": 500}, {"overloaded"}),
    "503": ({"kind": "error", "status": 503}, {"overloaded"}),
    "529": ({"kind": "error", "status": 529}, {"overloaded"}),
    "401": ({"kind": "error", "status": 401}, {"not_authorised"}),
    "404": ({"kind": "error", "status": 404}, {"unknown_model"}),
    "400": ({"kind": "error", "status": 400}, {"bad_request"}),
    "too-long": (
        {
            "kind": "error",
            "status": 400,
            "message": TOO_LONG,
        },
        {"context_too_long"},
    ),
    "cut": ({"kind": "cut"}, CUT),
    "cut-clean": ({"kind": "cut", "clean": True}, {"truncated", "bad_response"}),
    "hang": ({"kind": "hang"}, {"timeout"}),
    "drip": ({"kind": "drip"}, {"timeout"}),
    "empty": ({"kind": "empty"}, {"empty_answer"}),
    "broken-bytes": ({"kind": "wrong_encoding"}, {"bad_response", "truncated"}),
    "latin-1": ({"kind": "wrong_encoding", "encoding": "latin-1"}, {"bad_response", "truncated"}),
    "html": ({"kind": "html"}, {"bad_response", "truncated", "overloaded"}),
    "reset": ({"kind": "reset"}, {"unreachable"}),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_every_fault_is_a_failure_with_a_code(road: Any, fault: str) -> None:
    step, codes = FAULTS[fault]
    if not road.lean and not road.model.startswith("openai") and fault in LITELLM_BEARS:
        pytest.skip("litellm answers all the same")
    seconds = 0.4 if fault in NEVER_ENDING else 5.0
    failure = await road.failing(step, timeout_seconds=seconds)
    assert failure.code in ({"bad_response"} if road.lean and fault == "html" else codes), failure
    assert failure.detail
    assert len(await road.provider.calls()) == 1, "one try is one call"


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_retry_after_is_read(road: Any, *, as_date: bool) -> None:
    step = {"kind": "error", "status": 429, "retry_after_seconds": 7, "retry_after_date": as_date}
    failure = await road.failing(step)
    assert failure.retry_after_seconds is not None
    assert 5 <= failure.retry_after_seconds <= 7


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (529, {"overloaded", "rate_limited", "truncated", "bad_response"}),
        (429, {"rate_limited", "truncated", "overloaded", "bad_response"}),
    ],
)
async def test_an_error_in_the_middle_is_a_failure(road: Any, status: int, codes: set[str]) -> None:
    failure = await road.failing({"kind": "stream_error", "status": status, "message": "busy now"})
    assert failure.code in codes, failure
    if road.lean:
        assert "busy now" in failure.detail


async def test_a_provider_that_is_away_is_unreachable(road: Any) -> None:
    call = road.chat_call(road.model, "http://127.0.0.1:9")
    with pytest.raises(ModelFailed) as caught:
        await road.adapter.chat(call, None)
    assert caught.value.code in {"unreachable", "overloaded"}


async def test_a_refusal_is_told_as_one(road: Any) -> None:
    await road.provider.script({"kind": "refusal"})
    outcome = await road.chat()
    assert outcome.finish_reason == "content_filter"
    assert outcome.text == "I cannot help with that."


async def test_more_tool_calls_than_we_take_are_no_answer(
    road: Any, search_tool: ToolDefinition
) -> None:
    failure = await road.failing({"kind": "tool_call", "tool_count": 17}, tools=[search_tool])
    assert failure.code == "bad_response", failure


async def test_several_tools_are_called_at_once(road: Any, search_tool: ToolDefinition) -> None:
    await road.provider.script({"kind": "tool_call", "tool_count": 3})
    outcome = await road.chat(tools=[search_tool])
    assert len(outcome.tool_calls) == 3
    assert {json.loads(call.arguments)["query"] for call in outcome.tool_calls} == {
        "How long do I have to return an item?"
    }


async def test_an_unknown_tool_is_passed_on_for_the_asker_to_judge(
    road: Any, search_tool: ToolDefinition
) -> None:
    await road.provider.script({"kind": "tool_call", "tool": "drop_tables"})
    outcome = await road.chat(tools=[search_tool])
    assert [call.name for call in outcome.tool_calls] == ["drop_tables"]


async def test_a_tool_call_when_none_was_offered_is_no_answer(road: Any) -> None:
    assert (await road.failing({"kind": "tool_call"})).code == "bad_response"


async def test_invalid_tool_arguments_never_break_the_call(
    road: Any, search_tool: ToolDefinition
) -> None:
    await road.provider.script({"kind": "invalid_tool_json"})
    outcome = await road.chat(tools=[search_tool])
    [call] = outcome.tool_calls
    assert call.name == "search_knowledge_base"
    assert isinstance(call.arguments, str)


@pytest.mark.parametrize(
    ("raw", "unified"),
    [("length", "length"), ("content_filter", "content_filter"), ("stop", "stop")],
)
async def test_reasons_to_stop_are_unified(road: Any, raw: str, unified: str) -> None:
    await road.provider.script({"text": "So far.", "finish_reason": raw})
    assert (await road.chat()).finish_reason == unified


async def test_a_byte_order_mark_harms_nothing(road: Any) -> None:
    if not road.lean:
        pytest.skip("litellm's clients may stumble over it; that is a failure with a code")
    await road.provider.script({"kind": "wrong_encoding", "encoding": "bom"})
    assert (await road.chat()).text == "Le café est ouvert aujourd'hui."


async def test_a_stream_cut_after_its_reason_to_stop_is_whole(road: Any) -> None:
    if not road.stream or not road.lean:
        pytest.skip("only the lean roads see the difference")
    await road.provider.script({"kind": "cut", "text": "All there is.", "after_finish": True})
    outcome = await road.chat()
    assert outcome.text == "All there is."
    assert outcome.finish_reason == "stop"


async def test_an_endless_stream_is_cut_at_our_limit_and_closed(
    road: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not road.stream:
        pytest.skip("there is no endless body")
    monkeypatch.setattr("llm_router.gathering.TEXT_CHARACTERS_MAX", 200)
    await road.provider.script({"kind": "endless"})
    outcome = await road.chat()
    assert outcome.finish_reason == "length"
    assert len(outcome.text) == 200
    await eventually_async(lambda: _ended(road, "caller left"), "the provider sees it", 1.0)


async def test_a_caller_that_leaves_closes_the_call(road: Any) -> None:
    await road.provider.script({"kind": "hang"})
    asking = asyncio.create_task(road.chat())
    await eventually_async(lambda: _ended(road, "hanging"), "the call is open")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await eventually_async(lambda: _ended(road, "caller left"), "the provider sees it", 1.0)


async def _ended(road: Any, how: str) -> bool:
    calls = await road.provider.calls()
    return bool(calls) and calls[-1]["ended"] == how
