"""The health of channels, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channel_ingress.rhythm import Rhythm
from channel_ingress.store import Channel
from contracts.v1.channel_health import HealthFinding, HealthLevel
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class HealthRow:
    """What is kept of a channel beside its findings."""

    channel_id: UUID
    tenant_id: UUID
    channel_type: str
    level: HealthLevel
    looked_at: datetime | None
    token_expires_at: datetime | None
    last_event_at: datetime | None
    rhythm: list[float]
    watched_until: datetime
    heard_hours: list[datetime]


class HealthStore:
    """The health queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_health.sql")

    async def meet_channels(self, tx: Transaction, first_look_seconds: float) -> None:
        """Give every channel a row, and a look soon to those that were configured anew."""
        await tx.execute(self._queries["meet_channels"], first_look_seconds)

    async def claim_looks(
        self, tx: Transaction, limit: int, lease_seconds: float
    ) -> list[tuple[UUID, UUID]]:
        """Channel and tenant of those that are due, leased to this process."""
        rows = await tx.fetch(self._queries["claim_looks"], limit, lease_seconds)
        return [(row["channel_id"], row["tenant_id"]) for row in rows]

    async def lock(self, tx: Transaction, channel: Channel) -> HealthRow:
        """The channel's row, locked."""
        sql = self._queries["lock_health"]
        row = await tx.fetchrow(sql, channel.channel_id, channel.tenant_id, channel.channel_type)
        assert row is not None
        return HealthRow(**dict(row))

    async def find(self, tx: Transaction, channel_id: UUID) -> HealthRow | None:
        """The channel's row, if there is one yet."""
        row = await tx.fetchrow(self._queries["find_health"], channel_id)
        return HealthRow(**dict(row)) if row else None

    async def keep_findings(
        self, tx: Transaction, channel: Channel, findings: Sequence[HealthFinding]
    ) -> None:
        """The newest finding of each check."""
        newest = {finding.check: finding for finding in findings}.values()
        await tx.execute(
            self._queries["keep_findings"],
            channel.channel_id,
            channel.tenant_id,
            [finding.check for finding in newest],
            [finding.level for finding in newest],
            [finding.code for finding in newest],
            [finding.provider_code for finding in newest],
            [finding.detail for finding in newest],
            [finding.checked_at for finding in newest],
        )

    async def forget_notices(self, tx: Transaction, channel_id: UUID, before: datetime) -> None:
        """Notices of the account that were heard before this moment."""
        await tx.execute(self._queries["forget_findings"], channel_id, before)

    async def findings(self, tx: Transaction, channel_id: UUID) -> list[HealthFinding]:
        """The newest finding of each check."""
        return [
            HealthFinding(
                check=row["check_name"],
                level=row["level"],
                code=row["code"],
                provider_code=row["provider_code"],
                detail=row["detail"],
                checked_at=row["checked_at"],
            )
            for row in await tx.fetch(self._queries["list_findings"], channel_id)
        ]

    async def set_level(self, tx: Transaction, channel_id: UUID, level: HealthLevel) -> None:
        """The level from now on."""
        await tx.execute(self._queries["set_health_level"], channel_id, level)

    async def record_look(
        self,
        tx: Transaction,
        channel_id: UUID,
        pause_seconds: float,
        token_expires_at: datetime | None,
        rhythm: Rhythm,
    ) -> None:
        """A look ended."""
        await tx.execute(
            self._queries["record_look"],
            channel_id,
            pause_seconds,
            token_expires_at,
            list(rhythm.shares),
            rhythm.watched_until,
        )

    async def end_token_rests(self, tx: Transaction, channel_id: UUID) -> None:
        """Files that waited for a token that works again are fetched."""
        await tx.execute(self._queries["end_token_rests"], channel_id)

    async def note_events(self, tx: Transaction, channels: Sequence[Channel]) -> None:
        """These said something just now."""
        await tx.execute(
            self._queries["note_events"],
            [channel.channel_id for channel in channels],
            [channel.tenant_id for channel in channels],
            [channel.channel_type for channel in channels],
        )
