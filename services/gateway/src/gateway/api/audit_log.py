"""The audit log: who changed what in a tenant, when, and from where."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import PageCursor, PageLimit, With, position

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/audit", tags=["audit"], route_class=GuardedRoute
)


class AuditLineShown(BaseModel):
    """A change."""

    audit_id: UUID
    at: datetime
    actor: str = Field(description="`admin` or `key:<key_id>`.")
    action: str = Field(description="`channel.updated`, `key.created` …")
    subject: str = Field(description="The id of what was changed.")
    detail: dict[str, Any] = Field(description="What changed; never a secret.")
    address: str | None
    trace_id: str | None


class AuditShown(BaseModel):
    """A page of the log, the newest first."""

    items: list[AuditLineShown]
    next_cursor: str | None


@router.get("", response_model=AuditShown)
async def list_audit(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> dict[str, Any]:
    """Who changed what, the newest first."""
    name = f"audit:{tenant_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        rows = await parts.audit.page(tx, tenant_id, before, limit + 1)
    return parts.page(name, rows, limit, lambda row: row.audit_id)
