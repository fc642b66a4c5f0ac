"""Calls, settings and a running simulator of providers for the tests of this service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from contracts.v1.models import ChatMessage, GivenPassage, ToolDefinition
from llm_router.anthropic_wire import AnthropicWire
from llm_router.builtin import BuiltinAdapter
from llm_router.domain import Access, ChatAdapter, ChatCall, ChatOutcome, Model, ModelFailed
from llm_router.lean import LeanAdapter
from llm_router.through_litellm import LitellmAdapter

QUESTION = "How long do I have to return an item?"
PASSAGE = GivenPassage(
    number=1, title="Returns", text="You may return an item within 30 days. Keep the bill."
)
PROMPT = 'Answer.\n\n<passage number="1" title="Returns">\n' + PASSAGE.text + "\n</passage>"
SEARCH = ToolDefinition(
    name="search_knowledge_base",
    description="Search the documents.",
    parameters='{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}',
)

ROADS = {
    "lean-openai": ("lean", "openai/sim"),
    "lean-anthropic": ("lean-anthropic", "anthropic/claude-sim"),
    "lean-ollama": ("lean", "ollama/sim"),
    "litellm-openai": ("litellm", "openai/sim"),
    "litellm-anthropic": ("litellm", "anthropic/claude-sim"),
    "litellm-ollama": ("litellm", "ollama/sim"),
}
STALL_SECONDS = 1.0


class Provider:
    """The simulated providers and what they were asked."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session

    async def script(self, *steps: dict[str, Any], **body: Any) -> None:
        wish = {"steps": list(steps), **body}
        async with self.session.post(f"{self.url}/_sim/script", json=wish) as answer:
            assert answer.status == 200, await answer.text()

    async def calls(self) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/_sim/calls") as answer:
            return (await answer.json())["calls"]


class Road:
    """One adapter, one model, streamed or not."""

    def __init__(
        self,
        adapter: ChatAdapter,
        model: str,
        provider: Provider,
        chat_call: Callable[..., ChatCall],
        *,
        stream: bool,
    ) -> None:
        self.adapter, self.model, self.provider, self.stream = adapter, model, provider, stream
        self.lean = isinstance(adapter, LeanAdapter)
        self.chat_call = chat_call
        self.words: list[str] = []

    async def chat(self, **others: Any) -> ChatOutcome:
        call = self.chat_call(self.model, self.provider.url, **others)
        return await self.adapter.chat(call, self.words.append if self.stream else None)

    async def failing(self, *steps: dict[str, Any], **others: Any) -> ModelFailed:
        await self.provider.script(*steps)
        with pytest.raises(ModelFailed) as caught:
            async with asyncio.timeout(20):
                await self.chat(**others)
        return caught.value


@pytest.fixture(scope="session")
def litellm() -> LitellmAdapter:
    """litellm, imported before the clock of a test runs: seconds, more on a busy machine."""
    adapter = LitellmAdapter(BuiltinAdapter(None), STALL_SECONDS)
    adapter._import()
    return adapter


@pytest.fixture(params=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "streamed")


@pytest.fixture(params=list(ROADS))
async def road(
    request: pytest.FixtureRequest,
    session: aiohttp.ClientSession,
    provider: Provider,
    chat_call: Callable[..., ChatCall],
    *,
    stream: bool,
) -> AsyncIterator[Road]:
    """Every road to a model, whole and streamed."""
    kind, model = ROADS[request.param]
    if kind == "litellm":
        through: LitellmAdapter = request.getfixturevalue("litellm")
        yield Road(through, model, provider, chat_call, stream=stream)
        await through.close()
        return
    wire = AnthropicWire() if kind == "lean-anthropic" else None
    lean = LeanAdapter(session, STALL_SECONDS, wire)
    yield Road(lean, model, provider, chat_call, stream=stream)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def provider(session: aiohttp.ClientSession) -> AsyncIterator[Provider]:
    app = pytest.importorskip("simulators.providers.app")
    server = TestServer(app.create_app())
    await server.start_server()
    yield Provider(str(server.make_url("")).rstrip("/"), session)
    await server.close()


@pytest.fixture
def said() -> Callable[[str, str], ChatMessage]:
    """`said("user", "Hello")` makes a prompt message."""
    return _said


@pytest.fixture
def chat_call() -> Callable[..., ChatCall]:
    """`chat_call("openai/sim", url, tools=...)` makes a call about returning an item."""

    def make(model: str = "openai/sim", url: str | None = None, **others: Any) -> ChatCall:
        fields: dict[str, Any] = {
            "tenant_id": UUID("00000000-0000-7000-8000-000000000001"),
            "model": Model.named(model),
            "access": Access(url, "sk-test"),
            "purpose": "answer",
            "messages": [_said("system", PROMPT), _said("user", QUESTION)],
            "tools": [],
            "passages": [PASSAGE],
            "reply_tokens_max": 200,
            "timeout_seconds": 20.0,
        }
        return ChatCall(**(fields | others))

    return make


@pytest.fixture
def search_tool() -> ToolDefinition:
    """The tool by which a model searches the documents."""
    return SEARCH


def _said(role: Any, text: str) -> ChatMessage:
    return ChatMessage(role=role, content=text, tool_calls=[], tool_call_id=None)
