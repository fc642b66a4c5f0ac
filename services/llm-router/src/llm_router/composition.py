"""Puts the parts of the service together from its settings; tests use the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from llm_router.builtin import BuiltinAdapter
from llm_router.choosing import Choices, TenantRoute
from llm_router.config import Settings
from llm_router.cooldowns import Cooldowns
from llm_router.domain import BUILTIN, Model
from llm_router.embedding import Embedder
from llm_router.gated import GatedRanks
from llm_router.handlers import Handlers
from llm_router.litellm_rank import LitellmRanker
from llm_router.media import Media, media
from llm_router.minilm import MiniLM
from llm_router.money import Money
from llm_router.provider_ways import (
    Ways,
    chat_adapters,
    embedding_adapters,
    tenant_routes,
    unsealer,
)
from llm_router.purses import payer_of
from llm_router.ranking import usual_ranker
from llm_router.reading_requests import ReadingHandlers
from llm_router.routing import Limits, Router
from llm_router.store import Store
from llm_router.streaming import Stream
from llm_router.through_litellm import LitellmAdapter
from llm_router.vector_cache import VectorCache


@dataclass(slots=True)
class Parts:
    """What a running router is made of."""

    handlers: Handlers
    reading: ReadingHandlers
    minilm: MiniLM
    through_litellm: LitellmAdapter
    money: Money
    ways: Ways
    media: Media
    wanted_now: frozenset[str]
    _loading: asyncio.Task[object] | None = None

    async def start(self) -> None:
        """Load what the platform's own models need; litellm loads while others are answered."""
        await self.money.start()
        if "minilm" in self.wanted_now:
            await self.minilm.load()
        if "litellm" in self.wanted_now:
            self._loading = asyncio.create_task(self.through_litellm.load())

    async def close(self) -> None:
        """Write what the ledger still holds and end the threads."""
        if self._loading is not None:
            await asyncio.wait([self._loading])
        await self.money.close()
        await self.through_litellm.close()
        await asyncio.to_thread(self.minilm.close)


def compose(
    settings: Settings,
    session: aiohttp.ClientSession,
    guarded: aiohttp.ClientSession,
    store: Store,
    load_route: Callable[[UUID], Awaitable[TenantRoute]],
    money: Money,
    stream: Stream,
) -> Parts:
    """Wire everything; nothing connects or loads here."""
    minilm, cache = MiniLM(settings.embedding_threads), VectorCache()
    builtin = BuiltinAdapter(
        Embedder({BUILTIN: minilm}, cache), settings.builtin_word_milliseconds / 1000
    )
    through_litellm = LitellmAdapter(builtin, settings.stall_seconds)
    chat = chat_adapters(settings, session, guarded, builtin, through_litellm)
    cooldowns = Cooldowns(settings.cooldown_seconds)
    embedders, otherwise = embedding_adapters(
        settings, session, guarded, minilm, through_litellm, cooldowns.note
    )
    routes = tenant_routes(settings, load_route, unsealer(settings.master_keys))
    choices = Choices(
        settings.model,
        settings.fallbacks(),
        settings.embedding_model,
        settings.transcription_model or None,
    )
    files = media(settings, session, guarded, through_litellm, routes, money, choices)
    router = Router(
        chat.of,
        money.prices,
        cooldowns,
        Limits(settings.call_seconds_max, settings.retries),
    )
    handlers = Handlers(
        store=store,
        routes=routes,
        router=router,
        ledger=money.ledger,
        stream=stream,
        purse_of=lambda request: money.purses.of(payer_of(request)),
        choices=choices,
        in_flight=files.in_flight,
        images=files.images,
    )
    ranks = GatedRanks(LitellmRanker(through_litellm))
    in_hand = max(1, settings.embeddings_at_once * 3 // 4)
    reading = ReadingHandlers(
        routes=routes,
        embedder=Embedder(embedders, cache, otherwise, in_hand),
        ranker=usual_ranker(minilm, settings.rank_cache_bytes_max, ranks),
        prices=money.prices,
        ledger=money.ledger,
        purses=money.purses,
        choices=choices,
    )
    return Parts(
        handlers,
        reading,
        minilm,
        through_litellm,
        money,
        Ways(chat, routes, cooldowns, choices),
        files,
        _wanted_now(settings, set(chat.platform)),
    )


def _wanted_now(settings: Settings, lean_providers: set[str]) -> frozenset[str]:
    """Which of the heavy parts the platform's own models need from the first call on."""
    embeds = Model.named(settings.embedding_model)
    chats = [Model.named(name) for name in (settings.model, *settings.fallbacks())]
    wanted = {"minilm"} if embeds.provider == BUILTIN else set()
    others = [model for model in (*chats, embeds) if model.provider not in lean_providers]
    if any(model != Model(BUILTIN, "minilm") for model in others):
        wanted.add("litellm")
    return frozenset(wanted)
