"""The composition of the indexer."""

from blobs import Blobs
from contracts.v1.documents import (
    DocumentRemoved,
    DocumentSearchable,
    DocumentUploaded,
    GetDocument,
    ListDocuments,
    ReindexDocument,
)
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration, TenantConfigured
from process import Life, run, wire
from rag_indexer.config import Settings
from rag_indexer.handlers import Handlers
from rag_indexer.indexing import Indexing
from rag_indexer.store import Store
from rag_indexer.word_pieces import WordPieces
from rag_indexer.worker import Worker

SERVICE = "rag-indexer"


async def start(settings: Settings, life: Life) -> None:
    """Wire everything, hear, answer, and let the workers work."""
    wiring = await wire(life, settings, SERVICE)
    store, blobs = Store(), Blobs.open(settings.blob_url)
    limits = settings.indexing_limits()
    indexing = Indexing(wiring.outbox, wiring.bus, blobs, store, WordPieces(), limits)
    worker = Worker(wiring.database, wiring.outbox, store, indexing, settings.worker_rule())
    handlers = Handlers(wiring.outbox, store, worker, file_bytes_max=settings.file_bytes_max)
    wiring.outbox.hear(TenantConfigured, handlers.tenant_configured)
    wiring.outbox.hear(DocumentUploaded, handlers.document_uploaded)
    wiring.outbox.hear(ReindexDocument, handlers.reindex_document)
    wiring.outbox.hear(DocumentRemoved, handlers.document_removed)
    wiring.outbox.hear(DocumentSearchable, handlers.document_searchable)
    wiring.bus.answer(GetDocument, handlers.get_document)
    wiring.bus.answer(ListDocuments, handlers.list_documents)
    await wiring.start(life)
    async with wiring.database.system() as tx:
        if not await store.knows_tenants(tx):
            question = RepeatConfiguration.make(tenant_id=PLATFORM, service=SERVICE)
            await wiring.outbox.say(tx, question)
    for number in range(settings.workers):
        life.background(f"worker-{number}", worker.work())


if __name__ == "__main__":
    run(SERVICE, Settings, start, migrations=["outbox", "rag_indexer"])
