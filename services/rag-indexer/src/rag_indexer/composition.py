"""The parts of the indexer, and what each of them is given."""

from dataclasses import dataclass

from blobs import Blobs
from contracts.v1.documents import (
    DocumentConfigured,
    DocumentRemoved,
    DocumentReplaced,
    DocumentSearchable,
    DocumentUploaded,
    GetDocument,
    GetKnowledgeUse,
    ListDocuments,
    ListVersions,
    ReindexDocument,
    ReindexTenant,
)
from contracts.v1.tenants import TenantConfigured
from process import Life, Wiring
from rag_indexer.answering import Answering
from rag_indexer.config import Settings
from rag_indexer.document_views import DocumentViews
from rag_indexer.embedding import Embedding
from rag_indexer.handlers import Handlers
from rag_indexer.indexing import Indexing
from rag_indexer.job_store import JobStore
from rag_indexer.reading import Reader
from rag_indexer.reconciler import Reconciler
from rag_indexer.records import Records
from rag_indexer.reindexing import Reindexer
from rag_indexer.repair_store import RepairStore
from rag_indexer.store import Store
from rag_indexer.vector_store import VectorStore
from rag_indexer.web_requests import WebRequests, both
from rag_indexer.worker import Worker

SERVICE = "rag-indexer"
_LINGER_SECONDS = 0.01
"""How long the first of many waits for company: fewer commits, and nobody notices."""


@dataclass(frozen=True)
class Parts:
    """What runs for the life of the process."""

    store: Store
    worker: Worker
    reindexer: Reindexer
    reconciler: Reconciler

    def start(self, life: Life, workers: int) -> None:
        """Let them work until the process ends."""
        for number in range(workers):
            life.background(f"worker-{number}", self.worker.work())
        life.background("reindexer", self.reindexer.work())
        life.background("reconciler", self.reconciler.work())


def compose(settings: Settings, wiring: Wiring, web: WebRequests) -> Parts:
    """Make the parts, and register what they hear and answer; nothing runs yet."""
    database, outbox = wiring.database, wiring.outbox
    store, jobs, repairs, vectors = Store(), JobStore(), RepairStore(), VectorStore()
    embedding = Embedding(wiring.bus, database, vectors, settings.embedding_rule())
    reader = Reader(Blobs.open(settings.blob_url), settings.parser_limits(), settings.parsers)
    limits = settings.indexing_limits()
    indexing = Indexing(outbox, store, jobs, reader, embedding, limits)
    records = Records(outbox, store, jobs, reader, embedding, limits)
    rule = settings.worker_rule()
    worker = Worker(database, outbox, store, jobs, indexing, records, embedding, rule)
    reindexer = Reindexer(
        database, outbox, store, repairs, embedding, settings.reindex_rule(), worker.wake
    )
    reconciler = Reconciler(
        database, outbox, store, repairs, vectors, settings.repair_rule(), worker.wake
    )
    handlers = Handlers(
        outbox, store, worker.wake, reindexer.wake, file_bytes_max=settings.file_bytes_max
    )
    _hear(wiring, handlers, web)
    answering = Answering(wiring.database, DocumentViews(settings.kept_days))
    wiring.bus.answer(GetDocument, answering.get_document)
    wiring.bus.answer(ListDocuments, answering.list_documents)
    wiring.bus.answer(ListVersions, answering.list_versions)
    wiring.bus.answer(GetKnowledgeUse, answering.get_knowledge_use)
    return Parts(store, worker, reindexer, reconciler)


def _hear(wiring: Wiring, handlers: Handlers, web: WebRequests) -> None:
    outbox = wiring.outbox
    outbox.hear(TenantConfigured, both(handlers.tenant_configured, web.tenant_configured))
    outbox.hear_batch(DocumentUploaded, handlers.documents_uploaded, linger_seconds=_LINGER_SECONDS)
    outbox.hear_batch(
        DocumentConfigured, handlers.documents_configured, linger_seconds=_LINGER_SECONDS
    )
    outbox.hear_batch(
        DocumentSearchable, handlers.documents_searchable, linger_seconds=_LINGER_SECONDS
    )
    outbox.hear(DocumentReplaced, handlers.document_replaced)
    outbox.hear(ReindexDocument, handlers.reindex_document)
    outbox.hear(ReindexTenant, handlers.reindex_tenant)
    outbox.hear(DocumentRemoved, both(handlers.document_removed, web.document_removed))
