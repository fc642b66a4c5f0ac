"""Parked channels: their sends wait, untried and unlost, until somebody acts or a moment passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from channel_ingress.action_table import ParkScope
from channel_ingress.metrics import PARKS
from channel_ingress.store import SendingChannel
from contracts.v1.tenants import ChannelConfigured
from observe import get_logger
from postgres import Queries, Transaction

_log = get_logger("parking")


@dataclass(frozen=True, slots=True)
class Park:
    """Why a channel's sends wait."""

    channel_id: UUID
    tenant_id: UUID
    code: str
    """Ours: token_invalid, needs_permission, account_blocked, spam_limited, rate_limited …"""
    provider_code: int | None
    detail: str
    bots_only: bool
    since: datetime
    until: datetime | None
    """None: somebody has to act."""
    revision: int
    """The configuration under which it was parked."""


class ParkListener(Protocol):
    """Hears of a channel that was parked (`park`) or is free again (None), in the transaction."""

    async def park_changed(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, park: Park | None
    ) -> None:
        """Take note of it."""
        ...


class Parking:
    """Parks channels and sets them free; `listeners` hear of each change, `freed` wakes sends."""

    def __init__(self, freed: Callable[[], None]) -> None:
        self._queries = Queries("channel_ingress", "queries_sending.sql")
        self._freed = freed
        self.listeners: list[ParkListener] = []

    async def park(
        self,
        tx: Transaction,
        channel: SendingChannel,
        code: str,
        detail: str,
        *,
        provider_code: int | None = None,
        scope: ParkScope = "channel",
        seconds: float | None = None,
    ) -> bool:
        """Park it, for `seconds` or until somebody acts; false when its configuration is newer
        than what failed. A park without an end is never replaced by one with an end."""
        rows = await tx.fetch(
            self._queries["park_channels"],
            channel.channel_id,
            channel.revision,
            scope,
            code,
            provider_code,
            detail[:512],
            seconds,
        )
        for row in rows:
            if row["is_news"]:
                PARKS.labels(channel.channel_type, code).inc()
                _log.warning("a channel is parked", channel_id=str(row["channel_id"]), code=code)
                await self._tell(tx, channel.tenant_id, row["channel_id"])
        return any(row["channel_id"] == channel.channel_id for row in rows)

    async def unpark(self, tx: Transaction, channel_id: UUID) -> bool:
        """Set it free, whatever it was parked for; its sends go out in their order."""
        return await self._free(tx, channel_id, None)

    async def channel_configured(self, tx: Transaction, event: ChannelConfigured) -> None:
        """A newer configuration may hold a new token: try again with it."""
        await self._free(tx, event.channel_id, event.revision)

    async def end_pauses(self, tx: Transaction) -> bool:
        """Set those free whose moment has passed."""
        return await self._free(tx, None, None)

    async def state(self, tx: Transaction, channel_id: UUID) -> Park | None:
        """Why its sends wait, if they do."""
        row = await tx.fetchrow(self._queries["find_park"], channel_id)
        return Park(*row) if row else None

    async def parked_sends(self, tx: Transaction, channel_id: UUID) -> int:
        """How many messages wait for it."""
        return int(await tx.fetchval(self._queries["count_parked_sends"], channel_id))

    async def _free(self, tx: Transaction, channel_id: UUID | None, revision: int | None) -> bool:
        rows = await tx.fetch(self._queries["unpark_channels"], channel_id, revision)
        for channel_id, tenant_id in rows:
            _log.info("a channel is free again", channel_id=str(channel_id))
            await self._tell(tx, tenant_id, channel_id)
        if rows:
            tx.after_commit.append(self._freed)
        return bool(rows)

    async def _tell(self, tx: Transaction, tenant_id: UUID, channel_id: UUID) -> None:
        park = await self.state(tx, channel_id) if self.listeners else None
        for listener in self.listeners:
            await listener.park_changed(tx, tenant_id, channel_id, park)
