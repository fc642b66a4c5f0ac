"""Whose key is this? The first thing that a dashboard or a script asks."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api.guarded_route import EveryKeyRoute
from gateway.api.parts import Caller

router = APIRouter(prefix="/api/me", tags=["keys"], route_class=EveryKeyRoute)


class Me(BaseModel):
    """What a key opens."""

    kind: Literal["admin", "tenant"] = Field(description="The admin key opens every tenant.")
    tenant_id: UUID | None = Field(description="The one that a tenant's key opens.")
    key_id: str | None = Field(description="The key, without its secret.")
    scopes: list[str] = Field(description="read, write.")


@router.get("")
async def who_am_i(who: Caller) -> Me:
    """What the key of this request opens."""
    return Me(kind=who.kind, tenant_id=who.tenant_id, key_id=who.key_id, scopes=list(who.scopes))
