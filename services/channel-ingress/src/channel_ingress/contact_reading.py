"""Contacts as they are shown: with every id, everywhere they have spoken, and their merges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from channel_ingress.contact_store import QUERIES
from contracts.v1.contacts import Contact, ContactChannel, ContactIdentity, ContactMerge
from postgres import Queries, Transaction

CHANNELS_MAX = 50
LIST_MAX = 50


class ContactReading:
    """The queries by which contacts are shown."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", QUERIES)

    async def contacts(
        self, tx: Transaction, tenant_id: UUID, contact_ids: Sequence[UUID]
    ) -> list[Contact]:
        """These contacts of a tenant, the newest first; unknown ones are absent."""
        sql = self._queries["contacts_by_id"]
        return await self._whole(tx, tenant_id, await tx.fetch(sql, tenant_id, list(contact_ids)))

    async def page(
        self,
        tx: Transaction,
        tenant_id: UUID,
        *,
        identity: str | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Contact]:
        """A page of contacts, the newest first; only those known by an id, if one is named."""
        moment, contact_id = after or (None, None)
        sql = self._queries["list_contacts"]
        rows = await tx.fetch(sql, tenant_id, identity, moment, contact_id, limit)
        return await self._whole(tx, tenant_id, rows)

    async def merges(
        self, tx: Transaction, tenant_id: UUID, contact_id: UUID
    ) -> list[ContactMerge]:
        """Merges of a contact, the newest first."""
        rows = await tx.fetch(self._queries["merges_of"], tenant_id, contact_id)
        return [ContactMerge(**dict(row)) for row in rows]

    async def _whole(self, tx: Transaction, tenant_id: UUID, rows: Sequence[Any]) -> list[Contact]:
        wanted = [row["contact_id"] for row in rows]
        if not wanted:
            return []
        identities: dict[UUID, list[ContactIdentity]] = {}
        for row in await tx.fetch(self._queries["identities_of"], tenant_id, wanted):
            identities.setdefault(row["contact_id"], []).append(_identity(row))
        channels: dict[UUID, list[Any]] = {}
        for row in await tx.fetch(self._queries["channels_of"], tenant_id, wanted):
            channels.setdefault(row["contact_id"], []).append(row)
        return [
            _contact(
                row,
                identities.get(row["contact_id"], []),
                channels.get(row["contact_id"], []),
            )
            for row in rows
        ]


def _contact(row: Any, identities: list[ContactIdentity], channels: list[Any]) -> Contact:
    return Contact(
        contact_id=row["contact_id"],
        display_name=row["display_name"],
        identities=identities,
        channels=[_channel(channel) for channel in channels[:CHANNELS_MAX]],
        opted_out=any(channel["wants_marketing"] is False for channel in channels),
        merged_into=row["merged_into"],
        created_at=row["created_at"],
    )


def _identity(row: Any) -> ContactIdentity:
    return ContactIdentity(
        kind=row["kind"],
        value=row["value"],
        channel_id=row["channel_id"],
        verified=row["verified"],
        evidence=row["evidence"],
        since=row["since"],
        until=row["until"],
    )


def _channel(row: Any) -> ContactChannel:
    return ContactChannel(
        channel_id=row["channel_id"],
        channel_type=row["channel_type"],
        external_id=row["external_id"],
        conversation_id=row["conversation_id"],
        last_message_at=row["last_message_at"],
        window_closes_at=row["window_closes_at"],
    )
