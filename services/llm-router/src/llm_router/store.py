"""The SQL of what tenants chose."""

from __future__ import annotations

from uuid import UUID

from contracts.v1.tenants import TenantConfigured
from llm_router.choosing import TenantRoute
from postgres import Queries, Transaction


class Store:
    """Tenants' choices."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def save_tenant(self, tx: Transaction, message: TenantConfigured) -> bool:
        """Keep what a tenant chose; false if a newer revision was known already."""
        settings = message.settings
        tag = await tx.execute(
            self._queries["save_tenant"],
            message.tenant_id,
            message.revision,
            message.state,
            settings.model,
            settings.fallback_models,
            settings.embedding_model,
        )
        return tag != "INSERT 0 0"

    async def find_route(self, tx: Transaction, tenant_id: UUID) -> TenantRoute:
        """What a tenant's settings name; platform defaults if it is unknown."""
        row = await tx.fetchrow(self._queries["find_tenant"], tenant_id)
        if row is None:
            return TenantRoute()
        return TenantRoute(row["model"], tuple(row["fallback_models"]), row["embedding_model"])

    async def has_tenants(self, tx: Transaction) -> bool:
        """Whether any tenant is known."""
        return bool(await tx.fetchval(self._queries["has_tenants"]))
