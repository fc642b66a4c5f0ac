"""One suite for every road to a model: the lean path, litellm, and the builtin by both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest

from contracts.v1.models import ChatMessage, ToolCall, ToolDefinition
from llm_router.builtin import BuiltinAdapter
from llm_router.domain import Access, ChatAdapter, ChatCall, ChatOutcome, Model, ModelFailed
from llm_router.lean import LeanAdapter, versioned
from llm_router.through_litellm import LitellmAdapter

ROADS = {
    "lean-openai": ("lean", "openai/sim"),
    "litellm-openai": ("litellm", "openai/sim"),
    "litellm-anthropic": ("litellm", "anthropic/claude-sim"),
    "litellm-ollama": ("litellm", "ollama/sim"),
}
STALL_SECONDS = 1.0
Call = Callable[..., ChatCall]

_litellm = LitellmAdapter(BuiltinAdapter(None), STALL_SECONDS)


@pytest.fixture(scope="module", autouse=True)
def _litellm_is_loaded() -> None:
    """Import it before the clock of a test runs: seconds on an idle machine, more on a busy one."""
    asyncio.run(_litellm.load())


class Road:
    """One adapter, one model, streamed or not."""

    def __init__(
        self, adapter: ChatAdapter, model: str, provider: Any, chat_call: Call, *, stream: bool
    ) -> None:
        self.adapter, self.model, self.provider, self.stream = adapter, model, provider, stream
        self._chat_call = chat_call
        self.words: list[str] = []

    async def chat(self, **others: Any) -> ChatOutcome:
        call = self._chat_call(self.model, self.provider.url, **others)
        return await self.adapter.chat(call, self.words.append if self.stream else None)

    async def failing(self, *steps: dict[str, Any], **others: Any) -> ModelFailed:
        await self.provider.script(*steps)
        with pytest.raises(ModelFailed) as caught:
            async with asyncio.timeout(20):
                await self.chat(**others)
        return caught.value


@pytest.fixture(params=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "streamed")


@pytest.fixture(params=list(ROADS))
async def road(
    request: pytest.FixtureRequest,
    session: aiohttp.ClientSession,
    provider: Any,
    chat_call: Call,
    *,
    stream: bool,
) -> AsyncIterator[Road]:
    kind, model = ROADS[request.param]
    adapter = LeanAdapter(session, STALL_SECONDS) if kind == "lean" else _litellm
    yield Road(adapter, model, provider, chat_call, stream=stream)
    if kind == "litellm":
        await _litellm.close()


async def test_an_answer_with_its_tokens(road: Road) -> None:
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
    road: Road, search_tool: ToolDefinition
) -> None:
    await road.chat(tools=[search_tool])
    [call] = await road.provider.calls()
    assert call["body"]["model"] == road.model.partition("/")[2]
    assert "within 30 days" in json.dumps(call["body"])
    assert "How long do I have" in json.dumps(call["body"]["messages"])
    assert "search_knowledge_base" in json.dumps(call["body"]["tools"])
    if not road.model.startswith("ollama"):
        assert "sk-test" in json.dumps(call["headers"])


async def test_a_tool_call_and_its_answer(
    road: Road, said: Any, search_tool: ToolDefinition
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
    road: Road, search_tool: ToolDefinition
) -> None:
    await road.provider.script({"kind": "invalid_tool_json"})
    outcome = await road.chat(tools=[search_tool])
    [call] = outcome.tool_calls
    assert call.name == "search_knowledge_base"
    assert isinstance(call.arguments, str)


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ({"kind": "error", "status": 429, "retry_after_seconds": 3}, {"rate_limited"}),
        ({"kind": "error", "status": 500}, {"overloaded"}),
        ({"kind": "error", "status": 503}, {"overloaded"}),
        ({"kind": "error", "status": 529}, {"overloaded"}),
        ({"kind": "error", "status": 401}, {"not_authorised"}),
        ({"kind": "error", "status": 404}, {"unknown_model"}),
        ({"kind": "error", "status": 400}, {"bad_request"}),
        ({"kind": "cut"}, {"truncated", "unreachable"}),
        ({"kind": "cut", "clean": True}, {"truncated", "bad_response"}),
        ({"kind": "hang"}, {"timeout"}),
        ({"kind": "empty"}, {"empty_answer"}),
        ({"kind": "wrong_encoding"}, {"bad_response", "truncated"}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_every_fault_is_a_failure_with_a_code(
    road: Road, step: dict[str, Any], codes: set[str]
) -> None:
    failure = await road.failing(step, timeout_seconds=1.5)
    assert failure.code in codes, failure
    assert failure.detail


async def test_one_try_is_one_call(road: Road) -> None:
    await road.failing({"kind": "error", "status": 500, "times": 5})
    assert (
        len([c for c in await road.provider.calls() if "chat" in c["path"] or "mess" in c["path"]])
        == 1
    )


async def test_a_provider_that_is_away_is_unreachable(road: Road, chat_call: Call) -> None:
    call = chat_call(road.model, "http://127.0.0.1:9")
    with pytest.raises(ModelFailed) as caught:
        await road.adapter.chat(call, None)
    assert caught.value.code in {"unreachable", "overloaded"}


@pytest.fixture(params=["direct", "litellm"])
def builtin(request: pytest.FixtureRequest) -> ChatAdapter:
    return BuiltinAdapter(None) if request.param == "direct" else _litellm


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
    ("kind", "model"), [("lean", "openai/e"), ("litellm", "openai/e"), ("litellm", "ollama/e")]
)
async def test_vectors_are_unit_length_and_in_order(
    kind: str, model: str, session: aiohttp.ClientSession, provider: Any
) -> None:
    adapter = LeanAdapter(session, STALL_SECONDS) if kind == "lean" else _litellm
    texts = ["return an item", "opening hours on sunday", "an item to return"]
    access = Access(provider.url, "sk-test")
    found = await adapter.embed(Model.named(model), access, texts, "passage", 5.0)
    rows = np.stack([np.frombuffer(row, "<f4") for row in found.rows])
    assert rows.shape == (3, 384)
    assert found.dimensions == 384
    assert found.tokens > 0
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)
    assert rows[0] @ rows[2] > rows[0] @ rows[1]
    await _litellm.close()


@pytest.mark.parametrize("kind", ["lean", "litellm"])
async def test_embedding_faults_have_a_code(
    kind: str, session: aiohttp.ClientSession, provider: Any
) -> None:
    adapter = LeanAdapter(session, STALL_SECONDS) if kind == "lean" else _litellm
    await provider.script({"kind": "error", "status": 429, "operation": "embed"})
    with pytest.raises(ModelFailed) as caught:
        await adapter.embed(Model.named("openai/e"), Access(provider.url, "k"), ["a"], "query", 5.0)
    assert caught.value.code == "rate_limited"
    await _litellm.close()


async def test_an_endless_stream_is_cut_at_our_limit(
    session: aiohttp.ClientSession,
    provider: Any,
    chat_call: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llm_router.openai_wire.TEXT_CHARACTERS_MAX", 200)
    await provider.script({"kind": "endless"})
    heard: list[str] = []
    lean = LeanAdapter(session, STALL_SECONDS)
    outcome = await lean.chat(chat_call("openai/sim", provider.url), heard.append)
    assert outcome.finish_reason == "length"
    assert len(outcome.text) == 200


async def test_litellm_never_asks_ollama_in_between(provider: Any, chat_call: Call) -> None:
    await _litellm.chat(chat_call("ollama/sim", provider.url), None)
    assert {call["path"] for call in await provider.calls()} == {"/api/chat"}
    async with provider.session.get(f"{provider.url}/_sim/calls") as answer:
        assert (await answer.json())["asides"] == 0
    await _litellm.close()


async def test_an_answer_cut_after_its_finish_reason_is_whole(
    session: aiohttp.ClientSession, provider: Any, chat_call: Call
) -> None:
    await provider.script({"kind": "cut", "text": "All there is.", "after_finish": True})
    heard: list[str] = []
    lean = LeanAdapter(session, STALL_SECONDS)
    outcome = await lean.chat(chat_call("openai/sim", provider.url), heard.append)
    assert (outcome.text, outcome.output_tokens) == ("All there is.", None)


async def test_lean_reads_retry_after(
    session: aiohttp.ClientSession, provider: Any, chat_call: Call
) -> None:
    await provider.script({"kind": "error", "status": 429, "retry_after_seconds": 7})
    with pytest.raises(ModelFailed) as caught:
        await LeanAdapter(session, STALL_SECONDS).chat(chat_call("openai/sim", provider.url), None)
    assert caught.value.retry_after_seconds == 7


def test_base_urls_are_given_with_or_without_their_version() -> None:
    assert versioned("http://127.0.0.1:1") == "http://127.0.0.1:1/v1"
    assert versioned("http://127.0.0.1:1/") == "http://127.0.0.1:1/v1"
    assert versioned("https://host/v1/") == "https://host/v1"
    assert versioned("https://host/openai/v2") == "https://host/openai/v2"
