"""Ask the tenant's documents directly: the retrieval test."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Shape, With

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/search", tags=["search"], route_class=GuardedRoute
)


class Search(Shape):
    """What to look for."""

    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_192)
    ] = Field(description="A question in natural language.")
    limit: Annotated[int, Field(ge=1, le=20)] = Field(5, description="At most so many passages.")


@router.post("")
async def search(tenant_id: UUID, body: Search, parts: With) -> KnowledgeFound:
    """The best passages, best first, with the scores of both legs."""
    return await parts.ask(
        SearchKnowledge.make(tenant_id=tenant_id, query=body.query, limit=body.limit)
    )
