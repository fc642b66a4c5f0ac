"""API keys of a tenant: shown once, stored as a keyed hash."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway import api_keys
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Shape, With, position
from gateway.problems import Problem, not_found
from gateway.words import Name

KEYS_MAX = 50

router = APIRouter(prefix="/api/tenants/{tenant_id}/keys", tags=["keys"], route_class=GuardedRoute)

Scope = Literal["read", "write"]


class NewKey(Shape):
    """A key to be made."""

    name: Name = Field(description="Who or what uses it.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = Field(
        ["read", "write"], description="`read` is GET, `write` everything else."
    )
    expires_at: AwareDatetime | None = Field(None, description="When it stops working, if ever.")


class KeyShown(BaseModel):
    """A key without its secret."""

    key_id: str
    name: str
    hint: str = Field(description="How the key ends.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class KeyMade(KeyShown):
    """A new key; `key` is shown this once."""

    key: str


class KeysShown(BaseModel):
    """A page of keys, the newest first."""

    items: list[KeyShown]
    next_cursor: str | None


@router.post("", status_code=201)
async def create_key(tenant_id: UUID, body: NewKey, parts: With, who: Caller) -> KeyMade:
    """Make a key; it is shown this once."""
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise Problem(422, "invalid", "expires_at is in the past.")
    if not set(body.scopes) <= set(who.scopes):
        raise Problem(403, "missing_scope", "A key cannot make a key that may do more than itself.")
    key = api_keys.make_key()
    pepper = parts.settings.key_pepper.get_secret_value().encode()
    async with parts.outbox.transaction(tenant_id) as tx:
        if await parts.keys.count(tx, tenant_id) >= KEYS_MAX:
            raise Problem(403, "quota_exceeded", f"A tenant has at most {KEYS_MAX} living keys.")
        row = await parts.keys.insert(
            tx,
            tenant_id=tenant_id,
            key_id=key.key_id,
            name=body.name,
            secret_hmac=api_keys.digest(key.secret, pepper),
            hint=f"…{key.text[-4:]}",
            scopes=sorted(set(body.scopes)),
            expires_at=body.expires_at,
        )
        await parts.audit.note(
            tx, tenant_id, who, "key.created", key.key_id, name=body.name, scopes=row.scopes
        )
    shown = KeyShown.model_validate(row, from_attributes=True)
    return KeyMade(key=key.text, **shown.model_dump())


@router.get("", response_model=KeysShown)
async def list_keys(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> dict[str, Any]:
    """The tenant's keys that were not revoked, the newest first."""
    name = f"keys:{tenant_id}"
    before = position(parts.cursors.read(name, cursor))
    async with parts.database.transaction(tenant_id) as tx:
        rows = await parts.keys.page(tx, tenant_id, before, limit + 1)
    return parts.page(name, rows, limit, lambda key: key.key_id)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(tenant_id: UUID, key_id: str, parts: With, who: Caller) -> Response:
    """Revoke a key: it opens nothing from now on."""
    async with parts.outbox.transaction(tenant_id) as tx:
        if not await parts.keys.revoke(tx, tenant_id, key_id):
            raise not_found()
        await parts.audit.note(tx, tenant_id, who, "key.revoked", key_id)
    return Response(status_code=204)
