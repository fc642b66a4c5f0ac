"""What a model call costs on our side: raw aiohttp, the lean path, the router, litellm, builtin."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from statistics import median
from uuid import uuid4

import aiohttp
import orjson
import pytest
from report import ratio, write_section

from contracts.v1.models import ChatMessage, GivenPassage
from embedded import free_port
from llm_router.builtin import BuiltinAdapter
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, ChatCall, Model
from llm_router.lean import LeanAdapter
from llm_router.openai_wire import chat_body
from llm_router.prices import Prices
from llm_router.routing import Limits, Router
from llm_router.through_litellm import LitellmAdapter

ROUNDS = 3
AT_ONCE = 32
TEXT = "You may return an item within 30 days. Keep the bill. " * 4
PROMPT = f'Answer.\n<passage number="1" title="Returns">\n{TEXT}\n</passage>'
Ask = Callable[[], Awaitable[object]]


@pytest.fixture
async def provider() -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "providers", "--listen", address),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    yield f"http://{address}"
    process.terminate()
    await process.wait()


def chat_call(url: str, model: str) -> ChatCall:
    messages = [
        ChatMessage(role=role, content=text, tool_calls=[], tool_call_id=None)
        for role, text in (("system", PROMPT), ("user", "How long do I have to return an item?"))
    ]
    return ChatCall(
        tenant_id=uuid4(),
        model=Model.named(model),
        access=Access(url, "sk-bench"),
        purpose="answer",
        messages=messages,
        tools=[],
        passages=[GivenPassage(number=1, title="Returns", text=TEXT)],
        reply_tokens_max=200,
        timeout_seconds=30.0,
    )


def clients(session: aiohttp.ClientSession, url: str) -> dict[str, tuple[Ask, int]]:
    """Each client's call, and how many calls one measurement makes."""
    call, lean = chat_call(url, "openai/sim-small"), LeanAdapter(session, 20.0)
    builtin_call, builtin = chat_call(url, "builtin/extractive"), BuiltinAdapter(None)
    litellm = LitellmAdapter(builtin, 20.0)
    router = Router(lambda _: lean, Prices(), Cooldowns(10.0), Limits(60.0, 1))

    async def raw() -> object:
        body = orjson.dumps(chat_body(call, stream=False))
        headers = {"Content-Type": "application/json"}
        async with session.post(f"{url}/v1/chat/completions", data=body, headers=headers) as r:
            return orjson.loads(await r.read())["choices"][0]["message"]["content"]

    async def routed() -> object:
        chain, access = [call.model], lambda _: call.access
        return await router.answer(call, chain, access, None, lambda *_: None)

    return {
        "raw aiohttp": (raw, 1_000),
        "lean path": (lambda: lean.chat(call, None), 1_000),
        "lean path, streamed": (lambda: lean.chat(call, lambda _: None), 1_000),
        "router over the lean path": (routed, 1_000),
        "litellm.acompletion": (lambda: litellm.chat(call, None), 150),
        "litellm, streamed": (lambda: litellm.chat(call, lambda _: None), 60),
        "builtin/extractive, no network": (lambda: builtin.chat(builtin_call, None), 1_000),
    }


async def measure(ask: Ask, calls: int, at_once: int) -> tuple[float, float]:
    """Calls a second, and CPU microseconds of this process for each."""

    async def some() -> None:
        for _ in range(calls // at_once):
            await ask()

    await ask()
    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(some() for _ in range(at_once)))
    done = calls // at_once * at_once
    return done / (time.perf_counter() - started), (time.process_time() - cpu) / done * 1e6


@pytest.mark.timeout(600)
async def test_cost_of_a_model_call(provider: str) -> None:
    seen: dict[str, list[tuple[float, float, float]]] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:
        measured = clients(session, provider)
        for _ in range(ROUNDS):
            for name, (ask, calls) in measured.items():
                alone, cpu = await measure(ask, calls, 1)
                together, _ = await measure(ask, calls, min(AT_ONCE, calls))
                seen.setdefault(name, []).append((alone, together, cpu))
    medians = {
        name: tuple(median(column) for column in zip(*rounds, strict=True))
        for name, rounds in seen.items()
    }
    raw_cpu = medians["raw aiohttp"][2]
    write_section(
        "A model call",
        "The provider is simulated at 0 ms in a process of its own. Median of "
        f"{ROUNDS} interleaved rounds. Aim of the lean path: at most a tenth of litellm's CPU.",
        ["client", "calls/s, one at a time", f"calls/s, {AT_ONCE} at once", "CPU µs a call", "CPU"],
        [
            [name, f"{alone:,.0f}", f"{together:,.0f}", f"{cpu:,.0f}", ratio(cpu, raw_cpu)]
            for name, (alone, together, cpu) in medians.items()
        ],
    )
    assert medians["lean path"][2] * 5 < medians["litellm.acompletion"][2]
