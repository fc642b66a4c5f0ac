"""The ways from a question to a simulated provider, measured one against the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import aiohttp
import orjson
from processes_seen import cpu_seconds

from bus import Bus
from contracts.v1.models import ChatMessage, GenerateReply, GivenPassage, StreamTarget
from contracts.v1.turns import ReplyDelta
from llm_router.anthropic_wire import AnthropicWire
from llm_router.builtin import BuiltinAdapter
from llm_router.choosing import Choices, TenantRoute
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, ChatCall, Model, Spend
from llm_router.handlers import Handlers
from llm_router.lean import LeanAdapter
from llm_router.openai_wire import chat_body
from llm_router.prices import Prices
from llm_router.purses import Purses, payer_of
from llm_router.routes import Routes
from llm_router.routing import Limits, Router
from llm_router.spending import Ledger
from llm_router.through_litellm import LitellmAdapter

TENANT = uuid4()
MODEL = "openai/gpt-4o-mini"
TEXT = "You may return an item within 30 days. Keep the bill. " * 4
PROMPT = f'Answer.\n<passage number="1" title="Returns">\n{TEXT}\n</passage>'
PASSAGE = GivenPassage(number=1, title="Returns", text=TEXT)
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer sk-bench"}


class Road(Protocol):
    """One way; `calls` is how many one measurement makes, `pid` whose CPU is counted."""

    name: str
    calls: int
    pid: int | None

    async def whole(self) -> object:
        """Ask for a whole answer."""
        ...

    async def first_token(self) -> float:
        """Ask for a stream to its end; gives the seconds to its first words."""
        ...


def messages() -> list[ChatMessage]:
    """A prompt of a usual shape."""
    texts = (("system", PROMPT), ("user", "How long do I have to return an item?"))
    return [
        ChatMessage(role=role, content=text, tool_calls=[], tool_call_id=None)  # type: ignore[arg-type]
        for role, text in texts
    ]


def chat_call(url: str, model: str = MODEL) -> ChatCall:
    """The same question as a call of an adapter."""
    return ChatCall(
        tenant_id=TENANT,
        model=Model.named(model),
        access=Access(url, "sk-bench"),
        purpose="answer",
        messages=messages(),
        tools=[],
        passages=[PASSAGE],
        reply_tokens_max=200,
        timeout_seconds=30.0,
    )


def request(*, stream: bool, model: str = MODEL) -> GenerateReply:
    """The same question as it comes from the orchestrator."""
    target = StreamTarget(channel_id=uuid4(), visitor_id="v", turn_id=uuid4(), attempt=1)
    return GenerateReply.make(
        tenant_id=TENANT,
        purpose="answer",
        conversation_id=None,
        model=model,
        messages=messages(),
        tools=[],
        passages=[PASSAGE],
        reply_tokens_max=200,
        deadline_at=datetime.now(UTC) + timedelta(seconds=30),
        stream=target if stream else None,
    )


@dataclass
class Wire:
    """Plain aiohttp against anything that speaks OpenAI's format: the provider, or a proxy."""

    name: str
    calls: int
    session: aiohttp.ClientSession
    url: str
    model: str
    pid: int | None = None

    def _body(self, *, stream: bool) -> bytes:
        body = chat_body(chat_call(self.url), stream=stream) | {"model": self.model}
        return orjson.dumps(body)

    async def whole(self) -> object:
        """Ask for a whole answer."""
        url = f"{self.url}/v1/chat/completions"
        async with self.session.post(url, data=self._body(stream=False), headers=HEADERS) as r:
            return orjson.loads(await r.read())["choices"][0]["message"]["content"]

    async def first_token(self) -> float:
        """Ask for a stream to its end; gives the seconds to its first words."""
        url, started, first = f"{self.url}/v1/chat/completions", time.perf_counter(), 0.0
        async with self.session.post(url, data=self._body(stream=True), headers=HEADERS) as r:
            async for line in r.content:
                if not first and line.startswith(b"data: {"):
                    delta = orjson.loads(line[6:])["choices"][0]["delta"]
                    first = time.perf_counter() - started if delta.get("content") else 0.0
        return first


@dataclass
class Adapter:
    """An adapter of llm-router, without the router."""

    name: str
    calls: int
    adapter: Any
    call: ChatCall
    pid: int | None = None

    async def whole(self) -> object:
        """Ask for a whole answer."""
        return await self.adapter.chat(self.call, None)

    async def first_token(self) -> float:
        """Ask for a stream to its end; gives the seconds to its first words."""
        heard: list[float] = []
        started = time.perf_counter()
        await self.adapter.chat(self.call, lambda _: heard.append(time.perf_counter()))
        return heard[0] - started


@dataclass
class Handler:
    """llm-router's handler in this process: routing, money and deltas, but neither bus nor rows."""

    name: str
    calls: int
    handlers: Handlers
    deltas: list[float] = field(default_factory=list)
    pid: int | None = None

    async def whole(self) -> object:
        """Ask for a whole answer."""
        return await self.handlers.generate_reply(request(stream=False))

    async def first_token(self) -> float:
        """Ask for a stream to its end; gives the seconds to its first words."""
        self.deltas.clear()
        started = time.perf_counter()
        await self.handlers.generate_reply(request(stream=True))
        return self.deltas[0] - started


def handler(session: aiohttp.ClientSession, url: str) -> Handler:
    """Wire the handler as the service does, with an empty ledger."""
    lean, prices, deltas = LeanAdapter(session, 20.0), Prices(), []

    async def load(_: UUID) -> TenantRoute:
        return TenantRoute()

    async def keep(_: ReplyDelta) -> None:
        deltas.append(time.perf_counter())

    async def save(_: Sequence[Spend]) -> None:
        return None

    ledger = Ledger(save)
    ledger.start()
    purses = Purses(None, lambda _: None, prices, ledger.note)
    handlers = Handlers(
        store=None,  # type: ignore[arg-type]
        routes=Routes(load, lambda *_: "", {"openai": Access(url, "sk-bench")}),
        router=Router(lambda *_: lean, prices, Cooldowns(10.0), Limits(60.0, 1)),
        ledger=ledger,
        stream=keep,
        purse_of=lambda asked: purses.of(payer_of(asked)),
        choices=Choices(MODEL, (), "builtin/minilm"),
    )
    return Handler("llm-router, its handler", 400, handlers, deltas)


_FIRST_WORDS: dict[UUID, asyncio.Future[float]] = {}
"""By turn; gateways share a queue, so that either of two may hear the words of the other's."""


class OverTheBus:
    """The whole service: RabbitMQ there and back; of a priced model the ledger's commit too."""

    calls = 200

    def __init__(self, name: str, model: str, amqp_url: str, pid: int) -> None:
        self.name, self._model = name, model
        self.pid: int | None = pid
        self._orchestrator = Bus(amqp_url, service="orchestrator")
        self._gateway = Bus(amqp_url, service="gateway")

    async def start(self) -> None:
        """Connect the asker and the side of the widget."""
        self._gateway.hear_stream(ReplyDelta, self._keep)
        await self._gateway.start()
        await self._orchestrator.start()

    async def close(self) -> None:
        """Disconnect."""
        for bus in (self._orchestrator, self._gateway):
            await bus.stop_hearing()
            await bus.close()

    async def whole(self) -> object:
        """Ask for a whole answer."""
        return await self._orchestrator.ask(
            request(stream=False, model=self._model), timeout_seconds=30
        )

    async def first_token(self) -> float:
        """Ask for a stream to its end; gives the seconds to its first words."""
        asked, started = request(stream=True, model=self._model), time.perf_counter()
        assert asked.stream is not None
        first = asyncio.get_running_loop().create_future()
        _FIRST_WORDS[asked.stream.turn_id] = first
        await self._orchestrator.ask(asked, timeout_seconds=30)
        async with asyncio.timeout(5):
            return await first - started

    async def _keep(self, delta: ReplyDelta) -> None:
        if delta.index == 0:
            _FIRST_WORDS.pop(delta.turn_id).set_result(time.perf_counter())


def in_process(session: aiohttp.ClientSession, url: str) -> list[Road]:
    """The roads that need no other process."""
    litellm = LitellmAdapter(BuiltinAdapter(None), 20.0)
    claude = chat_call(url, "anthropic/claude-haiku-4-5")
    return [
        Wire("raw aiohttp", 500, session, url, "sim-small"),
        Adapter("lean path, OpenAI", 500, LeanAdapter(session, 20.0), chat_call(url)),
        Adapter("lean path, Anthropic", 500, LeanAdapter(session, 20.0, AnthropicWire()), claude),
        Adapter(
            "lean path, Ollama", 500, LeanAdapter(session, 20.0), chat_call(url, "ollama/llama3")
        ),
        handler(session, url),
        Adapter("litellm.acompletion, OpenAI", 60, litellm, chat_call(url)),
        Adapter("litellm.acompletion, Anthropic", 60, litellm, claude),
        Adapter("litellm.acompletion, Ollama", 60, litellm, chat_call(url, "ollama/llama3")),
    ]


@dataclass(frozen=True)
class Seen:
    """One measurement of one road."""

    alone_per_second: float
    together_per_second: float
    middle_milliseconds: float
    cpu_microseconds: float
    first_token_milliseconds: float


def _cpu(pid: int | None) -> float:
    return time.process_time() if pid is None else cpu_seconds(pid)


async def measure(road: Road, at_once: int) -> Seen:
    """Calls one at a time and at once, the middle latency, CPU a call, and the first words."""
    await road.whole()
    cpu, took = _cpu(road.pid), []
    began = time.perf_counter()
    for _ in range(road.calls // 4):
        started = time.perf_counter()
        await road.whole()
        took.append(time.perf_counter() - started)
    alone = len(took) / (time.perf_counter() - began)
    began = time.perf_counter()
    together = await _at_once(road.whole, road.calls, at_once)
    rate = together / (time.perf_counter() - began)
    spent = (_cpu(road.pid) - cpu) / (len(took) + together)
    firsts = sorted([await road.first_token() for _ in range(max(30, road.calls // 10))])
    return Seen(
        alone,
        rate,
        sorted(took)[len(took) // 2] * 1e3,
        spent * 1e6,
        firsts[len(firsts) // 2] * 1e3,
    )


async def _at_once(ask: Callable[[], Awaitable[object]], calls: int, at_once: int) -> int:
    each = max(1, calls // at_once)

    async def some() -> None:
        for _ in range(each):
            await ask()

    await asyncio.gather(*(some() for _ in range(at_once)))
    return each * at_once
