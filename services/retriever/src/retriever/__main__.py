"""The composition of the retriever."""

import gc

from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration
from process import Life, run, wire
from retriever.cleaning import Cleaner
from retriever.config import Settings
from retriever.handlers import Handlers, listen
from retriever.index import Index
from retriever.question_vector import Embedder
from retriever.reranking import RankingModel
from retriever.search import Search
from retriever.store import Store
from retriever.upkeep import Upkeep

SERVICE = "retriever"


async def start(settings: Settings, life: Life) -> None:
    """Wire everything, hear and answer."""
    wiring = await wire(life, settings, SERVICE, connections_max=settings.connections_max)
    store = Store()
    embed_seconds = settings.embed_timeout_seconds
    pause_seconds = settings.embed_pause_seconds
    embedder = Embedder(wiring.bus, timeout_seconds=embed_seconds, pause_seconds=pause_seconds)
    cleaner = Cleaner(wiring.database, Upkeep(store), kept_days=settings.kept_days)
    index = Index(settings.index_cache_mib * 2**20)
    ranking = RankingModel(wiring.bus, timeout_seconds=settings.rank_timeout_seconds)
    search = Search(wiring.database, index, embedder, ranking)
    handlers = Handlers(wiring.outbox, store, search, cleaner)
    listen(wiring.outbox, wiring.bus, handlers)
    await wiring.start(life)
    async with wiring.database.system() as tx:
        if not await store.knows_tenants(tx):
            question = RepeatConfiguration.make(tenant_id=PLATFORM, service=SERVICE)
            await wiring.outbox.say(tx, question)
    life.background("cleaner", cleaner.clean())
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again in the middle of a search


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=["outbox", "retriever"])
