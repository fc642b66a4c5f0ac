"""Which models answer for a tenant: llm-router owns the routes and knows how models are doing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from contracts.v1.model_routes import (
    GetModelRoutes,
    KeepModelRoutes,
    ModelRoute,
    RoutePurpose,
    RoutesFound,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Parts, Shape, With
from gateway.problems import not_found

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/models/routes", tags=["models"], route_class=GuardedRoute
)

ModelName = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")
]


class RouteKept(Shape):
    """The models for one purpose; what is left out or null is the default of the field."""

    purpose: RoutePurpose = Field(description="What it is for.")
    model: ModelName | None = Field(
        None, description="First choice, `provider/name`; null: the tenant's, else the platform's."
    )
    canary_model: ModelName | None = Field(
        None, description="First choice of a share of the conversations."
    )
    canary_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        0, description="That share; a conversation stays on its side."
    )
    fallbacks: Annotated[list[ModelName], Field(max_length=8)] | None = Field(
        None, description="Tried in order; empty: none; null: the tenant's setting."
    )
    hedge_after_milliseconds: Annotated[int, Field(ge=50, le=60_000)] | None = Field(
        None, description="Ask the next model too after this long without a word; both are paid."
    )
    deadline_seconds: Annotated[float, Field(gt=0, le=600)] | None = Field(
        None, description="Longest that one model is waited for; null: the platform's."
    )


class RoutesKept(Shape):
    """The purposes to change; the others stay."""

    routes: Annotated[list[RouteKept], Field(min_length=1, max_length=6)] = Field(
        description="Each purpose once."
    )


@router.get("")
async def show_model_routes(tenant_id: UUID, parts: With) -> RoutesFound:
    """Every purpose with its models named, and how those models are doing."""
    return await parts.ask(GetModelRoutes.make(tenant_id=tenant_id))


@router.put("")
async def keep_model_routes(
    tenant_id: UUID, body: RoutesKept, parts: With, who: Caller
) -> RoutesFound:
    """Change routes; they hold for the next answer, at most 5 seconds later on every replica."""
    await known_tenant(parts, tenant_id)
    routes = [ModelRoute(**route.model_dump()) for route in body.routes]
    found = await parts.ask(KeepModelRoutes.make(tenant_id=tenant_id, routes=routes))
    async with parts.database.transaction(tenant_id) as tx:
        for route in routes:
            detail = route.model_dump(exclude={"purpose"}, exclude_none=True)
            await parts.audit.note(tx, tenant_id, who, "model_route.kept", route.purpose, **detail)
    return found


async def known_tenant(parts: Parts, tenant_id: UUID) -> None:
    """404 for a tenant that is not there: the admin key may name any."""
    async with parts.database.transaction(tenant_id) as tx:
        if await parts.tenants.find(tx, tenant_id) is None:
            raise not_found()
