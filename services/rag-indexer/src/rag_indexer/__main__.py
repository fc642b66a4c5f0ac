"""The composition of the indexer."""

from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration
from process import Life, run, wire
from rag_indexer.composition import SERVICE, compose
from rag_indexer.config import Settings
from rag_indexer.web_composition import open_web


async def start(settings: Settings, life: Life) -> None:
    """Wire everything, hear, answer, and let the workers work."""
    wiring = await wire(life, settings, SERVICE, connections_max=settings.connections_max)
    web = await open_web(settings, wiring, life)
    parts = compose(settings, wiring, web.requests)
    await wiring.start(life)
    async with wiring.database.system() as tx:
        if not await parts.store.knows_tenants(tx):
            question = RepeatConfiguration.make(tenant_id=PLATFORM, service=SERVICE)
            await wiring.outbox.say(tx, question)
    parts.start(life, settings.workers)
    web.start(life, settings.web_looks)


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=["outbox", "rag_indexer"])
