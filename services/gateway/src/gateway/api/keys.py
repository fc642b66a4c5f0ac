"""API keys of a tenant: shown once, stored as a keyed hash."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from gateway import api_keys
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Shape, With, position
from gateway.key_store import KeyRow
from gateway.problems import Problem, not_found
from gateway.words import Name

KEYS_MAX = 50

router = APIRouter(prefix="/api/tenants/{tenant_id}/keys", tags=["keys"], route_class=GuardedRoute)

Scope = Literal["read", "write"]
KeyId = Annotated[str, Path(max_length=64)]


class NewKey(Shape):
    """A key to be made."""

    name: Name = Field(description="Who or what uses it.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = Field(
        ["read", "write"], description="`read` is GET, `write` everything else."
    )
    expires_at: AwareDatetime | None = Field(None, description="When it stops working, if ever.")


class KeyChange(Shape):
    """What is to change; absent fields stay, a null `expires_at` lets it live on."""

    name: Name | None = Field(None, description="Who or what uses it.")
    expires_at: AwareDatetime | None = Field(None, description="When it stops working, if ever.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to change")
        return self


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
    _refuse_past(body.expires_at)
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


@router.get("/{key_id}", response_model=KeyShown)
async def get_key(tenant_id: UUID, key_id: KeyId, parts: With) -> KeyRow:
    """One key, without its secret."""
    async with parts.database.transaction(tenant_id) as tx:
        row = await parts.keys.find(tx, tenant_id, key_id)
    if row is None:
        raise not_found()
    return row


@router.patch("/{key_id}", response_model=KeyShown)
async def update_key(
    tenant_id: UUID, key_id: KeyId, body: KeyChange, parts: With, who: Caller
) -> KeyRow:
    """Rename a key, or change when it ends; what it may do never changes."""
    _refuse_past(body.expires_at)
    async with parts.outbox.transaction(tenant_id) as tx:
        row = await parts.keys.update(
            tx,
            tenant_id,
            key_id,
            name=body.name,
            changes_end="expires_at" in body.model_fields_set,
            expires_at=body.expires_at,
        )
        if row is None:
            raise not_found()
        changed = sorted(body.model_fields_set)
        await parts.audit.note(tx, tenant_id, who, "key.updated", key_id, changed=changed)
    return row


def _refuse_past(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Problem(422, "invalid", "expires_at is in the past.")


@router.delete("/{key_id}", status_code=204)
async def revoke_key(tenant_id: UUID, key_id: KeyId, parts: With, who: Caller) -> Response:
    """Revoke a key: it opens nothing from now on."""
    async with parts.outbox.transaction(tenant_id) as tx:
        if not await parts.keys.revoke(tx, tenant_id, key_id):
            raise not_found()
        await parts.audit.note(tx, tenant_id, who, "key.revoked", key_id)
    return Response(status_code=204)
