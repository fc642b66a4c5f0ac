"""Channels in memory for some seconds: nearly every message asks for one asked for before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from channel_ingress.store import SendingChannel, Store
from postgres import Queries, Transaction

Key = TypeVar("Key")

KEPT_SECONDS = 5.0
"""How long another process's news of a channel may go unnoticed here."""
KEPT_MAX = 10_000


class KnownChannels:
    """Looks channels up, by address or by id; what is not found is asked for again each time."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._by_id: dict[UUID, tuple[float, SendingChannel]] = {}
        self._by_address: dict[tuple[str, str], tuple[float, SendingChannel]] = {}
        self._queries = Queries("channel_ingress", "queries_inbound.sql")

    async def at_addresses(
        self, tx: Transaction, channel_type: str, addresses: Iterable[str]
    ) -> dict[str, SendingChannel]:
        """Served channels by their address; those that no channel has are absent."""
        found: dict[str, SendingChannel] = {}
        missing = []
        for address in addresses:
            until, channel = self._by_address.get((channel_type, address), (0.0, None))
            if channel is not None and until > self._clock():
                found[address] = channel
            else:
                missing.append(address)
        if missing:
            for channel in await self._store.find_channels(tx, channel_type, missing):
                found[channel.external_id] = channel
                self._keep(self._by_address, (channel_type, channel.external_id), channel)
        return found

    async def of_tenant(
        self, tx: Transaction, channel_id: UUID, tenant_id: UUID
    ) -> SendingChannel | None:
        """One channel of this tenant, whatever its state."""
        until, channel = self._by_id.get(channel_id, (0.0, None))
        if channel is None or until <= self._clock():
            channel = await self._store.find_channel(tx, channel_id)
            if channel is not None:
                self._keep(self._by_id, channel_id, channel)
        return channel if channel is not None and channel.tenant_id == tenant_id else None

    def kept(self, channel_id: UUID, tenant_id: UUID) -> SendingChannel | None:
        """One channel of this tenant, if it is in memory."""
        until, channel = self._by_id.get(channel_id, (0.0, None))
        if channel is None or until <= self._clock() or channel.tenant_id != tenant_id:
            return None
        return channel

    async def of_accounts(
        self, tx: Transaction, channel_type: str, accounts: Sequence[str]
    ) -> dict[str, list[SendingChannel]]:
        """Served channels, of any tenant, by the business account that they stand on."""
        found: dict[str, list[SendingChannel]] = {}
        if accounts:
            sql = self._queries["channels_of_accounts"]
            for row in await tx.fetch(sql, channel_type, list(accounts)):
                *columns, account = row
                found.setdefault(account, []).append(SendingChannel(*columns))
        return found

    def forget(self) -> None:
        """Something was configured: ask the database again."""
        self._by_id.clear()
        self._by_address.clear()

    def _keep(
        self, known: dict[Key, tuple[float, SendingChannel]], key: Key, channel: SendingChannel
    ) -> None:
        if len(known) >= KEPT_MAX:
            known.clear()
        known[key] = (self._clock() + KEPT_SECONDS, channel)
