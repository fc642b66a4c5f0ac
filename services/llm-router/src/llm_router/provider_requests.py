"""What this service does when it is asked to keep, test, list or forget a tenant's provider.

A key is opened only here, tried with a real call before it is kept, and never said again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.model_routes import (
    ForgetProvider,
    KeepProvider,
    ListProviders,
    ProviderForgotten,
    ProviderSaved,
    ProvidersListed,
    TestProvider,
)
from llm_router.cooldowns import Cooldowns
from llm_router.domain import BUILTIN, Access, ModelFailed
from llm_router.own_providers import KeptProvider, key_ending, moves_key, without_key
from llm_router.provider_check import AddressRefused, ProviderCheck
from llm_router.route_store import RouteStore
from llm_router.routes import Routes
from postgres import Database

_PROVIDERS_MAX = 64


class ProviderRequests:
    """Load, try it, save."""

    def __init__(
        self,
        database: Database,
        store: RouteStore,
        routes: Routes,
        cooldowns: Cooldowns,
        check: ProviderCheck,
        providers: frozenset[str],
    ) -> None:
        self._database = database
        self._store = store
        self._routes = routes
        self._cooldowns = cooldowns
        self._check = check
        self._providers = providers

    def listen(self, bus: Bus) -> None:
        """Answer what is asked about tenants' own providers."""
        bus.answer(KeepProvider, self.keep)
        bus.answer(TestProvider, self.test)
        bus.answer(ListProviders, self.list)
        bus.answer(ForgetProvider, self.forget)

    async def list(self, request: ListProviders) -> ProvidersListed:
        """What a tenant keeps, never the keys."""
        async with self._database.transaction(request.tenant_id) as tx:
            kept = await self._store.providers(tx, request.tenant_id)
        return ProvidersListed(providers=[one.shown() for one in kept[:_PROVIDERS_MAX]])

    async def keep(self, request: KeepProvider) -> ProviderSaved:
        """Keep a key, an address and limits, once the provider itself said that they work."""
        tenant_id, provider = request.tenant_id, request.provider
        if provider == BUILTIN or provider not in self._providers:
            raise Refused("unknown_model", f"there is no provider {provider} to have a way to")
        before = await self._find(tenant_id, provider)
        if moves_key(before, request.base_url, request.sealed_key):
            detail = "give the key with its new address: a kept key is not sent elsewhere"
            raise Refused("invalid_key", detail)
        wanted = self._wanted(request, before)
        if request.base_url is not None:
            await self._address(request.base_url)
        if wanted.is_own:
            access = self._access(tenant_id, wanted)
            failure = await self._tried(tenant_id, wanted, access, request.test_model)
            if failure is not None:
                code = "unknown_model" if failure.code == "unknown_model" else "provider_refused"
                raise Refused(code, without_key(failure.detail, access.key))
            self._cooldowns.forget(access)
        async with self._database.transaction(tenant_id) as tx:
            await self._store.save_provider(tx, tenant_id, wanted)
        self._routes.forget(tenant_id)
        return ProviderSaved(provider=wanted.shown())

    async def test(self, request: TestProvider) -> ProviderSaved:
        """Try what is kept once more; a failure is kept and shown, and changes nothing else."""
        tenant_id = request.tenant_id
        kept = await self._find(tenant_id, request.provider)
        if kept is None:
            raise Refused("not_found", "the tenant keeps nothing for this provider")
        detail = None
        if kept.is_own:
            detail = await self._words(tenant_id, kept, request.test_model)
        tested = kept.tested(detail, datetime.now(UTC))
        async with self._database.transaction(tenant_id) as tx:
            await self._store.note_test(tx, tenant_id, tested)
        self._routes.forget(tenant_id)
        return ProviderSaved(provider=tested.shown())

    async def forget(self, request: ForgetProvider) -> ProviderForgotten:
        """Let a key and an address go: the platform's way is taken from here on."""
        async with self._database.transaction(request.tenant_id) as tx:
            gone = await self._store.forget_provider(tx, request.tenant_id, request.provider)
        if not gone:
            raise Refused("not_found", "the tenant keeps nothing for this provider")
        self._routes.forget(request.tenant_id)
        return ProviderForgotten(provider=request.provider)

    def _wanted(self, request: KeepProvider, before: KeptProvider | None) -> KeptProvider:
        sealed = request.sealed_key or (before.sealed_key if before else None)
        ending = None
        if sealed is not None:
            try:
                key = self._routes.opened(request.tenant_id, request.provider, sealed)
            except ModelFailed as failure:
                raise Refused("invalid_key", failure.detail) from failure
            ending = key_ending(key)
        return KeptProvider(
            provider=request.provider,
            sealed_key=sealed,
            base_url=request.base_url,
            key_ending=ending,
            requests_per_minute=request.requests_per_minute,
            concurrent_max=request.concurrent_max,
            state="working",
            detail=None,
            tested_at=datetime.now(UTC),
        )

    async def _find(self, tenant_id: UUID, provider: str) -> KeptProvider | None:
        async with self._database.transaction(tenant_id) as tx:
            kept = await self._store.providers(tx, tenant_id)
        return next((one for one in kept if one.provider == provider), None)

    async def _address(self, url: str) -> None:
        try:
            await self._check.address(url)
        except AddressRefused as refused:
            raise Refused("address_refused", str(refused)) from refused

    def _access(self, tenant_id: UUID, kept: KeptProvider) -> Access:
        return self._routes.own_access(tenant_id, kept)

    async def _words(self, tenant_id: UUID, kept: KeptProvider, model: str | None) -> str | None:
        """Why what is kept does not work, in the provider's words; None where it does."""
        try:
            access = self._access(tenant_id, kept)
            failure = await self._tried(tenant_id, kept, access, model)
        except ModelFailed as unopened:
            return unopened.detail
        except Refused as refused:
            return refused.detail
        if failure is None:
            self._cooldowns.forget(access)
            return None
        return without_key(failure.detail, access.key)

    async def _tried(
        self, tenant_id: UUID, kept: KeptProvider, access: Access, model: str | None
    ) -> ModelFailed | None:
        try:
            await self._check.run(tenant_id, kept.provider, access, model)
        except AddressRefused as refused:
            raise Refused("address_refused", str(refused)) from refused
        except TimeoutError:
            return ModelFailed("timeout", "the provider did not answer in time")
        except ModelFailed as failure:
            return failure
        return None
