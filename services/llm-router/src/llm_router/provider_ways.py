"""Puts together how providers are reached: adapters, sessions, keys and gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from egress import EgressPolicy, open_session
from llm_router.anthropic_wire import AnthropicWire
from llm_router.builtin import BuiltinAdapter
from llm_router.choosing import Choices
from llm_router.config import Settings
from llm_router.cooldowns import Cooldowns
from llm_router.domain import BUILTIN, Access, ChatAdapter, EmbeddingAdapter, ModelFailed
from llm_router.gated import ChatAdapters, GatedEmbeddings, Note
from llm_router.lean import LeanAdapter, LeanEmbeddings
from llm_router.minilm import MiniLM
from llm_router.own_providers import key_context
from llm_router.provider_gates import Bounds, Gates
from llm_router.routes import Load, Routes
from llm_router.through_litellm import LitellmAdapter
from sealing import KeyRing, SealingError

_USER_AGENT = "chat-llm-router/1"
_CALL_SECONDS_MAX = 600.0

Unsealer = Callable[[UUID, str, str], str]


@dataclass(frozen=True, slots=True)
class Ways:
    """How models are reached and how they are doing: what calls and people's questions share."""

    chat: ChatAdapters
    routes: Routes
    cooldowns: Cooldowns
    choices: Choices


def egress_policy(settings: Settings) -> EgressPolicy:
    """Which addresses tenants may name."""
    return EgressPolicy(settings.private_base_urls)


def open_guarded_session(settings: Settings) -> aiohttp.ClientSession:
    """The one way out to addresses that tenants chose: dials what it has checked."""
    return open_session(
        egress_policy(settings), user_agent=_USER_AGENT, total_seconds=_CALL_SECONDS_MAX
    )


def chat_adapters(
    settings: Settings,
    session: aiohttp.ClientSession,
    guarded: aiohttp.ClientSession,
    builtin: BuiltinAdapter,
    through_litellm: LitellmAdapter,
) -> ChatAdapters:
    """Who speaks to which provider."""
    stall, anthropic = settings.stall_seconds, AnthropicWire()
    platform: dict[str, ChatAdapter] = {}
    if settings.adapter == "auto":
        lean = LeanAdapter(session, stall)
        platform = {BUILTIN: builtin, "openai": lean, "ollama": lean}
        platform["anthropic"] = LeanAdapter(session, stall, anthropic)
    return ChatAdapters(
        platform=platform,
        otherwise=through_litellm,
        guarded={"anthropic": LeanAdapter(guarded, stall, anthropic)},
        guarded_otherwise=LeanAdapter(guarded, stall),
    )


def embedding_adapters(
    settings: Settings,
    session: aiohttp.ClientSession,
    guarded: aiohttp.ClientSession,
    minilm: MiniLM,
    through_litellm: LitellmAdapter,
    note: Note,
) -> tuple[dict[str, EmbeddingAdapter], EmbeddingAdapter]:
    """Whose vectors come from where, by provider, and everybody else's."""
    checked = LeanEmbeddings(guarded)
    found: dict[str, EmbeddingAdapter] = {BUILTIN: minilm}
    if settings.adapter == "auto":
        vectors = GatedEmbeddings(LeanEmbeddings(session), checked, note)
        found |= {"openai": vectors, "ollama": vectors}
    return found, GatedEmbeddings(through_litellm, checked, note)


def tenant_routes(settings: Settings, load: Load, unseal: Unsealer) -> Routes:
    """Tenants' choices over the platform's ways."""
    platform = Bounds(settings.provider_calls_at_once, settings.provider_requests_per_minute)
    gates = Gates(platform, settings.provider_calls_at_once)
    return Routes(load, unseal, _platform_access(settings), gates)


def _platform_access(settings: Settings) -> dict[str, Access]:
    return {
        "openai": Access(settings.openai_base_url, settings.openai_api_key or None),
        "anthropic": Access(settings.anthropic_base_url, settings.anthropic_api_key or None),
        "ollama": Access(settings.ollama_base_url, None),
        "cohere": Access(settings.cohere_base_url, settings.cohere_api_key or None),
    }


def unsealer(master_keys: str) -> Unsealer:
    """Opens a tenant's key; ModelFailed where it is not sealed for this tenant and provider."""
    ring = KeyRing.from_text(master_keys) if master_keys else None

    def unseal(tenant_id: UUID, provider: str, sealed: str) -> str:
        if ring is None:
            raise ModelFailed("not_authorised", "a sealed key, but CHAT_MASTER_KEYS is empty")
        try:
            return ring.unseal(sealed, key_context(tenant_id, provider)).decode()
        except (SealingError, UnicodeDecodeError) as error:
            detail = f"the tenant's key of {provider} cannot be unsealed"
            raise ModelFailed("not_authorised", detail) from error

    return unseal
