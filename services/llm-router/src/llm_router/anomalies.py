"""Says `spend-unusual` when a tenant's hour costs far more than this hour usually does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from contracts.v1.spending import SpendUnusual
from llm_router import metrics
from outbox import Outbox
from postgres import Database, Queries, Transaction


@dataclass(frozen=True, slots=True)
class Unusual:
    """What is unusual: at least `floor_usd`, and more than `factor` times the median of the same
    hour of the last `days`; a tenant that is younger than `known_days` has no usual hour.
    """

    floor_usd: Decimal = Decimal(1)
    factor: int = 3
    days: int = 14
    known_days: int = 3


class Anomalies:
    """Looks at the running hour; the row of an hour lets one replica say it once."""

    def __init__(
        self, database: Database, outbox: Outbox, queries: Queries, unusual: Unusual
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._queries = queries
        self._unusual = unusual

    async def look(self) -> None:
        """Say every tenant's hour that is unusual and was not said."""
        rule = self._unusual
        async with self._database.system() as tx:
            found = await tx.fetch(
                self._queries["find_unusual"],
                rule.floor_usd,
                Decimal(rule.factor),
                rule.days,
                rule.known_days,
            )
            for row in found:
                await self._say(tx, row)

    async def _say(self, tx: Transaction, row: Any) -> None:
        tenant_id, hour = row["tenant_id"], row["hour"]
        if await tx.fetchrow(self._queries["claim_unusual_hour"], tenant_id, hour) is None:
            return
        dearest = await tx.fetchrow(self._queries["dearest_of_hour"], tenant_id, hour)
        assert dearest is not None
        metrics.UNUSUAL_SPEND.inc()
        await self._outbox.say(
            tx,
            SpendUnusual.make(
                tenant_id=tenant_id,
                hour=hour,
                spent_usd=float(row["spent_usd"]),
                usual_usd=float(row["usual_usd"]),
                model=dearest["model"],
                conversation_id=dearest["conversation_id"],
            ),
        )
