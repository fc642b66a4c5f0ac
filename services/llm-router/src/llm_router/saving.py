"""The transactions of this service: routes read, configuration asked for."""

from __future__ import annotations

from uuid import UUID

from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration
from llm_router.choosing import TenantRoute
from llm_router.route_store import RouteStore
from llm_router.store import Store
from outbox import Outbox
from postgres import Database


class Saving:
    """Opens transactions around the store."""

    def __init__(self, database: Database, outbox: Outbox, store: Store) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._route_store = RouteStore()

    async def find_route(self, tenant_id: UUID) -> TenantRoute:
        """What a tenant chose."""
        async with self._database.transaction(tenant_id) as tx:
            route = await self._store.find_route(tx, tenant_id)
            return await self._route_store.fill(tx, tenant_id, route)

    async def ask_for_configuration(self) -> None:
        """With an empty database, have every tenant said again."""
        async with self._database.system() as tx:
            if not await self._store.has_tenants(tx):
                wish = RepeatConfiguration.make(tenant_id=PLATFORM, service="llm-router")
                await self._outbox.say(tx, wish)
