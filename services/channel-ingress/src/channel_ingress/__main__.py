"""Runs channel-ingress: `python -m channel_ingress [migrate]`."""

from __future__ import annotations

from bus import BrokerAway, Bus
from channel_ingress.composition import SERVICE, compose
from channel_ingress.config import Settings
from channel_ingress.graph import GraphClient
from channel_ingress.handlers import ask_for_configuration
from postgres import Database, DatabaseAway
from process import Life, run


async def start(settings: Settings, life: Life) -> None:
    """Open everything, register the handlers, begin to hear; closed in the reverse order."""

    async def connect() -> Database:
        return await Database.connect(
            settings.database_url, name=SERVICE, size_max=settings.database_connections_max
        )

    database = await life.reach("postgres", connect, retry_on=(DatabaseAway, OSError))
    life.closing(database.close)
    life.check("postgres", database.check)
    graph = GraphClient.open(settings.graph_url, settings.graph_version)
    life.closing(graph.close)
    bus = Bus(settings.amqp_url, service=SERVICE)
    life.check("rabbitmq", bus.check)
    parts = compose(settings, database, bus, graph)
    life.closing(bus.close)
    life.closing(parts.outbox.stop)
    life.closing(parts.sender.close)
    await life.reach("rabbitmq", bus.start, retry_on=(BrokerAway, OSError, TimeoutError))
    life.closing(bus.stop_hearing)
    await parts.outbox.start()
    life.background(
        "sweeper", parts.sweeper.run(parts.intake, parts.outbound, parts.sender, parts.joins)
    )
    await ask_for_configuration(database, parts.outbox, parts.store)


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=("outbox", "channel_ingress"))
