"""What could not be handled: to be seen by a person, and tried again when the cause is gone."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus import Outgoing
from contracts.topology import RETRIES
from outbox.outbox import Outbox
from postgres import Database, Queries


@dataclass(frozen=True)
class Quarantined:
    """A message that waits for a person."""

    id: int
    queue: str
    message_id: UUID
    address: str
    attempts: int
    error: str
    quarantined_at: datetime
    body: str


async def list_quarantined(database: Database, limit: int = 50) -> list[Quarantined]:
    """The newest first."""
    async with database.system() as tx:
        rows = await tx.fetch(Queries("outbox")["list_quarantined"], limit)
    return [Quarantined(**dict(row)) for row in rows]


async def redrive(database: Database, outbox: Outbox, quarantined_id: int) -> bool:
    """Put one back on its queue, counted anew; False when it is not there (any more)."""
    queries = Queries("outbox")
    async with database.system() as tx:
        row = await tx.fetchrow(queries["take_quarantined"], quarantined_id)
        if row is None:
            return False
        await tx.execute(queries["forget_attempts"], row["queue"], row["message_id"])
        again = Outgoing(
            exchange=RETRIES,
            routing_key=row["queue"],
            body=row["body"],
            message_id=row["message_id"],
            address=row["address"],
            headers=json.loads(row["headers"]),
        )
        await outbox.keep_as_is(tx, again)
    return True
