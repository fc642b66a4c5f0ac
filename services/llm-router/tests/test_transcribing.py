"""Recordings are written down by the tenant's or the platform's model, at a price by the minute."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from blobs import Blobs
from bus import Refused
from contracts.v1.models import CallAbandoned, TranscribeAudio
from llm_router.choosing import Choices, TenantRoute
from llm_router.domain import Access, Model, ModelFailed, Spend
from llm_router.in_flight import InFlight
from llm_router.listening import LeanListening, ListenCall, LitellmListening, ogg_seconds
from llm_router.prices import Prices
from llm_router.purses import Purses
from llm_router.through_litellm import LitellmAdapter
from llm_router.transcribing import Ears, Transcribing
from testkit import eventually_async

SAID = "What are your opening hours?"


def opus(seconds: int, size: int = 12_000) -> bytes:
    """An Ogg/Opus file as far as its first and last page go."""
    last = (seconds * 48_000).to_bytes(8, "little")
    first = b"OggS\0\2" + bytes(22) + b"OpusHead"
    return first + b"0" * size + b"OggS\0\4" + last + bytes(20)


class Routes:
    """One way to the simulator, guarded or not."""

    def __init__(self, url: str) -> None:
        self.access_given = Access(url, "sk-test")

    async def of(self, tenant_id: UUID) -> TenantRoute:
        return TenantRoute()

    def access(self, tenant_id: UUID, route: TenantRoute, model: Model) -> Access:
        return self.access_given


class Ledger:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.spends: list[Spend] = []

    async def record(self, spend: Spend) -> None:
        self.spends.append(spend)


class Desk:
    """The handler over the simulator, with a folder of files."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        provider: Any,
        folder: Path,
        litellm: LitellmAdapter,
        model: str | None,
    ) -> None:
        self.blobs, self.provider = Blobs.open(folder.as_uri()), provider
        self.ledger, self.in_flight, self.routes = Ledger(), InFlight(), Routes(provider.url)
        prices, lean = Prices(), LeanListening(session)
        others = LitellmListening(litellm)
        by_lean = frozenset({"openai"})
        self.handler = Transcribing(
            routes=self.routes,  # type: ignore[arg-type]
            ears=Ears(lean, lean, others, by_lean),
            blobs=self.blobs,
            prices=prices,
            purses=Purses(None, lambda _: None, prices, self.ledger.spends.append),
            ledger=self.ledger,  # type: ignore[arg-type]
            choices=Choices("builtin/extractive", (), "builtin/minilm", model),
            in_flight=self.in_flight,
        )

    async def asked(self, data: bytes, seconds: float = 20.0, **others: Any) -> TranscribeAudio:
        fields: dict[str, Any] = {
            "tenant_id": uuid4(),
            "conversation_id": uuid4(),
            "sha256": await self.blobs.put(data),
            "mime_type": "audio/ogg; codecs=opus",
            "size_bytes": len(data),
            "language": "de-DE",
            "deadline_at": datetime.now(UTC) + timedelta(seconds=seconds),
        }
        return TranscribeAudio.make(**(fields | others))

    async def transcribe(self, data: bytes, **others: Any) -> Any:
        return await self.handler.transcribe_audio(await self.asked(data, **others))


@pytest.fixture
def make(
    session: aiohttp.ClientSession, provider: Any, tmp_path: Path, litellm: LitellmAdapter
) -> Any:
    def made(model: str | None = "openai/whisper-1") -> Desk:
        return Desk(session, provider, tmp_path / "blobs", litellm, model)

    return made


async def test_the_words_the_length_and_the_price_by_the_minute(make: Any) -> None:
    desk = make()
    answer = await desk.transcribe(opus(6, size=60_000))
    assert answer.text == SAID
    assert answer.language == "english"
    assert answer.seconds == 30
    assert answer.cost_usd == pytest.approx(0.003)
    [spend] = desk.ledger.spends
    assert spend.purpose == "transcribe"
    assert spend.cost_usd == Decimal("0.003")
    [call] = await desk.provider.calls()
    assert call["body"]["language"] == "de"
    assert call["body"]["file"]["name"] == "recording.ogg"
    assert call["headers"]["authorization"] == "Bearer sk-test"


async def test_models_that_tell_no_language_are_asked_in_their_own_format(make: Any) -> None:
    answer = await make("openai/gpt-4o-transcribe").transcribe(opus(6))
    assert (answer.text, answer.language) == (SAID, None)
    assert answer.cost_usd is not None


async def test_the_file_tells_its_length_where_the_provider_does_not(make: Any) -> None:
    desk = make()
    await desk.provider.script({"operation": "listen", "usage": False}, {"operation": "listen"})
    answer = await desk.transcribe(opus(17, size=20_000))
    assert answer.seconds == 17
    assert answer.cost_usd == pytest.approx(17 / 60 * 0.006)


async def test_litellm_listens_for_all_other_providers(make: Any, litellm: LitellmAdapter) -> None:
    desk = make("openai/whisper-1")
    call = ListenCall(
        Model.named("openai/whisper-1"),
        desk.routes.access_given,
        opus(6),
        "audio/ogg",
        None,
        10.0,
    )
    heard = await LitellmListening(litellm).listen(call)
    assert (heard.text, heard.seconds) == (SAID, 6.0)
    await litellm.close()


async def test_without_a_model_it_is_refused(make: Any) -> None:
    desk = make(None)
    with pytest.raises(Refused) as refused:
        await desk.transcribe(opus(6))
    assert refused.value.code == "unknown_model"
    assert await desk.provider.calls() == []


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"kind": "error", "status": 429, "retry_after_seconds": 7}, "rate_limited"),
        ({"kind": "error", "status": 500}, "overloaded"),
        ({"kind": "error", "status": 401}, "not_authorised"),
    ],
)
async def test_failures_have_their_code(make: Any, step: dict[str, Any], code: str) -> None:
    desk = make()
    await desk.provider.script({**step, "operation": "listen"})
    with pytest.raises(Refused) as refused:
        await desk.transcribe(opus(6))
    assert refused.value.code == code
    assert (refused.value.retry_after_seconds == 7) == (code == "rate_limited")


async def test_a_recording_that_is_no_format_of_the_provider_is_refused(make: Any) -> None:
    with pytest.raises(Refused) as refused:
        await make().transcribe(b"#!AMR\n", mime_type="audio/amr")
    assert refused.value.code == "bad_request"
    assert "Invalid file format" in refused.value.detail


async def test_what_is_missing_or_too_large_is_refused_before_any_call(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make()
    monkeypatch.setattr("llm_router.transcribing.RECORDING_BYTES_MAX", 10)
    for asked in (await desk.asked(b"x" * 11), await desk.asked(b"x", sha256="0" * 64)):
        with pytest.raises(Refused) as refused:
            await desk.handler.transcribe_audio(asked)
        assert refused.value.code == "bad_request"
    assert await desk.provider.calls() == []


async def test_an_abandoned_recording_is_let_go_of(make: Any) -> None:
    desk = make()
    await desk.provider.script({"kind": "hang", "operation": "listen"})
    asked = await desk.asked(opus(6))
    asking = asyncio.create_task(desk.handler.transcribe_audio(asked))

    async def ended(how: str) -> bool:
        calls = await desk.provider.calls()
        return bool(calls) and calls[-1]["ended"] == how

    await eventually_async(lambda: ended("hanging"), "the call is there")
    told = CallAbandoned.make(tenant_id=asked.tenant_id, request_id=asked.message_id)
    await desk.in_flight.abandoned(told)
    with pytest.raises(Refused) as refused:
        await asking
    assert refused.value.code == "abandoned"
    await eventually_async(lambda: ended("caller left"), "the provider sees it", 1.0)


def test_the_length_of_an_ogg_file() -> None:
    assert ogg_seconds(opus(17, size=20_000)) == 17.0
    assert ogg_seconds(b"RIFF....WAVE") is None
    assert ogg_seconds(b"OggS" + bytes(400)) is None
    cut = opus(17)[:-28]
    assert ogg_seconds(cut + b"OggS\0\4" + b"\xff" * 8) is None


async def test_a_forged_length_costs_no_more_than_its_bytes_can_last(make: Any) -> None:
    """Any visitor can send such a file: it must not empty a budget, nor burst the ledger."""
    desk = make()
    await desk.provider.script({"operation": "listen", "usage": False}, {"operation": "listen"})
    forged = opus(10**12, size=12_000)
    answer = await desk.transcribe(forged)
    assert answer.seconds == pytest.approx(len(forged) / 750)
    [spend] = desk.ledger.spends
    assert spend.cost_usd is not None
    assert spend.cost_usd < Decimal("0.01")


async def test_a_key_that_the_provider_repeats_is_told_to_nobody(make: Any) -> None:
    desk = make()

    class Repeats:
        async def listen(self, call: ListenCall) -> Any:
            raise ModelFailed("not_authorised", f"HTTP 401: wrong key {call.access.key}")

    desk.handler._ears = replace(desk.handler._ears, lean=Repeats())
    with pytest.raises(Refused) as refused:
        await desk.transcribe(opus(6))
    assert refused.value.code == "not_authorised"
    assert "sk-test" not in refused.value.detail


async def test_an_address_is_not_the_name_of_a_listening_model(make: Any) -> None:
    desk = make("huggingface/http://169.254.169.254/latest")
    with pytest.raises(Refused) as refused:
        await desk.transcribe(opus(6))
    assert refused.value.code == "unknown_model"
