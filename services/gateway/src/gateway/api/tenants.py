"""Tenants: made and removed with the admin key; a tenant's own key may read and change its own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Optional
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from contracts.message import Slug
from contracts.v1.tenants import TenantSettings
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import (
    Caller,
    PageCursor,
    PageLimit,
    Parts,
    Shape,
    With,
    position,
)
from gateway.domain import (
    DEFAULT_SETTINGS,
    Tenant,
    changed_quotas,
    contradictions,
    merged_settings,
)
from gateway.door import Principal
from gateway.problems import Problem, not_found
from gateway.repeats import new_id
from gateway.words import Name
from postgres import Transaction

router = APIRouter(prefix="/api/tenants", tags=["tenants"], route_class=GuardedRoute)

# Each setting of the contract, every one optional: what is absent keeps its value.
_OPTIONAL: dict[str, Any] = {
    name: (Optional[field.rebuild_annotation()], Field(None, description=field.description))  # noqa: UP045
    for name, field in TenantSettings.model_fields.items()
}
SettingsChange: type[BaseModel] = create_model(
    "SettingsChange", __config__=ConfigDict(extra="forbid"), **_OPTIONAL
)


class NewTenant(Shape):
    """A tenant to be made."""

    slug: Slug = Field(description="Short name; never changes, never used again.")
    name: Name = Field(description="Display name.")
    settings: SettingsChange | None = Field(
        None, description="Settings that differ from the defaults."
    )


class TenantChange(Shape):
    """What is to change; absent fields stay."""

    name: Name | None = Field(None, description="Display name.")
    state: Literal["active", "suspended"] | None = Field(
        None, description="Whether it is served (admin key)."
    )
    settings: SettingsChange | None = Field(None, description="Settings to change.")


class TenantShown(BaseModel):
    """A tenant."""

    tenant_id: UUID
    slug: str
    name: str
    state: Literal["active", "suspended", "removed"]
    settings: TenantSettings
    revision: int
    created_at: datetime
    updated_at: datetime


class TenantsShown(BaseModel):
    """A page of tenants, the newest first."""

    items: list[TenantShown]
    next_cursor: str | None


@router.post("", status_code=201, response_model=TenantShown)
async def create_tenant(body: NewTenant, request: Request, parts: With, who: Caller) -> Tenant:
    """Make a tenant (admin key)."""
    settings = _merged(DEFAULT_SETTINGS, _changes(body.settings))
    tenant_id = new_id(request, who, "tenant")
    try:
        async with parts.outbox.transaction(tenant_id) as tx:
            tenant = await parts.tenants.insert(tx, tenant_id, body.slug, body.name, settings)
            if tenant is None:
                return await _found(parts, tx, tenant_id)
            await parts.audit.note(tx, tenant_id, who, "tenant.created", tenant_id, slug=body.slug)
            await parts.outbox.say(tx, tenant.configured())
    except asyncpg.UniqueViolationError:
        raise Problem(409, "slug_taken", "This slug is or was in use. Choose another.") from None
    return tenant


@router.get("", response_model=TenantsShown)
async def list_tenants(
    parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> dict[str, Any]:
    """All tenants, the newest first (admin key)."""
    before = position(parts.cursors.read("tenants", cursor))
    async with parts.database.system() as tx:
        rows = await parts.tenants.page(tx, before, limit + 1)
    return parts.page("tenants", rows, limit, lambda tenant: tenant.tenant_id)


@router.get("/{tenant_id}", response_model=TenantShown)
async def get_tenant(tenant_id: UUID, parts: With) -> Tenant:
    """One tenant."""
    async with parts.database.transaction(tenant_id) as tx:
        return await _found(parts, tx, tenant_id)


@router.put("/{tenant_id}", response_model=TenantShown)
async def update_tenant(tenant_id: UUID, body: TenantChange, parts: With, who: Caller) -> Tenant:
    """Change name, settings, or (admin key) whether it is served."""
    if body.state is not None and who.kind != "admin":
        raise Problem(403, "admin_only", "Only the admin key changes the state of a tenant.")
    changed = sorted(body.model_fields_set)
    async with parts.outbox.transaction(tenant_id) as tx:
        tenant = await parts.tenants.lock(tx, tenant_id)
        if tenant is None:
            raise not_found()
        wanted = replace(
            tenant,
            name=body.name or tenant.name,
            state=body.state or tenant.state,
            settings=_merged(tenant.settings, _changes(body.settings)),
        )
        if who.kind != "admin" and changed_quotas(tenant.settings, wanted.settings):
            raise Problem(403, "admin_only", "Only the admin key changes the quotas of a tenant.")
        return await _changed(parts, tx, wanted, who, "tenant.updated", changed)


@router.delete("/{tenant_id}", status_code=204)
async def delete_tenant(tenant_id: UUID, parts: With, who: Caller) -> Response:
    """Remove a tenant, its channels and keys at once (admin key); its slug is never used again."""
    if who.kind != "admin":
        raise Problem(403, "admin_only", "Only the admin key removes a tenant.")
    async with parts.outbox.transaction(tenant_id) as tx:
        tenant = await parts.tenants.lock(tx, tenant_id)
        if tenant is None:
            raise not_found()
        for channel_id in await parts.channels.living_ids(tx, tenant_id):
            channel = await parts.channels.lock(tx, tenant_id, channel_id)
            if channel is not None:
                gone = await parts.channels.update(tx, channel.removed())
                await parts.outbox.say(tx, gone.configured())
        await _changed(parts, tx, replace(tenant, state="removed"), who, "tenant.removed", [])
    parts.origins.forget()
    return Response(status_code=204)


async def _found(parts: Parts, tx: Transaction, tenant_id: UUID) -> Tenant:
    tenant = await parts.tenants.find(tx, tenant_id)
    if tenant is None:
        raise not_found()
    return tenant


async def _changed(
    parts: Parts, tx: Transaction, wanted: Tenant, who: Principal, action: str, changed: list[str]
) -> Tenant:
    tenant = await parts.tenants.update(tx, wanted)
    await parts.audit.note(tx, tenant.tenant_id, who, action, tenant.tenant_id, changed=changed)
    await parts.outbox.say(tx, tenant.configured())
    return tenant


def _changes(settings: BaseModel | None) -> Mapping[str, Any]:
    return settings.model_dump(exclude_unset=True) if settings is not None else {}


def _merged(current: TenantSettings, changes: Mapping[str, Any]) -> TenantSettings:
    try:
        settings = merged_settings(current, changes)
    except ValidationError as error:
        # A null where null means nothing: named as the body named it.
        wrong = [{**item, "loc": ("body", "settings", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(wrong) from None
    before = contradictions(current)
    wrong = [
        {"type": "value_error", "loc": ("body", "settings", *name.split(".")), "msg": why}
        for name, why in contradictions(settings).items()
        if name not in before
    ]
    if wrong:
        raise RequestValidationError(wrong)
    return settings
