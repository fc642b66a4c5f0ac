"""A call that nobody waits for is ended at the provider, paid for as far as it came, and silent."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from bus import Refused
from contracts.v1.models import CallAbandoned, GenerateReply, StreamTarget
from contracts.v1.turns import ReplyDelta
from llm_router.anthropic_wire import AnthropicWire
from llm_router.choosing import Choices, TenantRoute
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, ChatCall, Model
from llm_router.handlers import Handlers
from llm_router.in_flight import InFlight
from llm_router.lean import LeanAdapter
from llm_router.prices import Prices
from llm_router.routing import Limits, Router
from testkit import eventually_async

TENANT = uuid4()


class Purse:
    """Holds nothing and remembers how calls ended."""

    hands_over = False

    def __init__(self) -> None:
        self.ended: list[tuple[str, str | None]] = []

    def chain(self, chain: Any) -> Any:
        return tuple(model for model in chain if model.provider != "builtin")

    async def reserve(self, call: ChatCall) -> None:
        return None

    def failed(
        self, call: ChatCall, held: None, code: str, written: str | None, billed: object = None
    ) -> None:
        self.ended.append((code, written))


class Routes:
    """One way to the simulator for everybody."""

    def __init__(self, url: str) -> None:
        self._access = Access(url, "sk-test")

    async def of(self, tenant_id: UUID) -> TenantRoute:
        return TenantRoute()

    def access(self, tenant_id: UUID, route: TenantRoute, model: Model) -> Access:
        return self._access


class Desk:
    """The handler over the real adapters, with what was streamed and how calls ended."""

    def __init__(self, session: aiohttp.ClientSession, provider: Any, model: str) -> None:
        self.provider, self.purse, self.in_flight = provider, Purse(), InFlight()
        self.deltas: list[ReplyDelta] = []
        wires = {
            "openai": LeanAdapter(session, 5.0),
            "anthropic": LeanAdapter(session, 5.0, AnthropicWire()),
        }
        router = Router(
            lambda model, _: wires[model.provider], Prices(), Cooldowns(10.0), Limits(60.0, 0)
        )
        self.handlers = Handlers(
            store=None,  # type: ignore[arg-type]
            routes=Routes(provider.url),  # type: ignore[arg-type]
            router=router,
            ledger=None,  # type: ignore[arg-type]
            stream=self._keep,
            purse_of=lambda _: self.purse,  # type: ignore[arg-type,return-value]
            choices=Choices(model, (), "builtin/minilm"),
            in_flight=self.in_flight,
        )

    async def _keep(self, delta: ReplyDelta) -> None:
        self.deltas.append(delta)

    async def ended(self) -> str:
        return str((await self.provider.calls() or [{"ended": ""}])[-1]["ended"])


def request(chat_call: Any, seconds: float = 20.0) -> GenerateReply:
    call = chat_call()
    return GenerateReply.make(
        tenant_id=TENANT,
        purpose="answer",
        conversation_id=uuid4(),
        model=None,
        messages=list(call.messages),
        tools=[],
        passages=list(call.passages),
        reply_tokens_max=200,
        deadline_at=datetime.now(UTC) + timedelta(seconds=seconds),
        stream=StreamTarget(channel_id=uuid4(), visitor_id="v", turn_id=uuid4(), attempt=1),
    )


def abandon(asked: GenerateReply) -> CallAbandoned:
    return CallAbandoned.make(tenant_id=TENANT, request_id=asked.message_id)


@pytest.fixture(params=["openai/sim", "anthropic/claude-sim"])
def desk(request: Any, session: aiohttp.ClientSession, provider: Any) -> Desk:
    return Desk(session, provider, request.param)


async def test_it_is_closed_within_a_second_and_says_nothing_more(
    desk: Desk, chat_call: Any
) -> None:
    await desk.provider.script({"text": "word " * 400, "chunk_words": 1, "chunk_delay_ms": 20})
    asked = request(chat_call)
    asking = asyncio.create_task(desk.handlers.generate_reply(asked))
    await eventually_async(lambda: len(desk.deltas) >= 2, "words come")
    await desk.in_flight.abandoned(abandon(asked))
    abandoned_at = time.monotonic()
    with pytest.raises(Refused) as refused:
        await asking
    said = len(desk.deltas)
    assert refused.value.code == "abandoned"

    async def left() -> bool:
        return await desk.ended() == "caller left"

    await eventually_async(left, "the provider sees it", 1.0)
    assert time.monotonic() - abandoned_at < 1.0
    [(code, written)] = desk.purse.ended
    assert code == "abandoned"
    assert (written or "").startswith("word word")
    streamed = "".join(delta.text for delta in desk.deltas)
    assert (written or "").startswith(streamed), "what was shown was paid for"
    assert len(desk.deltas) == said


async def test_words_that_waited_for_company_are_not_said_any_more(
    desk: Desk, chat_call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_router.streaming.PIECE_SECONDS", 30.0)
    monkeypatch.setattr("llm_router.streaming.PIECE_CHARACTERS", 10_000)
    await desk.provider.script({"text": "word " * 400, "chunk_words": 1, "chunk_delay_ms": 10})
    asked = request(chat_call)
    asking = asyncio.create_task(desk.handlers.generate_reply(asked))
    await eventually_async(lambda: len(desk.deltas) == 1, "the first word")
    await asyncio.sleep(0.1)
    await desk.in_flight.abandoned(abandon(asked))
    with pytest.raises(Refused):
        await asking
    assert len(desk.deltas) == 1


async def test_before_the_first_word_it_is_closed_too(desk: Desk, chat_call: Any) -> None:
    await desk.provider.script({"delay_ms": 15_000})
    asked = request(chat_call)
    asking = asyncio.create_task(desk.handlers.generate_reply(asked))

    async def open_() -> bool:
        return await desk.ended() == "open"

    await eventually_async(open_, "the call is there")
    await desk.in_flight.abandoned(abandon(asked))
    with pytest.raises(Refused):
        await asking

    async def left() -> bool:
        return await desk.ended() == "caller left"

    await eventually_async(left, "the provider sees it", 1.0)
    assert desk.deltas == []


async def test_a_deadline_that_passes_closes_it(desk: Desk, chat_call: Any) -> None:
    await desk.provider.script({"kind": "endless"})
    with pytest.raises(Refused) as refused:
        await desk.handlers.generate_reply(request(chat_call, seconds=0.6))
    assert refused.value.code == "timeout"

    async def left() -> bool:
        return await desk.ended() == "caller left"

    await eventually_async(left, "the provider sees it", 1.0)
    [(code, written)] = desk.purse.ended
    assert code == "timeout"
    assert "onwards" in (written or "")


async def test_what_was_abandoned_in_the_queue_never_begins(desk: Desk, chat_call: Any) -> None:
    asked = request(chat_call)
    await desk.in_flight.abandoned(abandon(asked))
    with pytest.raises(Refused) as refused:
        await desk.handlers.generate_reply(asked)
    assert refused.value.code == "abandoned"
    assert await desk.provider.calls() == []


async def test_others_go_on(desk: Desk, chat_call: Any) -> None:
    await desk.provider.script({"text": "word " * 20, "chunk_delay_ms": 20})
    asked = request(chat_call)
    asking = asyncio.create_task(desk.handlers.generate_reply(asked))
    await eventually_async(lambda: desk.deltas, "words come")
    await desk.in_flight.abandoned(abandon(request(chat_call)))
    await asyncio.wait([asking])
    assert isinstance(asking.exception(), AttributeError), "there is no ledger to write to here"
    assert desk.purse.ended == []


async def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_router.in_flight._KEPT_MAX", 3)
    flight = InFlight()
    told = [CallAbandoned.make(tenant_id=TENANT, request_id=uuid4()) for _ in range(10)]
    for one in told:
        await flight.abandoned(one)
    assert len(flight._too_early) == 3
    async with flight.held(_asked(told[0])):
        pass
    with pytest.raises(Refused):
        async with flight.held(_asked(told[-1])):
            pass


def _asked(told: CallAbandoned) -> Any:
    return SimpleNamespace(tenant_id=told.tenant_id, message_id=told.request_id)


async def test_an_answer_that_was_whole_is_paid_for_though_its_last_words_were_cut(
    desk: Desk, chat_call: Any
) -> None:
    """The broker blocks while the last words go out, and the asker leaves: the bill has come."""
    noted: list[Any] = []
    stuck = asyncio.Event()

    class Books:
        def note(self, spend: Any) -> None:
            noted.append(spend)

    async def never(_: ReplyDelta) -> None:
        stuck.set()
        await asyncio.Event().wait()

    desk.handlers._ledger = Books()  # type: ignore[assignment]
    desk.handlers._stream = never
    desk.purse.spend_of = lambda answered: answered.outcome.text  # type: ignore[attr-defined]
    await desk.provider.script({"text": "We open at nine."})
    asked = request(chat_call)
    asking = asyncio.create_task(desk.handlers.generate_reply(asked))
    await stuck.wait()

    async def whole() -> bool:
        return await desk.ended() == "answered"

    await eventually_async(whole, "the provider gave all")
    await asyncio.sleep(0.1)
    for _ in range(2):
        await desk.in_flight.abandoned(abandon(asked))
    with pytest.raises(Refused):
        await asking
    assert noted == ["We open at nine."]
    assert desk.purse.ended == []
