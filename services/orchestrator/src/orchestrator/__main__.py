"""The process: `python -m orchestrator` serves, `python -m orchestrator migrate` migrates."""

from typing import NoReturn

from bus import Bus
from orchestrator.composition import SERVICE, compose, listen
from orchestrator.config import Settings
from postgres import Database, DatabaseAway
from process import Life, run


async def start(settings: Settings, life: Life) -> None:
    """Open everything; closed again in the reverse order."""

    async def connect() -> Database:
        return await Database.connect(
            settings.database_url, name=SERVICE, size_max=settings.database_connections_max
        )

    database = await life.reach("postgres", connect, retry_on=(DatabaseAway,))
    life.closing(database.close)
    life.check("postgres", database.check)
    bus = Bus(settings.amqp_url, service=SERVICE)
    parts = compose(
        database,
        bus,
        limits=settings.limits(),
        pace=settings.pace(),
        lease_seconds=settings.lease_seconds,
    )
    listen(bus, parts)
    await life.reach("rabbitmq", bus.start)
    life.closing(bus.close)
    life.check("rabbitmq", bus.check)
    await parts.outbox.start()
    life.closing(parts.outbox.stop)
    life.background("heartbeat", parts.runner.heartbeat())
    life.background("sweep", parts.runner.sweep())
    life.closing(parts.runner.stop)
    life.closing(bus.stop_hearing)
    await parts.handlers.ask_for_configuration(database)


def main() -> NoReturn:
    """Run the service."""
    run(SERVICE, Settings, start, migrations=("outbox", "orchestrator"))


if __name__ == "__main__":
    main()
