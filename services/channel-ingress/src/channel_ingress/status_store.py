"""Statuses and the sends that they are about, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.v1.shapes import Price
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status to keep."""

    channel_id: UUID
    provider_message_id: str
    status: str
    tenant_id: UUID
    send_id: UUID | None
    part: int | None
    at: datetime
    provider_code: int | None
    detail: str
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class JoinableStatus:
    """A status with the send that it is about."""

    channel_id: UUID
    provider_message_id: str
    status: str
    at: datetime
    provider_code: int | None
    detail: str
    part: int
    price: Price | None
    send_id: UUID
    state: str
    part_count: int
    delivery_status: str | None
    send_price: Price | None
    """What the send as a whole is known to cost."""
    command: str


@dataclass(frozen=True, slots=True)
class OrphanedStatuses:
    """Statuses of a message whose send has not come."""

    channel_id: UUID
    tenant_id: UUID
    channel_type: str
    provider_message_id: str
    statuses: str
    """JSON list."""


class StatusStore:
    """The status queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", "queries_statuses.sql")

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
                [row.price.category if row.price else None for row in rows],
                [row.price.pricing_model if row.price else None for row in rows],
                [row.price.type if row.price else None for row in rows],
                [row.price.billable if row.price else None for row in rows],
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
        self,
        tx: Transaction,
        message_ids: list[str] | None,
        in_flight_seconds: float,
        newest_seconds: float | None = None,
    ) -> list[JoinableStatus]:
        """Unjoined statuses of these messages (None: of all that are so new), with their locked
        sends."""
        sql = self._queries["joinable_statuses"]
        rows = await tx.fetch(sql, message_ids, in_flight_seconds, newest_seconds)
        return [_joinable(row) for row in rows]

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
        self,
        tx: Transaction,
        send_id: UUID,
        status: str | None,
        provider_code: int | None,
        price: Price | None,
    ) -> None:
        """The send as a whole has come this far, and costs this."""
        sql = self._queries["set_delivery_status"]
        text = price.model_dump_json() if price else None
        await tx.execute(sql, send_id, status, provider_code, text)

    async def take_orphaned(
        self, tx: Transaction, orphan_after_seconds: float
    ) -> list[OrphanedStatuses]:
        """Statuses whose send has not come in time, each message once."""
        rows = await tx.fetch(self._queries["take_orphaned"], orphan_after_seconds)
        return [OrphanedStatuses(*row) for row in rows]


def _joinable(row: Any) -> JoinableStatus:
    price = None
    if row["price_category"] is not None:
        price = Price(
            category=row["price_category"],
            pricing_model=row["pricing_model"],
            type=row["price_type"],
            billable=row["billable"],
        )
    known = row["price"]
    return JoinableStatus(
        channel_id=row["channel_id"],
        provider_message_id=row["provider_message_id"],
        status=row["status"],
        at=row["at"],
        provider_code=row["provider_code"],
        detail=row["detail"],
        part=row["part"],
        price=price,
        send_id=row["send_id"],
        state=row["state"],
        part_count=row["part_count"],
        delivery_status=row["delivery_status"],
        send_price=Price.model_validate_json(known, extra="ignore") if known else None,
        command=row["command"],
    )
