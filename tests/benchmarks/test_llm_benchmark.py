"""What a model call costs on our side, against raw aiohttp, litellm, and LiteLLM's own proxy."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import pytest
from litellm_proxy import LitellmProxy, ProxyMissing, installed
from llm_roads import MODEL, OverTheBus, Road, Seen, Wire, in_process, measure
from report import ratio, write_section

from embedded import free_port

ROUNDS = 3
AT_ONCE = 32
PROXY = "LiteLLM's proxy, one worker"
FREE = "llm-router over the bus, a free model"
PAID = "llm-router over the bus, a model with a price"
WEIGHT = Path(__file__).with_name("router_weight.py")


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


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


@pytest.fixture
async def over_the_bus(
    service_database: Any, amqp_vhost: Any, processes: Any, provider: str
) -> AsyncIterator[list[OverTheBus]]:
    environment = {
        "CHAT_LLM_ROUTER_DATABASE_URL": service_database("llm_router").url,
        "CHAT_LLM_ROUTER_AMQP_URL": amqp_vhost.url,
        "CHAT_OPENAI_BASE_URL": provider,
        "CHAT_OPENAI_API_KEY": "sk-bench",
        "CHAT_OLLAMA_BASE_URL": provider,
        "CHAT_LOG_LEVEL": "warning",
    }
    process = processes.spawn("llm_router", environment)
    await asyncio.to_thread(process.wait_ready)
    models = ((FREE, "ollama/llama3"), (PAID, MODEL))
    roads = [OverTheBus(name, model, amqp_vhost.url, process.pid) for name, model in models]
    for road in roads:
        await road.start()
    yield roads
    for road in roads:
        await road.close()


@pytest.fixture
async def proxy(
    tmp_path: Path, session: aiohttp.ClientSession, provider: str
) -> AsyncIterator[Wire | str]:
    """The proxy as a road, or the sentence why it is not measured."""
    try:
        command = await asyncio.to_thread(installed, tmp_path / "proxy")
        running = LitellmProxy(command, tmp_path, provider)
        await running.start(session)
    except ProxyMissing as missing:
        yield str(missing)
        return
    yield Wire(PROXY, 64, session, running.url, "sim-small", running.pid)
    await running.close()


@pytest.mark.timeout(1_500)
async def test_cost_of_a_model_call(
    provider: str,
    session: aiohttp.ClientSession,
    over_the_bus: list[OverTheBus],
    proxy: Wire | str,
) -> None:
    roads: list[Road] = [*in_process(session, provider), *over_the_bus]
    if not isinstance(proxy, str):
        roads.append(proxy)
    rounds = [{road.name: await measure(road, AT_ONCE) for road in roads} for _ in range(ROUNDS)]
    seen = {road.name: _median([one[road.name] for one in rounds]) for road in roads}
    _report(seen, proxy)
    bare, lean = seen["raw aiohttp"], seen["lean path, OpenAI"]
    assert lean.cpu_microseconds * 5 < seen["litellm.acompletion, OpenAI"].cpu_microseconds
    if PROXY in seen:
        ours, theirs = seen[FREE], seen[PROXY]
        assert ours.together_per_second >= 3 * theirs.together_per_second
        assert _added(ours, bare) * 3 <= _added(theirs, bare)
        first = bare.first_token_milliseconds
        added = theirs.first_token_milliseconds - first
        assert (ours.first_token_milliseconds - first) * 3 <= added


def _median(seen: list[Seen]) -> Seen:
    columns = zip(*(vars(one).values() for one in seen), strict=True)
    return Seen(*map(median, columns))


def _added(road: Seen, bare: Seen) -> float:
    return road.middle_milliseconds - bare.middle_milliseconds


def _report(seen: dict[str, Seen], proxy: Wire | str) -> None:
    bare = seen["raw aiohttp"]
    missing = f" LiteLLM's proxy is not measured: {proxy}." if isinstance(proxy, str) else ""
    write_section(
        "A model call",
        "The provider is simulated at 0 ms in a process of its own. Median of "
        f"{ROUNDS} interleaved rounds. *Added*: over raw aiohttp, one call at a time, to the whole "
        "answer and to the first words of a stream. CPU is that of the process which calls; of the "
        "proxy and over the bus it is that of the process between. *Over the bus* is the whole "
        "service: RabbitMQ there and back; where the model has a price, the ledger's row is "
        "committed before the answer (LiteLLM's proxy has no database here and keeps none). Aims "
        "against the proxy, neither keeping books: 3 × its calls, a third of what it adds."
        f"{missing}",
        [
            *("road", "calls/s, one at a time", f"calls/s, {AT_ONCE} at once", "added ms"),
            *("first words, added ms", "CPU µs a call", "CPU"),
        ],
        [_row(name, road, bare) for name, road in seen.items()],
    )


def _row(name: str, road: Seen, bare: Seen) -> list[str]:
    return [
        name,
        f"{road.alone_per_second:,.0f}",
        f"{road.together_per_second:,.0f}",
        f"{_added(road, bare):.2f}",
        f"{road.first_token_milliseconds - bare.first_token_milliseconds:.2f}",
        f"{road.cpu_microseconds:,.0f}",
        ratio(road.cpu_microseconds, bare.cpu_microseconds),
    ]


@pytest.mark.timeout(300)
async def test_weight_of_the_router(provider: str) -> None:
    """Import time and memory: at the start, after lean calls, after a call through litellm."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(WEIGHT), provider],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    write_section(
        "llm-router's weight",
        "One process: each row is after the one above it. Without the built-in models, which take "
        "another 60 MB or so where they are used (ONNX).",
        ["after", "seconds", "CPU seconds", "resident MB", "litellm imported"],
        rows,
    )
    assert [row[4] for row in rows] == ["no", "no", "no", "yes"]
