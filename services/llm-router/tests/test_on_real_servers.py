"""llm-router as a real process: asked over RabbitMQ, its ledger in Postgres."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import numpy as np
import pytest

from contracts.v1.models import (
    ChatMessage,
    EmbedTexts,
    GenerateReply,
    GivenPassage,
    RankPassages,
    StreamTarget,
    TokensSpent,
)
from contracts.v1.tenants import TenantConfigured, TenantSettings
from contracts.v1.turns import ReplyDelta
from llm_router.own_providers import KeptProvider, key_context
from llm_router.route_store import RouteStore
from postgres import Database
from sealing import KeyRing

pytest.importorskip("testkit")
bus_package = pytest.importorskip("bus")
from bus import AskFailed, Bus  # noqa: E402 - only where the workspace is installed

TENANT = uuid4()
MASTER_KEYS = "k1:" + base64.b64encode(bytes(range(32))).decode()
TEXT = "You may return an item within 30 days. Keep the bill."
ANSWER = "You may return an item within 30 days. [1]"


class Asker:
    """Stands where orchestrator, retriever and the gateway's widget side stand."""

    def __init__(self, url: str) -> None:
        self.orchestrator = Bus(url, service="orchestrator")
        self.retriever = Bus(url, service="retriever")
        self.gateway = Bus(url, service="gateway")
        self.dispatcher = Bus(url, service="webhook-dispatcher")
        self.deltas: list[ReplyDelta] = []
        self.spent: list[TokensSpent] = []

    async def start(self) -> None:
        self.gateway.hear_stream(ReplyDelta, self._keep_delta)
        self.dispatcher.listen(TokensSpent, self._keep_spent)
        for side in (self.orchestrator, self.retriever, self.gateway, self.dispatcher):
            await side.start()

    async def close(self) -> None:
        for side in (self.orchestrator, self.retriever, self.gateway, self.dispatcher):
            await side.stop_hearing()
            await side.close()

    async def _keep_delta(self, delta: ReplyDelta) -> None:
        self.deltas.append(delta)

    async def _keep_spent(self, delivery: Any) -> None:
        self.spent.append(TokensSpent.hear(delivery.body))
        await delivery.done()

    async def reply(self, *, seconds: float = 20.0, **others: Any) -> Any:
        return await self.orchestrator.ask(request(seconds, **others), timeout_seconds=seconds)


def request(seconds: float = 20.0, **others: Any) -> GenerateReply:
    fields: dict[str, Any] = {
        "tenant_id": TENANT,
        "purpose": "answer",
        "conversation_id": uuid4(),
        "model": None,
        "messages": [
            _message("system", f'<passage number="1" title="Returns">\n{TEXT}\n</passage>'),
            _message("user", "How long do I have to return an item?"),
        ],
        "tools": [],
        "passages": [GivenPassage(number=1, title="Returns", text=TEXT)],
        "reply_tokens_max": 200,
        "deadline_at": datetime.now(UTC) + timedelta(seconds=seconds),
        "stream": None,
    }
    return GenerateReply.make(**(fields | others))


def target() -> StreamTarget:
    return StreamTarget(channel_id=uuid4(), visitor_id="v1", turn_id=uuid4(), attempt=1)


def _message(role: Any, text: str) -> ChatMessage:
    return ChatMessage(role=role, content=text, tool_calls=[], tool_call_id=None)


@pytest.fixture
async def asker(amqp_vhost: Any) -> AsyncIterator[Asker]:
    side = Asker(amqp_vhost.url)
    await side.start()
    yield side
    await side.close()


@pytest.fixture
def database(service_database: Callable[..., Any]) -> Any:
    return service_database("llm_router")


@pytest.fixture
def environment(database: Any, amqp_vhost: Any, provider: Any) -> dict[str, str]:
    return {
        "CHAT_LLM_ROUTER_DATABASE_URL": database.url,
        "CHAT_LLM_ROUTER_AMQP_URL": amqp_vhost.url,
        "CHAT_OPENAI_BASE_URL": provider.url,
        "CHAT_OPENAI_API_KEY": "sk-platform",
        "CHAT_ANTHROPIC_BASE_URL": provider.url,
        "CHAT_ANTHROPIC_API_KEY": "sk-platform",
        "CHAT_MASTER_KEYS": MASTER_KEYS,
        "CHAT_LLM_BUILTIN_WORD_MILLISECONDS": "3",
        "CHAT_LLM_STALL_SECONDS": "1",
    }


@pytest.fixture
async def router(processes: Any, environment: dict[str, str]) -> Any:
    process = processes.spawn("llm_router", environment)
    await asyncio.to_thread(process.wait_ready)
    return process


async def rows(database: Any, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.admin_url)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def until(look: Callable[[], Any], what: str) -> Any:
    from testkit import eventually_async

    return await eventually_async(look, what)


async def test_the_builtin_answers_streams_and_stands_in_the_ledger(
    router: Any, asker: Asker, database: Any, session: aiohttp.ClientSession
) -> None:
    where = target()
    reply = await asker.reply(stream=where)
    assert reply.text == ANSWER
    assert reply.model == "builtin/extractive"
    assert (reply.finish_reason, reply.fallback, reply.cost_usd) == ("stop", False, 0.0)
    assert reply.first_token_milliseconds is not None

    async def streamed() -> bool:
        return "".join(delta.text for delta in asker.deltas) == ANSWER

    await until(streamed, "every word as a delta")
    assert [delta.index for delta in asker.deltas] == list(range(len(asker.deltas)))
    assert {delta.turn_id for delta in asker.deltas} == {where.turn_id}
    assert len(asker.deltas) >= 2

    async def spent() -> bool:
        return len(asker.spent) == 1

    await until(spent, "one usage event")
    [row] = await rows(database, "select model, cost_usd, outcome, input_tokens from spends")
    assert (row["model"], row["outcome"], row["cost_usd"]) == ("builtin/extractive", "answered", 0)
    assert row["input_tokens"] == asker.spent[0].input_tokens
    async with session.get(f"{router.admin_url}/metrics") as answer:
        assert 'gen_ai_request_model="extractive"' in await answer.text()
    assert "litellm is loaded" not in router.log.read_text()


async def test_a_provider_answers_by_the_platforms_key_and_the_tenants_choice(
    router: Any, asker: Asker, database: Any, provider: Any
) -> None:
    reply = await asker.reply(model="openai/sim-small", stream=target())
    assert reply.text.endswith("within 30 days. [1]")
    assert reply.cost_usd is None
    [call] = await provider.calls()
    assert call["headers"]["authorization"] == "Bearer sk-platform"
    [row] = await rows(database, "select model, cost_usd from spends")
    assert (row["model"], row["cost_usd"]) == ("openai/sim-small", None)

    await say(asker, configured(model="openai/of-tenant", revision=2))

    async def chosen() -> bool:
        return bool((await asker.reply()).model == "openai/of-tenant")

    await until(chosen, "the tenant's own model")
    await say(asker, configured(model="openai/stale", revision=1))
    assert (await asker.reply()).model == "openai/of-tenant"


FAULTS: list[dict[str, Any]] = [
    {"kind": "error", "status": 429, "retry_after_seconds": 30},
    {"kind": "error", "status": 500, "times": 2},
    {"kind": "cut"},
    {"kind": "cut", "clean": True},
    {"kind": "hang"},
    {"kind": "empty"},
    {"kind": "wrong_encoding"},
]


async def test_never_silence(router: Any, asker: Asker, provider: Any, database: Any) -> None:
    for number, step in enumerate(FAULTS):
        await provider.script(step)
        asker.deltas.clear()
        # A name of its own for each fault: a model that failed before would be passed over.
        reply = await asker.reply(model=f"openai/sim-{number}", stream=target())
        assert reply.text == ANSWER, step
        assert (reply.model, reply.fallback) == ("builtin/extractive", True), step
        shown = "".join(delta.text for delta in asker.deltas)
        assert shown in ("", ANSWER) or ANSWER not in shown, "two models' words were mixed"

    async def recorded() -> bool:
        # The model that failed with 500 was called twice.
        return len(await rows(database, "select outcome from spends")) == 2 * len(FAULTS) + 1

    await until(recorded, "every failed call and every answer")


async def test_texts_become_unit_vectors_and_refusals_have_a_code(
    router: Any, asker: Asker
) -> None:
    texts = ["How long may I keep it?", "Return within 30 days.", "Our shop opens at nine."]
    asked = EmbedTexts.make(tenant_id=TENANT, purpose="passage", model=None, texts=texts)
    found = await asker.retriever.ask(asked, timeout_seconds=20)
    assert (found.model, found.dimensions, found.cost_usd) == ("builtin/minilm", 384, 0.0)
    vectors = [np.frombuffer(base64.b64decode(vector), "<f4") for vector in found.vectors]
    assert [round(float(vector @ vector), 4) for vector in vectors] == [1.0, 1.0, 1.0]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]

    with pytest.raises(AskFailed) as late:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await asker.orchestrator.ask(request(deadline_at=past), timeout_seconds=5)
    assert late.value.code == "deadline_passed"
    unknown = EmbedTexts.make(tenant_id=TENANT, purpose="query", model="builtin/none", texts=["a"])
    with pytest.raises(AskFailed) as nobody:
        await asker.retriever.ask(unknown, timeout_seconds=5)
    assert nobody.value.code == "unknown_model"


async def test_passages_are_ranked_and_a_busy_provider_says_when_to_come_again(
    router: Any, asker: Asker, provider: Any, database: Any
) -> None:
    wish = RankPassages.make(
        tenant_id=TENANT,
        model="builtin/maxsim",
        query="How long may I keep it?",
        texts=["Our shop opens at nine.", "Return it within 30 days."],
        weights=None,
    )
    ranked = await asker.retriever.ask(wish, timeout_seconds=20)
    assert (ranked.model, ranked.cost_usd) == ("builtin/maxsim", 0.0)
    assert ranked.scores[1] > ranked.scores[0]

    async def recorded() -> bool:
        return [row["purpose"] for row in await rows(database, "select purpose from spends")] == [
            "rerank"
        ]

    await until(recorded, "the ledger's row")
    step = {"kind": "error", "status": 429, "retry_after_seconds": 30, "operation": "embed"}
    await provider.script(step)
    query = EmbedTexts.make(tenant_id=TENANT, purpose="query", model="openai/e", texts=["a"])
    with pytest.raises(AskFailed) as busy:
        await asker.retriever.ask(query, timeout_seconds=5)
    assert (busy.value.code, busy.value.retry_after_seconds) == ("rate_limited", 30.0)


async def test_a_tenants_own_key_is_unsealed_for_it_alone(
    router: Any, asker: Asker, database: Any, provider: Any
) -> None:
    ring, store = KeyRing.from_text(MASTER_KEYS), RouteStore()
    opened = await Database.connect(database.url, name="test")
    sealed = ring.seal(b"sk-own", key_context(TENANT, "openai"))
    kept = KeptProvider(
        "openai", sealed, None, "-own", None, None, "working", None, datetime.now(UTC)
    )
    async with opened.transaction(TENANT) as tx:
        await store.save_provider(tx, TENANT, kept)
    other = uuid4()
    async with opened.transaction(other) as tx:
        await store.save_provider(tx, other, kept)
        assert not await store.providers(tx, TENANT), "another tenant's key is visible"
    await opened.close()
    assert (await asker.reply(model="openai/sim")).model == "openai/sim"
    stolen = await asker.reply(model="openai/sim", tenant_id=other)
    assert (stolen.model, stolen.fallback) == ("builtin/extractive", True)
    keys = [call["headers"]["authorization"] for call in await provider.calls()]
    assert keys == ["Bearer sk-own"]


@pytest.mark.timeout(240)
async def test_all_goes_by_litellm_where_the_setting_says_so(
    processes: Any, environment: dict[str, str], asker: Asker, provider: Any
) -> None:
    process = processes.spawn("llm_router", environment, CHAT_LLM_ADAPTER="litellm")
    await asyncio.to_thread(process.wait_ready)
    seconds = 90.0
    reply = await asker.reply(seconds=seconds, model="anthropic/claude-sim", stream=target())
    if reply.fallback:  # a busy machine imports litellm for longer than one model's share
        reply = await asker.reply(seconds=seconds, model="anthropic/claude-sim", stream=target())
    assert (reply.model, reply.fallback) == ("anthropic/claude-sim", False)
    assert reply.text.endswith("within 30 days. [1]")
    assert "litellm is loaded" in process.log.read_text()
    assert {call["provider"] for call in await provider.calls()} == {"anthropic"}


async def test_anthropic_and_openai_are_called_without_litellm(
    router: Any, asker: Asker, provider: Any
) -> None:
    for model in ("anthropic/claude-sim", "openai/sim"):
        reply = await asker.reply(model=model, stream=target())
        assert (reply.model, reply.fallback) == (model, False)
    assert {call["provider"] for call in await provider.calls()} == {"anthropic", "openai"}
    assert "litellm is loaded" not in router.log.read_text()


async def test_killed_in_the_middle_of_a_stream_and_asked_again(
    processes: Any, environment: dict[str, str], asker: Asker
) -> None:
    process = processes.spawn(
        "llm_router", environment, CHAT_FAILPOINTS="llm-router.mid_stream=kill"
    )
    await asyncio.to_thread(process.wait_ready)
    with pytest.raises(bus_package.AskTimeout):
        await asker.reply(seconds=3.0, stream=target())
    assert await asyncio.to_thread(process.wait_killed) == -9
    await asyncio.to_thread(process.restart)
    assert (await asker.reply()).text == ANSWER


async def test_drains_with_nothing_lost_from_the_ledger(
    router: Any, asker: Asker, database: Any
) -> None:
    replies = await asyncio.gather(*(asker.reply() for _ in range(5)))
    assert {reply.text for reply in replies} == {ANSWER}
    assert await asyncio.to_thread(router.terminate) == 0
    [row] = await rows(database, "select count(*) as calls from spends")
    assert row["calls"] == 5


async def say(asker: Asker, message: TenantConfigured) -> None:
    from bus.service_bus import outgoing

    await asker.gateway.until_can_say()
    await asker.gateway.publish(outgoing(message))


def configured(*, model: str, revision: int, tenant_id: UUID = TENANT) -> TenantConfigured:
    settings: dict[str, Any] = {
        "bot_name": "Bot",
        "system_prompt": "",
        "language": "en",
        "rag_enabled": True,
        "model": model,
        "fallback_models": [],
        "embedding_model": None,
        "handoff_keywords": [],
        "handoff_reply": "",
        "failure_reply": "",
        "coalesce_milliseconds": 0,
        "history_messages_max": 10,
        "prompt_tokens_max": 4_000,
        "reply_tokens_max": 200,
        "keyword_weight": 0.5,
        "vector_weight": 0.5,
        "passages_max": 5,
        "chunk_tokens": 200,
        "chunk_overlap_tokens": 20,
    }
    return TenantConfigured.make(
        tenant_id=tenant_id,
        revision=revision,
        slug="demo",
        name="Demo",
        state="active",
        settings=TenantSettings(**settings),
    )
