"""What we say to Anthropic's Messages API, and how its counts are read."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest

from contracts.v1.models import ChatMessage, ToolCall, ToolDefinition
from llm_router import anthropic_wire
from llm_router.anthropic_wire import AnthropicGathered, AnthropicWire, messages_body, read_message
from llm_router.domain import ModelFailed
from llm_router.lean import LeanAdapter

RULES = "Be kind. " * 600
PASSAGES = '<passage number="1" title="Returns">\nWithin 30 days.\n</passage>'


def body(chat_call: Any, *messages: ChatMessage, **others: Any) -> dict[str, Any]:
    call = chat_call("anthropic/claude-sim", messages=list(messages), **others)
    return messages_body(call, stream=False)


def asked(name: str, call_id: str, arguments: str, said: str = "") -> ChatMessage:
    call = ToolCall(call_id=call_id, name=name, arguments=arguments)
    return ChatMessage(role="assistant", content=said, tool_calls=[call], tool_call_id=None)


def found(call_id: str, text: str) -> ChatMessage:
    return ChatMessage(role="tool", content=text, tool_calls=[], tool_call_id=call_id)


def test_the_stable_prefix_is_marked_for_the_cache_and_passages_are_not(
    chat_call: Any, said: Any, search_tool: ToolDefinition
) -> None:
    system = said("system", f"{RULES}\n\n{PASSAGES}")
    sent = body(chat_call, system, said("user", "Hi"), tools=[search_tool])
    rules, passages = sent["system"]
    assert rules["cache_control"] == {"type": "ephemeral"}
    assert rules["text"] + passages["text"] == system.content
    assert passages["text"] == PASSAGES
    assert "cache_control" not in passages
    assert "cache_control" not in orjson.dumps(sent["tools"]).decode(), "one mark covers both"


def test_another_question_has_the_same_prefix(chat_call: Any, said: Any) -> None:
    one, two = (
        body(chat_call, said("system", f"{RULES}\n\n{passage}"), said("user", "Hi"))
        for passage in (PASSAGES, PASSAGES.replace("30", "14"))
    )
    assert one["system"][0] == two["system"][0]


def test_a_short_prefix_is_not_marked(chat_call: Any, said: Any) -> None:
    sent = body(chat_call, said("system", f"Be kind.\n\n{PASSAGES}"), said("user", "Hi"))
    assert "cache_control" not in orjson.dumps(sent).decode()


def test_long_tools_are_marked_where_the_rules_are_short(chat_call: Any, said: Any) -> None:
    tools = [
        ToolDefinition(name=f"tool_{n}", description="x" * 1_900, parameters="{}") for n in range(3)
    ]
    sent = body(chat_call, said("user", "Hi"), tools=tools)
    assert ["cache_control" in tool for tool in sent["tools"]] == [False, False, True]


def test_what_one_side_said_in_a_row_is_one_turn(chat_call: Any, said: Any) -> None:
    sent = body(
        chat_call,
        said("assistant", "Hello, I am a bot. "),
        said("user", "One"),
        said("user", " "),
        said("user", "Two"),
        asked("search", "call:1/x", '{"query": "a"}', "Let me look."),
        found("call:1/x", "In 14 days."),
        said("user", "And?"),
    )
    roles = [turn["role"] for turn in sent["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert [b["text"] for b in sent["messages"][2]["content"]] == ["One", "Two"]
    words, wish = sent["messages"][3]["content"]
    assert words["text"] == "Let me look."
    assert wish["input"] == {"query": "a"}
    result, more = sent["messages"][4]["content"]
    assert result["tool_use_id"] == wish["id"] == "call_1_x"
    assert more["text"] == "And?"


@pytest.mark.parametrize("arguments", ['{"query": "half', "[1]", '"text"'])
def test_arguments_that_are_no_object_are_shown_to_the_model_as_they_were(
    chat_call: Any, said: Any, arguments: str
) -> None:
    sent = body(chat_call, said("user", "Hi"), asked("search", "a", arguments), found("a", "bad"))
    [wish] = sent["messages"][1]["content"]
    assert isinstance(wish["input"], dict)
    assert wish["input"]


@pytest.mark.parametrize("stream", [False, True])
async def test_cached_tokens_are_counted_apart(
    provider: Any, session: aiohttp.ClientSession, chat_call: Any, *, stream: bool
) -> None:
    await provider.script({"text": "Yes.", "cached_tokens": 20, "cache_write_tokens": 5})
    lean = LeanAdapter(session, 1.0, AnthropicWire())
    call = chat_call("anthropic/claude-sim", provider.url)
    outcome = await lean.chat(call, (lambda _: None) if stream else None)
    assert (outcome.cached_tokens, outcome.cache_write_tokens) == (20, 5)
    [asked] = await provider.calls()
    assert asked["headers"]["x-api-key"] == "sk-test"
    assert asked["headers"]["anthropic-version"] == anthropic_wire.VERSION
    plain = await lean.chat(call, None)
    assert plain.input_tokens == outcome.input_tokens, "cached tokens were read too"


@pytest.mark.parametrize(
    ("raw", "unified"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
    ],
)
def test_reasons_to_stop(raw: str, unified: str) -> None:
    answer = {"content": [{"type": "text", "text": "So."}], "stop_reason": raw}
    assert read_message(orjson.dumps(answer)).finish_reason == unified


def test_blocks_and_events_that_we_do_not_know_are_passed_over() -> None:
    gathered = AnthropicGathered()
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    for event in (
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": thinking},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "Hm"},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "something_new"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "A"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None},
    ):
        gathered.take_event(event)
    assert gathered.outcome().text == "A"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("overloaded_error", "overloaded"),
        ("api_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("authentication_error", "not_authorised"),
        ("billing_error", "not_authorised"),
        ("not_found_error", "unknown_model"),
        ("request_too_large", "context_too_long"),
        ("invalid_request_error", "bad_request"),
        ("timeout_error", "timeout"),
    ],
)
def test_errors_inside_a_stream_have_their_code(kind: str, code: str) -> None:
    event = {"type": "error", "error": {"type": kind, "message": "no"}}
    with pytest.raises(ModelFailed) as caught:
        AnthropicGathered().take_event(event)
    assert caught.value.code == code
