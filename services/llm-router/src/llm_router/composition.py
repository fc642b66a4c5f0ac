"""Puts the parts of the service together from its settings; tests use the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from llm_router.anthropic_wire import AnthropicWire
from llm_router.builtin import BuiltinAdapter
from llm_router.config import Settings
from llm_router.cooldowns import Cooldowns
from llm_router.domain import (
    BUILTIN,
    Access,
    ChatAdapter,
    EmbeddingAdapter,
    Model,
    ModelFailed,
    TenantRoute,
)
from llm_router.embedding import Embedder
from llm_router.handlers import Defaults, Handlers
from llm_router.lean import LeanAdapter, LeanEmbeddings
from llm_router.litellm_rank import LitellmRanker
from llm_router.minilm import MiniLM
from llm_router.prices import Prices
from llm_router.ranking import usual_ranker
from llm_router.reading_requests import ReadingHandlers
from llm_router.routes import Routes
from llm_router.routing import Limits, Router
from llm_router.spending import Ledger, Save
from llm_router.store import Store
from llm_router.streaming import Stream
from llm_router.through_litellm import LitellmAdapter
from llm_router.vector_cache import VectorCache
from sealing import KeyRing, SealingError


@dataclass(slots=True)
class Parts:
    """What a running router is made of."""

    handlers: Handlers
    reading: ReadingHandlers
    minilm: MiniLM
    through_litellm: LitellmAdapter
    ledger: Ledger
    wanted_now: frozenset[str]
    _loading: asyncio.Task[object] | None = None

    async def start(self) -> None:
        """Load what the platform's own models need; litellm loads while others are answered."""
        self.ledger.start()
        if "minilm" in self.wanted_now:
            await self.minilm.load()
        if "litellm" in self.wanted_now:
            self._loading = asyncio.create_task(self.through_litellm.load())

    async def close(self) -> None:
        """Write what the ledger still holds and end the threads."""
        if self._loading is not None:
            await asyncio.wait([self._loading])
        await self.ledger.close()
        await self.through_litellm.close()
        await asyncio.to_thread(self.minilm.close)


def compose(
    settings: Settings,
    session: aiohttp.ClientSession,
    store: Store,
    load_route: Callable[[UUID], Awaitable[TenantRoute]],
    save_spends: Save,
    stream: Stream,
) -> Parts:
    """Wire everything; nothing connects or loads here."""
    minilm, cache = MiniLM(settings.embedding_threads), VectorCache()
    lean = LeanAdapter(session, settings.stall_seconds)
    builtin = BuiltinAdapter(
        Embedder({BUILTIN: minilm}, cache), settings.builtin_word_milliseconds / 1000
    )
    through_litellm = LitellmAdapter(builtin, settings.stall_seconds)
    chat: dict[str, ChatAdapter] = {}
    embedders: dict[str, EmbeddingAdapter] = {BUILTIN: minilm}
    if settings.adapter == "auto":
        anthropic = LeanAdapter(session, settings.stall_seconds, AnthropicWire())
        chat = {BUILTIN: builtin, "openai": lean, "ollama": lean, "anthropic": anthropic}
        vectors = LeanEmbeddings(session)
        embedders |= {"openai": vectors, "ollama": vectors}
    prices, ledger = Prices(), Ledger(save_spends)
    routes = Routes(load_route, _unsealer(settings.master_keys), _platform_access(settings))
    router = Router(
        lambda model: chat.get(model.provider, through_litellm),
        prices,
        Cooldowns(settings.cooldown_seconds),
        Limits(settings.call_seconds_max, settings.retries),
    )
    handlers = Handlers(
        store=store,
        routes=routes,
        router=router,
        ledger=ledger,
        stream=stream,
        defaults=Defaults(settings.model, settings.fallbacks()),
    )
    in_hand = max(1, settings.embeddings_at_once * 3 // 4)
    reading = ReadingHandlers(
        routes=routes,
        embedder=Embedder(embedders, cache, through_litellm, in_hand),
        ranker=usual_ranker(minilm, settings.rank_cache_bytes_max, LitellmRanker(through_litellm)),
        prices=prices,
        ledger=ledger,
        embedding_model=settings.embedding_model,
    )
    return Parts(
        handlers, reading, minilm, through_litellm, ledger, _wanted_now(settings, set(chat))
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


def key_context(tenant_id: UUID, provider: str) -> str:
    """What a tenant's provider key is sealed for."""
    return f"provider-key:{tenant_id}:{provider}"


def _platform_access(settings: Settings) -> dict[str, Access]:
    return {
        "openai": Access(settings.openai_base_url, settings.openai_api_key or None),
        "anthropic": Access(settings.anthropic_base_url, settings.anthropic_api_key or None),
        "ollama": Access(settings.ollama_base_url, None),
        "cohere": Access(settings.cohere_base_url, settings.cohere_api_key or None),
    }


def _unsealer(master_keys: str) -> Callable[[UUID, str, str], str]:
    ring = KeyRing.from_text(master_keys) if master_keys else None

    def unseal(tenant_id: UUID, provider: str, sealed: str) -> str:
        if ring is None:
            raise ModelFailed("not_authorised", "a sealed key, but CHAT_MASTER_KEYS is empty")
        try:
            return ring.unseal(sealed, key_context(tenant_id, provider)).decode()
        except SealingError as error:
            detail = f"the tenant's key of {provider} cannot be unsealed"
            raise ModelFailed("not_authorised", detail) from error

    return unseal
