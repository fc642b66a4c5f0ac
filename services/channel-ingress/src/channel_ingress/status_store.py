"""Statuses and the sends that they are about, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from channel_ingress.store import JoinableStatus, StatusRow
from postgres import Queries, Transaction


class StatusStore:
    """The status queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress")

    async def keep(self, tx: Transaction, rows: Sequence[StatusRow]) -> int:
        """Keep statuses once each; answers how many are new."""
        return int(
            await tx.fetchval(
                self._queries["keep_statuses"],
                [row.channel_id for row in rows],
                [row.provider_message_id for row in rows],
                [row.status for row in rows],
                [row.tenant_id for row in rows],
                [row.send_id for row in rows],
                [row.part for row in rows],
                [row.at for row in rows],
                [row.provider_code for row in rows],
                [row.detail for row in rows],
            )
        )

    async def parts_below_watermark(
        self, tx: Transaction, conversation_id: UUID, channel_id: UUID, up_to: datetime, status: str
    ) -> list[tuple[str, UUID, int]]:
        """Provider id, send and part of what a watermark speaks of."""
        sql = self._queries["parts_below_watermark"]
        rows = await tx.fetch(sql, conversation_id, channel_id, up_to, status)
        return [(row["provider_message_id"], row["send_id"], row["part"]) for row in rows]

    async def joinable(
        self, tx: Transaction, message_ids: list[str] | None, in_flight_seconds: float
    ) -> list[JoinableStatus]:
        """Unjoined statuses of these messages (None: of all), with their locked sends."""
        rows = await tx.fetch(self._queries["joinable_statuses"], message_ids, in_flight_seconds)
        names = JoinableStatus.__slots__
        return [JoinableStatus(**{name: row[name] for name in names}) for row in rows]

    async def mark_joined(self, tx: Transaction, statuses: Sequence[JoinableStatus]) -> None:
        """These were taken into account."""
        await tx.execute(
            self._queries["mark_joined"],
            [status.channel_id for status in statuses],
            [status.provider_message_id for status in statuses],
            [status.status for status in statuses],
        )

    async def keep_part_status(self, tx: Transaction, status: JoinableStatus, name: str) -> None:
        """How far one part has come."""
        await tx.execute(
            self._queries["keep_part_status"],
            status.channel_id,
            status.provider_message_id,
            status.send_id,
            status.part,
            name,
        )

    async def part_statuses(self, tx: Transaction, send_id: UUID) -> dict[int, str | None]:
        """How far each accepted part has come."""
        rows = await tx.fetch(self._queries["part_statuses"], send_id)
        return {row["part"]: row["status"] for row in rows}

    async def accept_by_evidence(self, tx: Transaction, send_id: UUID, part: int) -> str | None:
        """The provider has this part; the send's state from now on, None when it was no news."""
        state: str | None = await tx.fetchval(self._queries["accept_by_evidence"], send_id, part)
        return state

    async def set_delivery_status(
        self, tx: Transaction, send_id: UUID, status: str, provider_code: int | None
    ) -> None:
        """The send as a whole has come this far."""
        sql = self._queries["set_delivery_status"]
        await tx.execute(sql, send_id, status, provider_code)
