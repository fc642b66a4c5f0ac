"""Runs channel-ingress: `python -m channel_ingress [migrate]`."""

from __future__ import annotations

from channel_ingress.composition import SERVICE, compose
from channel_ingress.config import Settings
from channel_ingress.graph import GraphClient
from channel_ingress.handlers import ask_for_configuration
from process import Life, run, wire


async def start(settings: Settings, life: Life) -> None:
    """Open everything, register the handlers, begin to hear; closed in the reverse order."""
    wiring = await wire(life, settings, SERVICE, connections_max=settings.database_connections_max)
    bus = wiring.bus
    graph = GraphClient.open(settings.graph_url, settings.graph_version)
    life.closing(graph.close)
    life.check("rabbitmq", bus.check)
    parts = compose(settings, wiring.database, bus, graph)
    life.closing(bus.close)
    life.closing(parts.outbox.stop)
    # Between hearing and saying: what was heard is called, what was called is said.
    life.closing(parts.sender.close)
    await life.reach("rabbitmq", bus.start, retry_on=(Exception,))
    life.closing(bus.stop_hearing)
    await parts.outbox.start()
    for name, job in parts.background().items():
        life.background(name, job)
    await ask_for_configuration(wiring.database, parts.outbox, parts.store)


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=("outbox", "channel_ingress"))
