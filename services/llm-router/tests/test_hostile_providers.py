"""What a hostile provider, or a forged recording, must not do to the books and to others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from contracts.v1.models import CallAbandoned
from llm_router import metrics
from llm_router.answer_schemas import fitting, unfenced
from llm_router.choosing import Plan
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
    Access,
    ChainFailed,
    ChatCall,
    ChatOutcome,
    Model,
    ModelFailed,
    Spend,
    Vectors,
)
from llm_router.embedding_batches import EmbeddingBatches, Key
from llm_router.gated import ChatAdapters
from llm_router.in_flight import InFlight
from llm_router.openai_wire import read_answer, read_vectors
from llm_router.price_table import Price
from llm_router.prices import Prices
from llm_router.provider_limits import CallLimits
from llm_router.purse import Reservation
from llm_router.purses import Payer, Purses
from llm_router.routing import Limits, Router
from llm_router.spending import Ledger


def spend(**others: Any) -> Spend:
    kept = Spend(
        tenant_id=UUID(int=7),
        correlation_id=UUID(int=1),
        conversation_id=None,
        purpose="answer",
        model=Model("openai", "gpt-4o"),
        input_tokens=10,
        output_tokens=5,
        estimated=False,
        cost_usd=Decimal("0.5"),
        milliseconds=3,
        outcome="answered",
        occurred_at=datetime.now(UTC),
    )
    return replace(kept, **others)


@pytest.mark.parametrize("told", [10**12, -5, "7", 2.5, True, [1]])
def test_a_count_that_is_none_is_as_good_as_no_count(told: Any) -> None:
    answer = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": told, "completion_tokens": told},
    }
    outcome = read_answer(orjson.dumps(answer))
    assert (outcome.input_tokens, outcome.output_tokens) == (None, None)
    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": told}}
    assert read_vectors(orjson.dumps(vectors), 1)[1] is None


async def test_a_row_that_can_never_be_written_keeps_nobody_elses_back() -> None:
    poison, written = spend(input_tokens=10**12), list[Spend]()

    class OutOfRange(Exception):
        sqlstate = "22003"

    async def save(rows: Sequence[Spend]) -> None:
        if poison in rows:
            raise OutOfRange
        written.extend(rows)

    ledger = Ledger(save)
    others = [spend(tenant_id=uuid4()) for _ in range(3)]
    for row in (others[0], poison, *others[1:]):
        ledger.note(row)
    ledger.start()
    async with asyncio.timeout(5):
        await ledger.close()
    assert written == others


async def test_rows_are_kept_whole_while_the_database_itself_is_to_blame() -> None:
    asked, written = list[int](), asyncio.Event()

    async def save(rows: Sequence[Spend]) -> None:
        asked.append(len(rows))
        if len(asked) == 1:
            raise ConnectionError
        written.set()

    ledger = Ledger(save)
    for _ in range(2):
        ledger.note(spend(spend_id=uuid4()))
    ledger.start()
    async with asyncio.timeout(5):
        await written.wait()
    await ledger.close()
    assert asked == [2, 2]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        (" ``` \n[1]\n```\n", "[1]"),
        ("[1]", "[1]"),
        ("```python\n[1]\n```", "```python\n[1]\n```"),
        ("```", "```"),
    ],
)
def test_a_fence_around_json_is_taken_away(text: str, inside: str) -> None:
    assert unfenced(text) == inside


def test_an_answer_of_nothing_but_lines_takes_no_time() -> None:
    started = time.process_time()
    unfenced("```" + "\n" * 99_000 + "x")
    assert time.process_time() - started < 0.5


async def test_a_repair_that_is_refused_says_what_the_first_answer_took(
    chat_call: Callable[..., ChatCall],
) -> None:
    answers: list[Any] = [
        ChatOutcome("no JSON", (), "stop", 40, 7),
        ModelFailed("rate_limited", "later", 3.0),
    ]

    async def ask(call: ChatCall) -> ChatOutcome:
        answer = answers.pop(0)
        if isinstance(answer, ModelFailed):
            raise answer
        return answer

    with pytest.raises(ModelFailed) as caught:
        await fitting(ask, chat_call(answer_schema='{"type": "object"}'))
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after_seconds == 3.0
    assert caught.value.billed == (40, 7)
    assert caught.value.without("later").billed == (40, 7)


async def test_a_call_is_ended_by_its_own_tenant_only() -> None:
    in_flight, tenant = InFlight(), uuid4()
    request: Any = SimpleNamespace(tenant_id=tenant, message_id=uuid4())
    foreign = CallAbandoned.make(tenant_id=uuid4(), request_id=request.message_id)
    await in_flight.abandoned(foreign)
    async with in_flight.held(request):
        await in_flight.abandoned(foreign)
        await asyncio.sleep(0)


class Purse:
    """Remembers what it hears of calls without an answer."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    async def reserve(self, call: ChatCall) -> None:
        return None

    def failed(
        self, call: ChatCall, held: None, code: str, written: str | None, billed: object = None
    ) -> None:
        self.told.append((code, billed))


@pytest.mark.parametrize(("own", "passed_over"), [(False, False), (True, True)])
async def test_a_tenants_own_short_deadline_pauses_nobody_elses_model(
    chat_call: Callable[..., ChatCall], *, own: bool, passed_over: bool
) -> None:
    class Slow:
        async def chat(self, call: ChatCall, on_words: object) -> ChatOutcome:
            await asyncio.Event().wait()
            raise AssertionError

    model, access, cooldowns = Model("openai", "slow"), Access(None, "k", own=own), Cooldowns(10.0)
    router = Router(lambda *_: Slow(), Prices(), cooldowns, Limits(60.0, 0))
    plan = Plan((model, Model("openai", "other")), call_seconds_max=0.05)
    for _ in range(4):
        with pytest.raises(ChainFailed):
            await router.answer(chat_call(), plan, lambda _: access, None, Purse())
    assert (cooldowns.wait_seconds(model, access) > 0) == passed_over


async def test_the_purse_hears_what_a_failed_repair_has_cost(
    chat_call: Callable[..., ChatCall],
) -> None:
    class Fails:
        async def chat(self, call: ChatCall, on_words: object) -> ChatOutcome:
            raise ModelFailed("rate_limited", f"key {call.access.key}", 60.0, billed=(40, 7))

    router = Router(lambda *_: Fails(), Prices(), Cooldowns(10.0), Limits(60.0, 0))
    plan, purse = Plan((Model("openai", "a"),)), Purse()
    with pytest.raises(ChainFailed):
        await router.answer(chat_call(), plan, lambda _: Access(None, "sk-1"), None, purse)
    assert purse.told == [("rate_limited", (40, 7))]


async def test_what_breaks_inside_an_adapter_tells_no_key(
    chat_call: Callable[..., ChatCall], capsys: pytest.CaptureFixture[str]
) -> None:
    class Breaks:
        async def chat(self, call: ChatCall, on_words: object) -> ChatOutcome:
            raise RuntimeError(f"header Bearer {call.access.key}")

    router = Router(lambda *_: Breaks(), Prices(), Cooldowns(10.0), Limits(60.0, 0))
    plan = Plan((Model("openai", "a"),))
    with pytest.raises(ChainFailed) as failed:
        await router.answer(chat_call(), plan, lambda _: Access(None, "sk-1"), None, Purse())
    assert "sk-1" not in str(failed.value)
    assert "sk-1" not in "".join(capsys.readouterr())


def test_models_that_tenants_make_up_do_not_grow_the_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_apart", set())
    made_up = [metrics.labels_of(Model("openai", f"m{number}")) for number in range(2_000)]
    assert len(set(made_up)) <= 257
    assert metrics.label_of(Model("openai", "m0")) == "openai/m0"
    assert metrics.label_of(Model("openai", "m1999")) == "other/other"


async def test_vectors_that_came_before_the_rest_was_refused_are_billed() -> None:
    asked = list[int]()

    class Tires:
        async def embed(self, model: Any, access: Any, texts: Sequence[str], *_: Any) -> Vectors:
            asked.append(len(texts))
            if len(asked) > 1:
                raise ModelFailed("rate_limited", "later", 60.0)
            return Vectors(tuple(b"abcd" for _ in texts), 1, 30)

    batches = EmbeddingBatches(limits_of=lambda _: CallLimits(texts=2, tokens=1_000))
    key = Key(uuid4(), Model("openai", "e"), Access(None, None), "query")
    with pytest.raises(ModelFailed) as caught:
        await batches.embed(key, Tires(), ["a", "b", "c", "d"], 2.0)
    assert (caught.value.code, caught.value.billed) == ("rate_limited", (30, 0))


@pytest.mark.parametrize(("code", "usd"), [("rate_limited", "0.3"), ("timeout", "9")])
def test_what_was_read_before_a_refusal_stands_in_the_ledger(code: str, usd: str) -> None:
    noted = list[Spend]()
    prices = Prices()
    prices._known["openai/e"] = Price(input=Decimal(10_000))
    purse = Purses(None, lambda _: None, prices, noted.append).of(
        Payer(uuid4(), uuid4(), None, "passage")
    )
    held = Reservation(uuid4(), datetime.now(UTC).date().replace(day=1), Decimal(9))
    purse.dropped(Model("openai", "e"), held, code, (30, 0))
    assert (noted[0].cost_usd, noted[0].input_tokens) == (Decimal(usd), 30)


def test_a_tenants_address_is_dialled_by_the_checked_way_out_only() -> None:
    plain, checked = object(), object()
    many: Any = {"openai": plain}, plain, {"anthropic": checked}, checked
    adapters = ChatAdapters(*many)
    for name in ("openai/a", "anthropic/a", "groq/a"):
        found = adapters.of(Model.named(name), Access("https://a.example", None, guarded=True))
        assert found is checked


async def test_a_repaired_answer_counts_what_both_took_from_the_cache(
    chat_call: Callable[..., ChatCall],
) -> None:
    answers = [
        ChatOutcome("no JSON", (), "stop", 40, 7, cached_tokens=3, cache_write_tokens=2),
        ChatOutcome("{}", (), "stop", 50, 8, cached_tokens=5, cache_write_tokens=1),
    ]

    async def ask(call: ChatCall) -> ChatOutcome:
        return answers.pop(0)

    found = await fitting(ask, chat_call(answer_schema='{"type": "object"}'))
    assert (found.input_tokens, found.cached_tokens, found.cache_write_tokens) == (90, 8, 3)
