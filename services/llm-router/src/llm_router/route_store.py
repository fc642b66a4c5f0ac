"""Tenants' routes and their own ways to providers, in Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from contracts.v1.model_routes import ModelRoute
from llm_router.choosing import KeptRoutes, TenantRoute
from llm_router.own_providers import KeptProvider
from postgres import Queries, Transaction


class RouteStore:
    """Reads and writes both tables."""

    def __init__(self) -> None:
        self._queries = Queries("llm_router", "queries_routes.sql")

    async def fill(self, tx: Transaction, tenant_id: UUID, route: TenantRoute) -> TenantRoute:
        """What a tenant chose, with its routes and its own providers."""
        providers = await self.providers(tx, tenant_id)
        by_name = {one.provider: one for one in providers}
        return replace(route, routes=await self.routes(tx, tenant_id), providers=by_name)

    async def routes(self, tx: Transaction, tenant_id: UUID) -> KeptRoutes:
        """The routes that a tenant keeps."""
        rows = await tx.fetch(self._queries["find_routes"], tenant_id)
        return KeptRoutes({row["purpose"]: ModelRoute(**dict(row)) for row in rows})

    async def save_routes(
        self, tx: Transaction, tenant_id: UUID, routes: Sequence[ModelRoute]
    ) -> None:
        """Keep routes; other purposes stay."""
        for route in sorted(routes, key=lambda one: one.purpose):
            await tx.execute(
                self._queries["save_route"],
                tenant_id,
                route.purpose,
                route.model,
                route.canary_model,
                route.canary_percent,
                route.fallbacks,
                route.hedge_after_milliseconds,
                route.deadline_seconds,
            )

    async def providers(self, tx: Transaction, tenant_id: UUID) -> list[KeptProvider]:
        """A tenant's own ways to providers, by name."""
        rows = await tx.fetch(self._queries["find_providers"], tenant_id)
        return [KeptProvider(**dict(row)) for row in rows]

    async def save_provider(self, tx: Transaction, tenant_id: UUID, kept: KeptProvider) -> None:
        """Keep a way to a provider as it was tested."""
        await tx.execute(
            self._queries["save_provider"],
            tenant_id,
            kept.provider,
            kept.sealed_key,
            kept.base_url,
            kept.key_ending,
            kept.requests_per_minute,
            kept.concurrent_max,
            kept.state,
            kept.detail,
            kept.tested_at,
        )

    async def note_test(self, tx: Transaction, tenant_id: UUID, kept: KeptProvider) -> None:
        """Keep what a test said, unless the key or the address was replaced meanwhile."""
        await tx.execute(
            self._queries["note_test"],
            tenant_id,
            kept.provider,
            kept.state,
            kept.detail,
            kept.tested_at,
            kept.sealed_key,
            kept.base_url,
        )

    async def forget_provider(self, tx: Transaction, tenant_id: UUID, provider: str) -> bool:
        """Let a key and an address go; false if there was none."""
        tag = await tx.execute(self._queries["forget_provider"], tenant_id, provider)
        return tag != "DELETE 0"
