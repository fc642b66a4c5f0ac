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
from process import Wiring
from rag_indexer.answering import Answering
from rag_indexer.config import Settings
from rag_indexer.document_views import DocumentViews
from rag_indexer.handlers import Handlers
from rag_indexer.indexing import Indexing
from rag_indexer.job_store import JobStore
from rag_indexer.store import Store
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


def compose(settings: Settings, wiring: Wiring, web: WebRequests) -> Parts:
    """Make the parts, and register what they hear and answer; nothing runs yet."""
    store, jobs, blobs = Store(), JobStore(), Blobs.open(settings.blob_url)
    limits = settings.indexing_limits()
    indexing = Indexing(wiring.outbox, wiring.bus, blobs, store, jobs, limits)
    rule = settings.worker_rule()
    worker = Worker(wiring.database, wiring.outbox, store, jobs, indexing, rule)
    handlers = Handlers(wiring.outbox, store, worker, file_bytes_max=settings.file_bytes_max)
    _hear(wiring, handlers, web)
    answering = Answering(wiring.database, DocumentViews())
    wiring.bus.answer(GetDocument, answering.get_document)
    wiring.bus.answer(ListDocuments, answering.list_documents)
    wiring.bus.answer(ListVersions, answering.list_versions)
    wiring.bus.answer(GetKnowledgeUse, answering.get_knowledge_use)
    return Parts(store, worker)


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
