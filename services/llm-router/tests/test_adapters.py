"""One suite for every road to a model: the lean path, litellm, and the builtin by both."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import pytest

from contracts.v1.models import ChatMessage, ToolCall, ToolDefinition
from llm_router.anthropic_wire import AnthropicWire
from llm_router.builtin import BuiltinAdapter
from llm_router.domain import Access, ChatAdapter, ChatCall, Model, ModelFailed
from llm_router.lean import LeanEmbeddings
from llm_router.openai_wire import versioned
from llm_router.through_litellm import LitellmAdapter

STALL_SECONDS = 1.0
Call = Callable[..., ChatCall]


async def test_an_answer_with_its_tokens(road: Any) -> None:
    outcome = await road.chat()
    assert outcome.text.endswith("You may return an item within 30 days. [1]")
    assert outcome.finish_reason == "stop"
    assert outcome.tool_calls == ()
    assert outcome.input_tokens
    assert outcome.output_tokens
    if road.stream:
        assert "".join(road.words) == outcome.text
        assert len(road.words) > 3


async def test_the_whole_request_reaches_the_provider(
    road: Any, search_tool: ToolDefinition
) -> None:
    await road.chat(tools=[search_tool])
    [call] = await road.provider.calls()
    assert call["body"]["model"] == road.model.partition("/")[2]
    assert "within 30 days" in json.dumps(call["body"])
    assert "How long do I have" in json.dumps(call["body"]["messages"])
    assert "search_knowledge_base" in json.dumps(call["body"]["tools"])
    if road.lean or not road.model.startswith("ollama"):
        assert "sk-test" in json.dumps(call["headers"])


async def test_a_tool_call_and_its_answer(
    road: Any, said: Any, search_tool: ToolDefinition
) -> None:
    await road.provider.script({"kind": "tool_call"})
    outcome = await road.chat(tools=[search_tool])
    assert outcome.finish_reason == "tool_calls"
    [call] = outcome.tool_calls
    assert call.name == "search_knowledge_base"
    assert json.loads(call.arguments) == {"query": "How long do I have to return an item?"}
    wish = ChatMessage(role="assistant", content="", tool_calls=[call], tool_call_id=None)
    found = ChatMessage(
        role="tool", content="[1] Returns\nIn 14 days.", tool_calls=[], tool_call_id=call.call_id
    )
    told = [said("user", "How long?"), wish, found]
    second = await road.chat(messages=told, tools=[search_tool])
    assert second.finish_reason == "stop"
    assert "In 14 days. [1]" in second.text


async def test_invalid_tool_arguments_never_break_the_call(
    road: Any, search_tool: ToolDefinition
) -> None:
    await road.provider.script({"kind": "invalid_tool_json"})
    outcome = await road.chat(tools=[search_tool])
    [call] = outcome.tool_calls
    assert call.name == "search_knowledge_base"
    assert isinstance(call.arguments, str)


@pytest.fixture(params=["direct", "litellm"])
def builtin(request: pytest.FixtureRequest, litellm: LitellmAdapter) -> ChatAdapter:
    return BuiltinAdapter(None) if request.param == "direct" else litellm


async def test_builtin_answers_by_both_roads(
    builtin: ChatAdapter, chat_call: Call, *, stream: bool
) -> None:
    words: list[str] = []
    outcome = await builtin.chat(chat_call("builtin/extractive"), words.append if stream else None)
    assert outcome.text == "You may return an item within 30 days. [1]"
    assert outcome.finish_reason == "stop"
    assert "".join(words) == (outcome.text if stream else "")


async def test_builtin_asks_for_the_tool_by_both_roads(
    builtin: ChatAdapter, chat_call: Call, search_tool: ToolDefinition, *, stream: bool
) -> None:
    call = chat_call("builtin/extractive", passages=[], tools=[search_tool])
    outcome = await builtin.chat(call, (lambda _: None) if stream else None)
    assert outcome.finish_reason == "tool_calls"
    assert [type(wish) for wish in outcome.tool_calls] == [ToolCall]
    assert json.loads(outcome.tool_calls[0].arguments)["query"].startswith("How long")


async def test_an_unknown_builtin_is_told_as_such(builtin: ChatAdapter, chat_call: Call) -> None:
    with pytest.raises(ModelFailed) as caught:
        await builtin.chat(chat_call("builtin/oracle"), None)
    assert caught.value.code == "unknown_model"


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("lean", "openai/e"),
        ("lean", "ollama/e"),
        ("litellm", "openai/e"),
        ("litellm", "ollama/e"),
    ],
)
async def test_vectors_are_unit_length_and_in_order(
    kind: str, model: str, session: aiohttp.ClientSession, provider: Any, litellm: LitellmAdapter
) -> None:
    adapter = LeanEmbeddings(session) if kind == "lean" else litellm
    texts = ["return an item", "opening hours on sunday", "an item to return"]
    access = Access(provider.url, "sk-test")
    found = await adapter.embed(Model.named(model), access, texts, "passage", 5.0)
    rows = np.stack([np.frombuffer(row, "<f4") for row in found.rows])
    assert rows.shape == (3, 384)
    assert found.dimensions == 384
    assert found.tokens > 0
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)
    assert rows[0] @ rows[2] > rows[0] @ rows[1]
    await litellm.close()


@pytest.mark.parametrize("kind", ["lean", "litellm"])
async def test_embedding_faults_have_a_code(
    kind: str, session: aiohttp.ClientSession, provider: Any, litellm: LitellmAdapter
) -> None:
    adapter = LeanEmbeddings(session) if kind == "lean" else litellm
    await provider.script({"kind": "error", "status": 429, "operation": "embed"})
    with pytest.raises(ModelFailed) as caught:
        await adapter.embed(Model.named("openai/e"), Access(provider.url, "k"), ["a"], "query", 5.0)
    assert caught.value.code == "rate_limited"
    await litellm.close()


async def test_litellm_never_asks_ollama_in_between(
    provider: Any, chat_call: Call, litellm: LitellmAdapter
) -> None:
    await litellm.chat(chat_call("ollama/sim", provider.url), None)
    assert {call["path"] for call in await provider.calls()} == {"/api/chat"}
    async with provider.session.get(f"{provider.url}/_sim/calls") as answer:
        assert (await answer.json())["asides"] == 0
    await litellm.close()


def test_base_urls_are_given_with_or_without_their_version() -> None:
    assert versioned("http://127.0.0.1:1") == "http://127.0.0.1:1/v1"
    assert versioned("http://127.0.0.1:1/") == "http://127.0.0.1:1/v1"
    assert versioned("https://host/v1/") == "https://host/v1"
    assert versioned("https://host/openai/v2") == "https://host/openai/v2"
    for given in ("https://host", "https://host/", "https://host/v1"):
        assert AnthropicWire().url(given) == "https://host/v1/messages"
    assert AnthropicWire().url("https://host/proxy") == "https://host/proxy/v1/messages"
