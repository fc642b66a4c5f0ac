"""The only file that talks to Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.v1.tenants import TenantConfigured
from llm_router.choosing import TenantRoute
from llm_router.domain import Spend
from postgres import Queries, Transaction


class Store:
    """Tenants' choices and the spend ledger."""

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

    async def record_spends(self, tx: Transaction, spends: Sequence[Spend]) -> None:
        """Add ledger rows."""
        await tx.execute(
            self._queries["record_spends"],
            [uuid7() for _ in spends],
            [spend.tenant_id for spend in spends],
            [spend.correlation_id for spend in spends],
            [spend.conversation_id for spend in spends],
            [spend.purpose for spend in spends],
            [str(spend.model)[:512] for spend in spends],
            [spend.input_tokens for spend in spends],
            [spend.output_tokens for spend in spends],
            [spend.estimated for spend in spends],
            [None if s.cost_usd is None else Decimal(repr(s.cost_usd)) for s in spends],
            [spend.milliseconds for spend in spends],
            [spend.outcome for spend in spends],
            [spend.occurred_at for spend in spends],
        )
