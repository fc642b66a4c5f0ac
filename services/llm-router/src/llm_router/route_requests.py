"""What this service does when it is asked about routes: shown with their health, or changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bus import Bus, Refused
from contracts.v1.model_routes import (
    GetModelRoutes,
    KeepModelRoutes,
    ModelHealth,
    RoutesFound,
)
from llm_router.choosing import Choices, TenantRoute, complaint, models_of, unknown_models
from llm_router.cooldowns import Cooldowns
from llm_router.domain import Model, ModelFailed
from llm_router.route_store import RouteStore
from llm_router.routes import Routes
from postgres import Database

_HEALTH_MAX = 64


class RouteRequests:
    """Load, decide, save."""

    def __init__(
        self,
        database: Database,
        store: RouteStore,
        routes: Routes,
        cooldowns: Cooldowns,
        choices: Choices,
        providers: frozenset[str],
    ) -> None:
        self._database = database
        self._store = store
        self._routes = routes
        self._cooldowns = cooldowns
        self._choices = choices
        self._providers = providers

    def listen(self, bus: Bus) -> None:
        """Answer what is asked about routes."""
        bus.answer(GetModelRoutes, self.get_routes)
        bus.answer(KeepModelRoutes, self.keep_routes)

    async def get_routes(self, request: GetModelRoutes) -> RoutesFound:
        """All routes with their models named, and how those are doing."""
        return self._found(request.tenant_id, await self._routes.of(request.tenant_id))

    async def keep_routes(self, request: KeepModelRoutes) -> RoutesFound:
        """Change some routes; refused with `invalid_route` or `unknown_model`."""
        wrong = [text for route in request.routes if (text := complaint(route))]
        if len({route.purpose for route in request.routes}) < len(request.routes):
            wrong.append("a purpose is named twice")
        if wrong:
            raise Refused("invalid_route", "; ".join(wrong))
        unknown = unknown_models(request.routes, self._providers)
        if unknown:
            raise Refused("unknown_model", "; ".join(unknown)[:2_000])
        async with self._database.transaction(request.tenant_id) as tx:
            await self._store.save_routes(tx, request.tenant_id, request.routes)
        self._routes.forget(request.tenant_id)
        return self._found(request.tenant_id, await self._routes.of(request.tenant_id))

    def _found(self, tenant_id: UUID, route: TenantRoute) -> RoutesFound:
        filled = route.routes.all_filled(route.choices(self._choices))
        health = [self._health(tenant_id, route, model) for model in models_of(filled)]
        return RoutesFound(routes=filled, health=health[:_HEALTH_MAX])

    def _health(self, tenant_id: UUID, route: TenantRoute, model: Model) -> ModelHealth:
        name = str(model)[:512]
        try:
            access = self._routes.access(tenant_id, route, model)
        except ModelFailed as unopened:
            return ModelHealth(
                model=name,
                state="failing",
                code=unopened.code,
                detail=unopened.detail,
                until=None,
                checked_at=None,
                in_flight=0,
            )
        state, standing = self._cooldowns.state(model, access)
        until = state.until if standing == "cooling_down" else None
        return ModelHealth(
            model=name,
            state=standing,
            code=state.failure.code if state.failure else None,
            detail=state.failure.detail if state.failure else None,
            until=self._moment(until),
            checked_at=self._moment(state.checked_at),
            in_flight=state.in_flight,
        )

    def _moment(self, at: float | None) -> datetime | None:
        """A time of a state as people read it."""
        if at is None:
            return None
        return datetime.now(UTC) - timedelta(seconds=self._cooldowns.ago(at))
