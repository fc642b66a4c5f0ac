"""Database, bus and outbox of one service, opened and closed in the order that loses nothing.

wiring = await wire(life, settings, "orchestrator")     # the database is reached
wiring.outbox.hear(MessageReceived, handlers.on_message)
wiring.bus.answer(ListConversations, handlers.list_conversations)
await wiring.start(life)                                 # the broker is reached, work begins
"""

from dataclasses import dataclass

import asyncpg

from bus import Bus
from outbox import Outbox
from postgres import Database, DatabaseAway
from process.life import Life
from process.migrations import NotMigrated, check_migrated
from process.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the handlers of a service are given."""

    database: Database
    bus: Bus
    outbox: Outbox

    async def start(self, life: Life) -> None:
        """Reach the broker and begin to hear, after everything was registered.

        At the end: hear nothing more, finish what is in hand, say what is left, then close.
        """
        life.closing(self.bus.close)
        await life.reach("rabbitmq", self.bus.start, retry_on=(Exception,))
        life.check("rabbitmq", self.bus.check)
        await self.outbox.start()
        life.closing(self.outbox.stop)
        life.closing(self.bus.stop_hearing)


async def wire(
    life: Life, settings: ServiceSettings, service: str, *, connections_max: int = 8
) -> Wiring:
    """Reach the migrated database, however long it takes; the bus is not started yet."""
    database = await life.reach(
        "postgres",
        lambda: Database.connect(settings.database_url, name=service, size_max=connections_max),
        retry_on=(DatabaseAway, OSError, asyncpg.PostgresError),
    )
    life.closing(database.close)
    life.check("postgres", database.check)
    await life.reach(
        "migrations",
        lambda: check_migrated(database, life.migrations),
        retry_on=(NotMigrated, DatabaseAway, asyncpg.PostgresError),
    )
    bus = Bus(settings.amqp_url, service=service)
    return Wiring(database, bus, Outbox(database, bus))
