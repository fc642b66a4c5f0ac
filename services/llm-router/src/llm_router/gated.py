"""Adapters chosen by who named the address, and vectors and ranks within the provider's gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from llm_router.domain import (
    Access,
    ChatAdapter,
    EmbeddingAdapter,
    EmbeddingPurpose,
    Model,
    ModelFailed,
    Vectors,
)
from llm_router.ranking import RankAdapter, RankCall, Ranked

_NOBODY = UUID(int=0)

Note = Callable[[Model, Access, ModelFailed | None], None]


@dataclass(frozen=True, slots=True)
class ChatAdapters:
    """The platform's adapters by provider; the checked way out for addresses of tenants.

    A tenant's address speaks Anthropic's format for `anthropic`, OpenAI's for everybody else.
    """

    platform: Mapping[str, ChatAdapter]
    otherwise: ChatAdapter
    guarded: Mapping[str, ChatAdapter]
    guarded_otherwise: ChatAdapter

    def of(self, model: Model, access: Access) -> ChatAdapter:
        """Who speaks to this model at this address. Raises ModelFailed."""
        if "://" in model.name:
            raise ModelFailed("unknown_model", "an address is not the name of a model")
        if access.guarded:
            return self.guarded.get(model.provider, self.guarded_otherwise)
        return self.platform.get(model.provider, self.otherwise)


class GatedEmbeddings:
    """One provider's vectors: the checked way out where a tenant chose the address, in bounds."""

    def __init__(self, plain: EmbeddingAdapter, guarded: EmbeddingAdapter, note: Note) -> None:
        self._plain = plain
        self._guarded = guarded
        self._note = note

    async def embed(
        self,
        model: Model,
        access: Access,
        texts: Sequence[str],
        purpose: EmbeddingPurpose,
        timeout_seconds: float,
    ) -> Vectors:
        """One unit vector a text, in order. Raises ModelFailed."""
        if "://" in model.name:
            raise ModelFailed("unknown_model", "an address is not the name of a model")
        adapter = self._guarded if access.guarded else self._plain
        async with AsyncExitStack() as places:
            for gate in access.gates:
                # Texts of one tenant stand in one call, so that nobody waits behind another here.
                await places.enter_async_context(gate.enter(_NOBODY, timeout_seconds))
            try:
                found = await adapter.embed(model, access, texts, purpose, timeout_seconds)
            except ModelFailed as failure:
                told = failure.without(access.key)
                self._note(model, access, told)
                raise told from None
        self._note(model, access, None)
        return found


class GatedRanks:
    """Ranks of providers within their bounds; an address of a tenant is not ranked with."""

    def __init__(self, plain: RankAdapter) -> None:
        self._plain = plain

    async def rank(self, call: RankCall) -> Ranked:
        """One score a text, in order. Raises ModelFailed."""
        if call.access.guarded or "://" in call.model.name:
            raise ModelFailed("unknown_model", "ranking goes to the provider's own address only")
        async with AsyncExitStack() as places:
            for gate in call.access.gates:
                await places.enter_async_context(gate.enter(call.tenant_id, call.timeout_seconds))
            try:
                return await self._plain.rank(call)
            except ModelFailed as failure:
                raise failure.without(call.access.key) from None
