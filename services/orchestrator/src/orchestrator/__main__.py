"""The process: `python -m orchestrator` serves, `python -m orchestrator migrate` migrates."""

from orchestrator.composition import SERVICE, compose, listen
from orchestrator.config import Settings
from process import Life, run, wire


async def start(settings: Settings, life: Life) -> None:
    """Open everything; closed again in the reverse order."""
    wiring = await wire(life, settings, SERVICE, connections_max=settings.database_connections_max)
    parts = compose(
        wiring.database,
        wiring.bus,
        wiring.outbox,
        limits=settings.limits(),
        pace=settings.pace(),
        lease_seconds=settings.lease_seconds,
        typing_after_seconds=settings.typing_after_seconds,
        rehearsals=settings.rehearsals(),
        own_tools=settings.own_tools(),
    )
    listen(wiring.bus, parts)
    await wiring.start(life)
    life.background("heartbeat", parts.runner.heartbeat())
    life.background("sweep", parts.runner.sweep())
    life.background("life", parts.inbox.life.run(settings.life_sweep_seconds))
    life.background("answers", parts.answers.run())
    life.background("watch", parts.watch.watch())
    life.background("tools", parts.tools.tend())
    life.background("trials", parts.trials.rehearsing.work())
    life.closing(parts.tools.close)
    life.closing(parts.runner.stop)
    await parts.handlers.ask_for_configuration(wiring.database)


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=("outbox", SERVICE))
