"""Through a real broker, in a real process: an abandoned call ends, a recording is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from blobs import Blobs
from bus import AskFailed, Bus
from contracts.v1.models import CallAbandoned, GenerateReply, StreamTarget, TranscribeAudio
from contracts.v1.turns import ReplyDelta
from testkit import eventually_async

TENANT = uuid4()


@pytest.fixture
async def orchestrator(amqp_vhost: Any) -> AsyncIterator[Bus]:
    bus = Bus(amqp_vhost.url, service="orchestrator")
    await bus.start()
    yield bus
    await bus.stop_hearing()
    await bus.close()


@pytest.fixture
async def gateway(amqp_vhost: Any) -> AsyncIterator[tuple[Bus, list[ReplyDelta]]]:
    bus, deltas = Bus(amqp_vhost.url, service="gateway"), []

    async def keep(delta: ReplyDelta) -> None:
        deltas.append(delta)

    bus.hear_stream(ReplyDelta, keep)
    await bus.start()
    yield bus, deltas
    await bus.stop_hearing()
    await bus.close()


@pytest.fixture
def database(service_database: Callable[..., Any]) -> Any:
    return service_database("llm_router")


@pytest.fixture
def environment(database: Any, amqp_vhost: Any, provider: Any, tmp_path: Path) -> dict[str, str]:
    return {
        "CHAT_LLM_ROUTER_DATABASE_URL": database.url,
        "CHAT_LLM_ROUTER_AMQP_URL": amqp_vhost.url,
        "CHAT_OPENAI_BASE_URL": provider.url,
        "CHAT_OPENAI_API_KEY": "sk-platform",
        "CHAT_BLOB_URL": (tmp_path / "blobs").as_uri(),
        "CHAT_LLM_TRANSCRIPTION_MODEL": "openai/whisper-1",
    }


def asked(chat_call: Any) -> GenerateReply:
    call = chat_call()
    return GenerateReply.make(
        tenant_id=TENANT,
        purpose="answer",
        conversation_id=uuid4(),
        model="openai/gpt-4o-mini",
        messages=list(call.messages),
        tools=[],
        passages=list(call.passages),
        reply_tokens_max=400,
        deadline_at=datetime.now(UTC) + timedelta(seconds=30),
        stream=StreamTarget(channel_id=uuid4(), visitor_id="v", turn_id=uuid4(), attempt=1),
    )


async def spends(database: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.admin_url)
    try:
        return await connection.fetch(
            "select purpose, outcome, estimated, input_tokens, output_tokens, cost_usd from spends"
        )
    finally:
        await connection.close()


async def test_abandoned_over_the_bus_and_heard_on_the_other_side(
    processes: Any,
    environment: dict[str, str],
    database: Any,
    orchestrator: Bus,
    gateway: tuple[Bus, list[ReplyDelta]],
    provider: Any,
    chat_call: Any,
) -> None:
    _, deltas = gateway
    await asyncio.to_thread(processes.spawn("llm_router", environment).wait_ready)
    await provider.script({"text": "word " * 2_000, "chunk_words": 1, "chunk_delay_ms": 10})
    request = asked(chat_call)
    asking = asyncio.create_task(orchestrator.ask(request, timeout_seconds=30))
    await eventually_async(lambda: len(deltas) >= 3, "words reach the widget")
    told = CallAbandoned.make(tenant_id=TENANT, request_id=request.message_id)
    await orchestrator.stream(told)
    with pytest.raises(AskFailed) as failed:
        await asking
    assert failed.value.code == "abandoned"
    said = len(deltas)

    async def left() -> bool:
        return (await provider.calls())[-1]["ended"] == "caller left"

    await eventually_async(left, "the provider sees it", 1.0)

    async def written() -> list[asyncpg.Record]:
        return await spends(database)

    [row] = await eventually_async(written, "what was spent stands in the ledger")
    assert (row["outcome"], row["estimated"]) == ("abandoned", True)
    assert row["output_tokens"] > 0
    assert row["cost_usd"] > 0
    await asyncio.sleep(0.15)  # three times as long as a piece waits for company
    assert len(deltas) <= said + 1, "at most the one that was on its way"

    recording = b"OggS" + bytes(20_000)
    heard = await orchestrator.ask(
        TranscribeAudio.make(
            tenant_id=TENANT,
            conversation_id=uuid4(),
            sha256=await Blobs.open(environment["CHAT_BLOB_URL"]).put(recording),
            mime_type="audio/ogg",
            size_bytes=len(recording),
            language=None,
            deadline_at=datetime.now(UTC) + timedelta(seconds=20),
        ),
        timeout_seconds=20,
    )
    assert heard.text == "What are your opening hours?"
    assert heard.cost_usd == pytest.approx(10 / 60 * 0.006)
    assert [row["purpose"] for row in await spends(database)].count("transcribe") == 1
