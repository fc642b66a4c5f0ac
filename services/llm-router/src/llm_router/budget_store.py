"""The SQL of money: rules, months, reservations, and ledger rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from llm_router.budgets import Rule, Standing
from llm_router.domain import Spend
from postgres import Queries, Transaction

_LAST_MONTH = timedelta(days=31)
"""From the first of a month this leads into the month before, whichever that is."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be held for a call, and what the ledger says of it if it is never settled."""

    reservation_id: UUID
    tenant_id: UUID
    usd: Decimal
    correlation_id: UUID
    conversation_id: UUID | None
    purpose: str
    model: str
    seconds: float
    is_dear: bool
    """Whether the cheaper model stands in for this one when money gets short."""
    priced: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A month whose sum is not what its rows add up to."""

    tenant_id: UUID
    month: date
    spent_usd: Decimal
    ledger_usd: Decimal
    reserved_usd: Decimal
    held_usd: Decimal


class BudgetStore:
    """Statements on budgets and the ledger, in the caller's transaction."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def changed_rules(
        self, tx: Transaction, since: datetime
    ) -> tuple[dict[UUID, Rule], datetime]:
        """Rules that changed since then, and when the last of them did."""
        rows = await tx.fetch(self._queries["changed_rules"], since)
        newest = max((row["updated_at"] for row in rows), default=since)
        return {row["tenant_id"]: _rule(row) for row in rows}, newest

    async def find_rule(self, tx: Transaction, tenant_id: UUID) -> Rule | None:
        """A tenant's budget."""
        row = await tx.fetchrow(self._queries["find_rule"], tenant_id)
        return None if row is None else _rule(row)

    async def keep_rule(self, tx: Transaction, tenant_id: UUID, rule: Rule) -> None:
        """Change a tenant's budget."""
        await tx.execute(
            self._queries["keep_rule"],
            tenant_id,
            rule.monthly_usd,
            list(rule.warn_percent),
            rule.cheaper_percent,
            rule.cheaper_model,
            rule.when_spent,
            rule.unknown_price_usd,
        )

    async def standing(self, tx: Transaction, tenant_id: UUID) -> Standing:
        """Where the tenant stands this month."""
        row = await tx.fetchrow(self._queries["find_month"], tenant_id)
        if row is None:
            return Standing(await tx.fetchval(self._queries["this_month"]))
        return _standing(row)

    async def open_month(self, tx: Transaction, tenant_id: UUID) -> Standing:
        """As `standing`, with the month's row locked."""
        row = await tx.fetchrow(self._queries["open_month"], tenant_id)
        assert row is not None
        return _standing(row)

    async def lock_due_months(
        self, tx: Transaction, months: Collection[tuple[UUID, date]]
    ) -> dict[UUID, list[Standing]]:
        """Of these months those of which something has to be said, locked in one order."""
        tenants, dates = [one for one, _ in months], [month for _, month in months]
        found: dict[UUID, list[Standing]] = {}
        for row in await tx.fetch(self._queries["lock_due_months"], tenants, dates):
            found.setdefault(row["tenant_id"], []).append(_standing(row))
        return found

    async def note_warned(
        self, tx: Transaction, tenant_id: UUID, month: date, warned: Sequence[int]
    ) -> None:
        """Shares of the budget that are said from now on."""
        await tx.execute(self._queries["note_warned"], tenant_id, month, list(warned))

    async def note_exhausted(
        self, tx: Transaction, tenant_id: UUID, month: date, *, exhausted: bool
    ) -> None:
        """Whether nothing that costs money fits any more."""
        await tx.execute(self._queries["note_exhausted"], tenant_id, month, exhausted)

    async def reserve(self, tx: Transaction, wish: Wish) -> date | None:
        """Hold the money; the month that it is held of, None where it does not fit."""
        month: date | None = await tx.fetchval(
            self._queries["reserve"],
            wish.tenant_id,
            wish.reservation_id,
            wish.usd,
            wish.correlation_id,
            wish.conversation_id,
            wish.purpose,
            wish.model,
            wish.seconds,
            wish.is_dear,
            wish.priced,
        )
        return month

    async def settle(self, tx: Transaction, spends: Sequence[Spend]) -> set[UUID]:
        """Add ledger rows and give back what was held; the ids of rows that are new."""
        rows = await tx.fetch(
            self._queries["settle_spends"],
            [spend.spend_id for spend in spends],
            [spend.tenant_id for spend in spends],
            [spend.correlation_id for spend in spends],
            [spend.conversation_id for spend in spends],
            [spend.purpose for spend in spends],
            [str(spend.model)[:512] for spend in spends],
            [spend.input_tokens for spend in spends],
            [spend.output_tokens for spend in spends],
            [spend.cached_tokens for spend in spends],
            [spend.estimated for spend in spends],
            [spend.cost_usd for spend in spends],
            [spend.counted_usd for spend in spends],
            [spend.milliseconds for spend in spends],
            [spend.outcome for spend in spends],
            [spend.occurred_at for spend in spends],
            [spend.month for spend in spends],
        )
        return {row["spend_id"] for row in rows}

    async def expire(self, tx: Transaction, rows_max: int) -> list[tuple[UUID, date]]:
        """Count as spent what nobody settled in time; whose, one entry a call."""
        rows = await tx.fetch(self._queries["expire_reservations"], rows_max)
        return [(row["tenant_id"], row["month"]) for row in rows]

    async def forget(self, tx: Transaction, days: int, rows_max: int) -> int:
        """Delete ledger rows that are older; how many."""
        tag = await tx.execute(self._queries["forget_spends"], days, rows_max)
        return int(tag.rpartition(" ")[2])

    async def differences(self, tx: Transaction) -> list[Difference]:
        """Months of this and the last month that do not add up."""
        rows = await tx.fetch(self._queries["find_differences"], _LAST_MONTH)
        return [Difference(**dict(row)) for row in rows]


def _rule(row: Any) -> Rule:
    return Rule(
        monthly_usd=row["monthly_usd"],
        warn_percent=tuple(row["warn_percent"]),
        cheaper_percent=row["cheaper_percent"],
        cheaper_model=row["cheaper_model"],
        when_spent=row["when_spent"],
        unknown_price_usd=row["unknown_price_usd"],
    )


def _standing(row: Any) -> Standing:
    return Standing(
        month=row["month"],
        spent_usd=row["spent_usd"],
        reserved_usd=row["reserved_usd"],
        unpriced_calls=row["unpriced_calls"],
        exhausted=row["exhausted"],
        warned=tuple(row["warned"]),
    )
