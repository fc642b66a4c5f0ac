"""What each tenant chose, remembered for some seconds, and where providers are reached."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from uuid import UUID

from llm_router.choosing import TenantRoute
from llm_router.domain import BUILTIN, Access, Gate, Model, ModelFailed
from llm_router.own_providers import KeptProvider
from llm_router.provider_gates import Bounds, Gates
from observe import get_logger

KEPT_SECONDS = 5.0
_TENANTS_MAX = 10_000

Load = Callable[[UUID], Awaitable[TenantRoute]]
Unseal = Callable[[UUID, str, str], str]

_log = get_logger("llm-router")


class Routes:
    """Tenants' routes; a database that is away leaves what was known, or the builtin models.

    A tenant may have its words go to a machine of its own only: as long as nobody knows, they go
    nowhere.
    """

    def __init__(
        self, load: Load, unseal: Unseal, platform: Mapping[str, Access], gates: Gates | None = None
    ) -> None:
        self._load = load
        self._unseal = unseal
        self._platform = platform
        self._gates = gates or Gates(Bounds(), None)
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
            route = kept[1] if kept else TenantRoute(is_known=False)
        if len(self._known) >= _TENANTS_MAX:
            self._known.clear()
        self._known[tenant_id] = (time.monotonic(), route)
        return route

    def forget(self, tenant_id: UUID) -> None:
        """Read the tenant's route again at its next call."""
        kept = self._known.get(tenant_id)
        if kept is not None:
            self._known[tenant_id] = (-math.inf, kept[1])

    def access(self, tenant_id: UUID, route: TenantRoute, model: Model) -> Access:
        """The tenant's own way where it has one, else the platform's. Raises ModelFailed."""
        if model.provider == BUILTIN:
            return Access(None, None)
        if not route.is_known:
            raise ModelFailed("overloaded", "the tenant's choices cannot be read now")
        kept = route.providers.get(model.provider)
        if kept is not None and kept.is_own:
            return self.own_access(tenant_id, kept)
        found = self._platform.get(model.provider, Access(None, None))
        gates: list[Gate | None] = [self._gates.of_platform(model.provider)]
        if kept is not None:
            gates.insert(0, self._gates.of_tenant(tenant_id, model.provider, _bounds(kept)))
        return replace(found, gates=tuple(gate for gate in gates if gate is not None))

    def own_access(self, tenant_id: UUID, kept: KeptProvider) -> Access:
        """A tenant's own way: its key or none, never the platform's key at a tenant's address."""
        key = None
        if kept.sealed_key is not None:
            key = self.opened(tenant_id, kept.provider, kept.sealed_key)
        platform = self._platform.get(kept.provider, Access(None, None))
        gate = self._gates.of_tenant(tenant_id, kept.provider, _bounds(kept))
        return Access(
            url=kept.base_url or platform.url,
            key=key,
            own=True,
            guarded=kept.base_url is not None,
            gates=() if gate is None else (gate,),
        )

    def opened(self, tenant_id: UUID, provider: str, sealed_key: str) -> str:
        """A tenant's key; ModelFailed where it was not sealed for this tenant and provider."""
        return self._unseal(tenant_id, provider, sealed_key)


def _bounds(kept: KeptProvider) -> Bounds:
    return Bounds(kept.concurrent_max, kept.requests_per_minute)
