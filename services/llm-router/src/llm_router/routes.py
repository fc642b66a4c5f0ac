"""What each tenant chose, remembered for some seconds, and where providers are reached."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from llm_router.domain import Access, Model, TenantRoute
from observe import get_logger

KEPT_SECONDS = 5.0
_TENANTS_MAX = 10_000

Load = Callable[[UUID], Awaitable[TenantRoute]]
Unseal = Callable[[UUID, str, str], str]

_log = get_logger("llm-router")


class Routes:
    """Tenants' routes; a database that is away leaves what was known, or the defaults."""

    def __init__(self, load: Load, unseal: Unseal, platform: Mapping[str, Access]) -> None:
        self._load = load
        self._unseal = unseal
        self._platform = platform
        self._known: dict[UUID, tuple[float, TenantRoute]] = {}

    async def of(self, tenant_id: UUID) -> TenantRoute:
        """What the tenant chose."""
        kept = self._known.get(tenant_id)
        if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        try:
            route = await self._load(tenant_id)
        except Exception as error:  # noqa: BLE001 - an answer does not wait for the database
            _log.warning("a tenant's route cannot be read", reason=str(error))
            route = kept[1] if kept else TenantRoute()
        if len(self._known) >= _TENANTS_MAX:
            self._known.clear()
        self._known[tenant_id] = (time.monotonic(), route)
        return route

    def forget(self, tenant_id: UUID) -> None:
        """Read the tenant's route again at its next call."""
        self._known.pop(tenant_id, None)

    def access(self, tenant_id: UUID, route: TenantRoute, model: Model) -> Access:
        """The tenant's own key where it has one, else the platform's."""
        platform = self._platform.get(model.provider, Access(None, None))
        sealed = route.keys.get(model.provider)
        if sealed is None:
            return platform
        return Access(platform.url, self._unseal(tenant_id, model.provider, sealed))
