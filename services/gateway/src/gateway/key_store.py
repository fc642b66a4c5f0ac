"""Rows of tenant keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain import TenantState
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it may be shown: without its secret."""

    tenant_id: UUID
    key_id: str
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdmissionRow:
    """What the door needs to know about a key that is neither revoked nor expired."""

    tenant_id: UUID
    secret_hmac: bytes
    scopes: list[str]
    state: TenantState
    stale_use: bool


class KeyStore:
    """Keys of tenants."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def insert(
        self,
        tx: Transaction,
        *,
        tenant_id: UUID,
        key_id: str,
        name: str,
        secret_hmac: bytes,
        hint: str,
        scopes: list[str],
        expires_at: datetime | None,
    ) -> KeyRow:
        """A new key."""
        row = await tx.fetchrow(
            self._queries["insert_key"],
            tenant_id, key_id, name, secret_hmac, hint, scopes, expires_at,
        )  # fmt: skip
        assert row is not None
        return KeyRow(**dict(row))

    async def page(
        self, tx: Transaction, tenant_id: UUID, before: tuple[datetime, str] | None, limit: int
    ) -> list[KeyRow]:
        """The tenant's newest keys before a position."""
        at, last = before or (None, None)
        rows = await tx.fetch(self._queries["list_keys"], tenant_id, at, last, limit)
        return [KeyRow(**dict(row)) for row in rows]

    async def find(self, tx: Transaction, tenant_id: UUID, key_id: str) -> KeyRow | None:
        """A living key."""
        row = await tx.fetchrow(self._queries["find_key"], tenant_id, key_id)
        return KeyRow(**dict(row)) if row else None

    async def update(
        self,
        tx: Transaction,
        tenant_id: UUID,
        key_id: str,
        *,
        name: str | None,
        changes_end: bool,
        expires_at: datetime | None,
    ) -> KeyRow | None:
        """Give a living key another name, or another end; None when there is no such key."""
        row = await tx.fetchrow(
            self._queries["update_key"], tenant_id, key_id, name, changes_end, expires_at
        )
        return KeyRow(**dict(row)) if row else None

    async def count(self, tx: Transaction, tenant_id: UUID) -> int:
        """How many keys could still be used."""
        count: int = await tx.fetchval(self._queries["count_keys"], tenant_id)
        return count

    async def revoke(self, tx: Transaction, tenant_id: UUID, key_id: str) -> bool:
        """From now on it opens nothing; False when there is no such key."""
        return await tx.fetchval(self._queries["revoke_key"], tenant_id, key_id) is not None

    async def for_admission(self, tx: Transaction, key_id: str) -> AdmissionRow | None:
        """A key of any tenant."""
        row = await tx.fetchrow(self._queries["key_for_admission"], key_id)
        return AdmissionRow(**dict(row)) if row else None

    async def touch(self, tx: Transaction, key_id: str) -> None:
        """Note its use."""
        await tx.execute(self._queries["touch_key"], key_id)

    async def tenant_state(self, tx: Transaction, tenant_id: UUID) -> TenantState | None:
        """State of a tenant that was not removed."""
        state: TenantState | None = await tx.fetchval(self._queries["tenant_exists"], tenant_id)
        return state
