"""The parts of a router that people ask about models, over a database and without a broker."""

from __future__ import annotations

import base64
from typing import Any, Self
from uuid import UUID

import aiohttp

from contracts.v1.model_routes import ModelRoute
from contracts.v1.models import ChatMessage
from llm_router.builtin import BuiltinAdapter
from llm_router.choosing import Choices, Plan
from llm_router.config import Settings
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Access, Answered, ChatCall, Model, Spend
from llm_router.known_providers import known_providers
from llm_router.prices import Prices
from llm_router.probing import Prober
from llm_router.provider_check import ProviderCheck
from llm_router.provider_requests import ProviderRequests
from llm_router.provider_ways import (
    chat_adapters,
    egress_policy,
    open_guarded_session,
    tenant_routes,
    unsealer,
)
from llm_router.purses import Purses
from llm_router.route_requests import RouteRequests
from llm_router.route_store import RouteStore
from llm_router.routing import Limits, Router
from llm_router.saving import Saving
from llm_router.store import Store
from llm_router.through_litellm import LitellmAdapter
from llm_router.tiny_calls import TinyCalls
from postgres import Database, Queries

MASTER_KEYS = "k1:" + base64.b64encode(bytes(range(32))).decode()


class FreePurse:
    """Holds nothing."""

    async def reserve(self, call: ChatCall) -> None:
        return None

    def failed(
        self, call: ChatCall, held: None, code: str, written: str | None, billed: object = None
    ) -> None:
        return None


def made_route(purpose: Any = "answer", **others: Any) -> ModelRoute:
    fields: dict[str, Any] = {
        "purpose": purpose,
        "model": None,
        "canary_model": None,
        "canary_percent": 0.0,
        "fallbacks": None,
        "hedge_after_milliseconds": None,
        "deadline_seconds": None,
    }
    return ModelRoute(**(fields | others))


class World:
    """Routes, providers, prober and chats of one process."""

    def __init__(
        self, settings: Settings, database: Database, session: Any, guarded: Any, admin_url: str
    ) -> None:
        self.database, self.guarded, self.admin_url = database, guarded, admin_url
        self.spends: list[Spend] = []
        builtin = BuiltinAdapter(None)
        chat = chat_adapters(settings, session, guarded, builtin, LitellmAdapter(builtin, 1.0))
        nothing_said: Any = None
        saving = Saving(database, nothing_said, Store(Queries("llm_router")))
        self.ways = tenant_routes(settings, saving.find_route, unsealer(MASTER_KEYS))
        cooldowns, store = Cooldowns(settings.cooldown_seconds), RouteStore()
        calls = TinyCalls(chat.of, Purses(None, lambda _: None, Prices(), self.spends.append))
        check = ProviderCheck(session, guarded, egress_policy(settings), calls)
        choices = Choices(settings.model, settings.fallbacks(), settings.embedding_model)
        known = known_providers()
        self.routes = RouteRequests(database, store, self.ways, cooldowns, choices, known)
        self.asked = ProviderRequests(database, store, self.ways, cooldowns, check, known)
        self.prober = Prober(cooldowns, calls, 1.0)
        self.router = Router(chat.of, Prices(), cooldowns, Limits(5.0, 0))

    @classmethod
    async def open(
        cls, database: Any, session: aiohttp.ClientSession, provider_url: str, **changes: Any
    ) -> Self:
        settings = Settings(
            database_url=database.url,
            amqp_url="amqp://nobody.invalid",
            master_keys=MASTER_KEYS,
            openai_base_url=provider_url,
            openai_api_key="sk-platform",
            anthropic_base_url=provider_url,
            ollama_base_url=provider_url,
            **changes,
        )
        opened = await Database.connect(database.url, name="test")
        guarded = open_guarded_session(settings)
        return cls(settings, opened, session, guarded, database.admin_url)

    async def close(self) -> None:
        await self.guarded.close()
        await self.database.close()

    async def chat(
        self, tenant_id: UUID, *models: str, seconds: float = 5.0, stream: bool = False
    ) -> Answered:
        """One answer of the chain for a tenant."""
        route = await self.ways.of(tenant_id)
        said = ChatMessage(role="user", content="Hello", tool_calls=[], tool_call_id=None)
        call = ChatCall(
            tenant_id=tenant_id,
            model=Model.named(models[0]),
            access=Access(None, None),
            purpose="answer",
            messages=[said],
            tools=[],
            passages=[],
            reply_tokens_max=50,
            timeout_seconds=seconds,
        )
        words: list[str] = []
        return await self.router.answer(
            call,
            Plan(tuple(map(Model.named, models))),
            lambda model: self.ways.access(tenant_id, route, model),
            words.append if stream else None,
            FreePurse(),
        )
