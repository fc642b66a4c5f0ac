"""Rows of tenants and channels."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from contracts.v1.tenants import TenantSettings
from gateway.domain import DEFAULT_SETTINGS, Channel, Tenant, merged_settings
from postgres import Queries, Transaction


class TenantStore:
    """Tenants."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def insert(
        self, tx: Transaction, tenant_id: UUID, slug: str, name: str, settings: TenantSettings
    ) -> Tenant | None:
        """A new tenant; None when this id is one already. UniqueViolationError: slug taken."""
        text = settings.model_dump_json()
        row = await tx.fetchrow(self._queries["insert_tenant"], tenant_id, slug, name, text)
        return _tenant(row) if row else None

    async def find(self, tx: Transaction, tenant_id: UUID) -> Tenant | None:
        """A tenant that was not removed."""
        row = await tx.fetchrow(self._queries["find_tenant"], tenant_id)
        return _tenant(row) if row else None

    async def lock(self, tx: Transaction, tenant_id: UUID) -> Tenant | None:
        """The same, held until the transaction ends."""
        row = await tx.fetchrow(self._queries["lock_tenant"], tenant_id)
        return _tenant(row) if row else None

    async def page(
        self, tx: Transaction, before: tuple[datetime, str] | None, limit: int
    ) -> list[Tenant]:
        """The newest tenants before a position."""
        at, last = before or (None, None)
        rows = await tx.fetch(
            self._queries["list_tenants"], at, UUID(last) if last else None, limit
        )
        return [_tenant(row) for row in rows]

    async def every(self, tx: Transaction) -> list[Tenant]:
        """All tenants, the removed ones too."""
        return [_tenant(row) for row in await tx.fetch(self._queries["every_tenant"])]

    async def update(self, tx: Transaction, tenant: Tenant) -> Tenant:
        """Write the whole new state, one revision further."""
        row = await tx.fetchrow(
            self._queries["update_tenant"],
            tenant.tenant_id,
            tenant.name,
            tenant.state,
            tenant.settings.model_dump_json(),
        )
        return _tenant(row)


class ChannelStore:
    """Channels."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def insert(self, tx: Transaction, channel: Channel) -> Channel | None:
        """A new channel; None when this id is already one. UniqueViolationError: number taken."""
        row = await tx.fetchrow(
            self._queries["insert_channel"],
            channel.tenant_id,
            channel.channel_id,
            channel.channel_type,
            channel.name,
            channel.external_id,
            channel.sealed_credentials,
            orjson.dumps(channel.credential_hints).decode(),
            orjson.dumps(channel.settings).decode(),
        )
        return _channel(row) if row else None

    async def find(self, tx: Transaction, tenant_id: UUID, channel_id: UUID) -> Channel | None:
        """A channel of this tenant that was not removed."""
        row = await tx.fetchrow(self._queries["find_channel"], tenant_id, channel_id)
        return _channel(row) if row else None

    async def lock(self, tx: Transaction, tenant_id: UUID, channel_id: UUID) -> Channel | None:
        """The same, held until the transaction ends."""
        row = await tx.fetchrow(self._queries["lock_channel"], tenant_id, channel_id)
        return _channel(row) if row else None

    async def page(
        self, tx: Transaction, tenant_id: UUID, before: tuple[datetime, str] | None, limit: int
    ) -> list[Channel]:
        """The tenant's newest channels before a position."""
        at, last = before or (None, None)
        rows = await tx.fetch(
            self._queries["list_channels"], tenant_id, at, UUID(last) if last else None, limit
        )
        return [_channel(row) for row in rows]

    async def living_ids(self, tx: Transaction, tenant_id: UUID) -> list[UUID]:
        """Channels of a tenant that were not removed."""
        rows = await tx.fetch(self._queries["living_channels_of_tenant"], tenant_id)
        return [row["channel_id"] for row in rows]

    async def every(self, tx: Transaction) -> list[Channel]:
        """All channels, the removed ones too."""
        return [_channel(row) for row in await tx.fetch(self._queries["every_channel"])]

    async def update(self, tx: Transaction, channel: Channel) -> Channel:
        """Write the whole new state, one revision further."""
        row = await tx.fetchrow(
            self._queries["update_channel"],
            channel.tenant_id,
            channel.channel_id,
            channel.name,
            channel.state,
            channel.external_id,
            channel.sealed_credentials,
            orjson.dumps(channel.credential_hints).decode(),
            orjson.dumps(channel.settings).decode(),
        )
        return _channel(row)

    async def of_any_tenant(self, tx: Transaction, channel_id: UUID) -> Channel | None:
        """An active channel, before its tenant is known."""
        row = await tx.fetchrow(self._queries["channel_of_any_tenant"], channel_id)
        return _channel(row) if row else None

    async def by_widget_key(self, tx: Transaction, key: str) -> Channel | None:
        """The active web channel behind a public key."""
        row = await tx.fetchrow(self._queries["channel_by_widget_key"], key)
        return _channel(row) if row else None

    async def widget_origins(self, tx: Transaction) -> frozenset[str]:
        """Every origin on which some tenant shows the widget."""
        rows = await tx.fetch(self._queries["widget_origins"])
        return frozenset(row["origin"] for row in rows)


def _tenant(row: Any) -> Tenant:
    fields = dict(row)
    # A setting that came with a later version takes its default in older rows.
    settings = merged_settings(DEFAULT_SETTINGS, orjson.loads(fields.pop("settings")))
    return Tenant(settings=settings, **fields)


def _channel(row: Any) -> Channel:
    fields = dict(row)
    hints = orjson.loads(fields.pop("credential_hints"))
    return Channel(credential_hints=hints, settings=orjson.loads(fields.pop("settings")), **fields)
