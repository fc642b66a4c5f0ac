"""The composition of the retriever."""

import gc

from contracts.v1.documents import (
    DocumentConfigured,
    DocumentRemoved,
    ForgetDocument,
    ListPassages,
    PassagesEmbedded,
    RollbackDocument,
)
from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration, TenantConfigured
from process import Life, run, wire
from retriever.cleaning import Cleaner
from retriever.config import Settings
from retriever.handlers import Handlers
from retriever.index import Index
from retriever.question_vector import Embedder
from retriever.reranking import RankingModel
from retriever.search import Search
from retriever.store import Store
from retriever.upkeep import Upkeep

SERVICE = "retriever"
_BATCHES_AT_ONCE = 4
_SEARCHES_AT_ONCE = 32


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
    wiring.outbox.hear(TenantConfigured, handlers.tenant_configured)
    wiring.outbox.hear(PassagesEmbedded, handlers.passages_embedded, prefetch=_BATCHES_AT_ONCE)
    wiring.outbox.hear(DocumentConfigured, handlers.document_configured)
    wiring.outbox.hear(DocumentRemoved, handlers.document_removed)
    wiring.bus.answer(ForgetDocument, handlers.forget_document)
    wiring.bus.answer(RollbackDocument, handlers.rollback_document)
    wiring.bus.answer(ListPassages, handlers.list_passages)
    wiring.bus.answer(SearchKnowledge, handlers.search_knowledge, prefetch=_SEARCHES_AT_ONCE)
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
