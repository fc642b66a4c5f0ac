"""What customers ask and nothing answers, gathered by meaning."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.v1.curated import ListUnanswered, UnansweredCluster, UpdateUnanswered
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, Shape, With

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/unanswered",
    tags=["curated answers"],
    route_class=GuardedRoute,
)

State = Literal["open", "answered", "dismissed"]


class UnansweredShown(BaseModel):
    """A page of clusters, the most asked first."""

    items: list[UnansweredCluster]
    next_cursor: str | None


class UnansweredChange(Shape):
    """What a cluster is from now on."""

    state: State = Field(description="`answered` and `dismissed` are done with.")


@router.get("")
async def list_unanswered(
    tenant_id: UUID,
    parts: With,
    state: Annotated[State | None, Query(description="Only these.")] = None,
    cursor: PageCursor = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Size of the page.")] = 20,
) -> UnansweredShown:
    """Questions that nothing answered, gathered by meaning, the most asked first.

    `POST …/curated-answers` with `resolves_cluster_id` answers one for good.
    """
    name = f"unanswered:{tenant_id}:{state or ''}"
    request = ListUnanswered.make(
        tenant_id=tenant_id, state=state, cursor=parts.cursors.read(name, cursor), limit=limit
    )
    answer = await parts.ask(request)
    return UnansweredShown(
        items=answer.clusters, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.put("/{cluster_id}")
async def update_unanswered(
    tenant_id: UUID, cluster_id: UUID, body: UnansweredChange, parts: With, who: Caller
) -> UnansweredCluster:
    """Say that a cluster is done with, or open it again."""
    wish = UpdateUnanswered.make(tenant_id=tenant_id, cluster_id=cluster_id, state=body.state)
    cluster = (await parts.ask(wish)).cluster
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx, tenant_id, who, "unanswered.changed", cluster_id, state=body.state
        )
    return cluster
