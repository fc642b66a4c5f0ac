"""What the indexer does when it hears or is asked something: writes jobs, tells their state."""

from bus import Refused
from contracts.v1.documents import (
    DocumentFound,
    DocumentRejected,
    DocumentRemoved,
    DocumentSearchable,
    DocumentsListed,
    DocumentUploaded,
    GetDocument,
    ListDocuments,
    ReindexDocument,
)
from contracts.v1.tenants import TenantConfigured
from observe import get_logger
from outbox import Outbox, RetryLater
from postgres import Transaction
from rag_indexer.domain import INTERNAL_ERROR, PERCENT, InvalidCursor
from rag_indexer.indexing import progressed
from rag_indexer.parsed import REASONS
from rag_indexer.store import Store
from rag_indexer.worker import Worker

log = get_logger(__name__)


class Handlers:
    """Load, decide, save and say; the work itself is the worker's."""

    def __init__(
        self, outbox: Outbox, store: Store, worker: Worker, *, file_bytes_max: int
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._worker = worker
        self._file_bytes_max = file_bytes_max

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """Keep how the tenant wants its documents split; a removed tenant's documents go."""
        await self._store.keep_tenant(tx, message)
        if message.state == "removed":
            await self._store.remove_tenant(tx, message.tenant_id)

    async def document_uploaded(self, message: DocumentUploaded, tx: Transaction) -> None:
        """Queue the first version, once."""
        key = message.document_id, 1
        if await self._store.lock_document(tx, message.tenant_id, message.document_id):
            log.info("upload_of_removed_document", document_id=str(message.document_id))
            return
        if not await self._store.add_document(tx, message):
            return
        if message.size_bytes > self._file_bytes_max:
            code, detail = "too_large", REASONS["too_large"]
            await self._store.fail(tx, message.tenant_id, key, code, detail)
            rejected = DocumentRejected.after(
                message, document_id=key[0], document_version=1, code=code, detail=detail
            )
            await self._outbox.say(tx, rejected)
            return
        await self._outbox.say(tx, progressed(message.tenant_id, *key, "queued", PERCENT["queued"]))
        tx.after_commit.append(self._worker.wake)

    async def reindex_document(self, message: ReindexDocument, tx: Transaction) -> None:
        """Queue the next version; the one that answers goes on answering."""
        if await self._store.lock_document(tx, message.tenant_id, message.document_id):
            return
        version = await self._store.add_version(tx, message.tenant_id, message.document_id)
        if version is None:
            raise RetryLater("a document that was not heard of yet")
        await self._outbox.say(
            tx,
            progressed(
                message.tenant_id, message.document_id, version, "queued", PERCENT["queued"]
            ),
        )
        tx.after_commit.append(self._worker.wake)

    async def document_removed(self, message: DocumentRemoved, tx: Transaction) -> None:
        """The document, its jobs and passages go; a worker that has it in hand stops."""
        await self._store.lock_document(tx, message.tenant_id, message.document_id)
        await self._store.remove_document(tx, message.tenant_id, message.document_id)

    async def document_searchable(self, message: DocumentSearchable, tx: Transaction) -> None:
        """Ready is what the index counted, and only if it is what was said."""
        tenant_id, key = message.tenant_id, (message.document_id, message.document_version)
        if await self._store.lock_document(tx, tenant_id, message.document_id):
            return
        expected = await self._store.expected_passages(tx, tenant_id, key)
        if expected is None:
            log.info("searchable_but_unknown", document_id=str(message.document_id))
            return
        if expected != message.passages:
            await self._store.fail(tx, tenant_id, key, "internal_error", INTERNAL_ERROR)
            log.error("index_counts_otherwise", expected=expected, passages=message.passages)
            return
        if await self._store.finish(tx, tenant_id, key, message.passages):
            await self._outbox.say(tx, progressed(tenant_id, *key, "ready", PERCENT["ready"]))

    async def get_document(self, request: GetDocument) -> DocumentFound:
        """One document, or refused with `not_found`."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            found = await self._store.find_document(tx, request.tenant_id, request.document_id)
        if found is None:
            raise Refused("not_found", "There is no such document.")
        return DocumentFound(document=found)

    async def list_documents(self, request: ListDocuments) -> DocumentsListed:
        """A page of documents, or refused with `invalid_cursor`."""
        try:
            async with self._outbox.transaction(request.tenant_id) as tx:
                documents, cursor = await self._store.list_documents(
                    tx, request.tenant_id, request.stage, request.cursor, request.limit
                )
        except InvalidCursor as damage:
            raise Refused("invalid_cursor", "The cursor was not given by this list.") from damage
        return DocumentsListed(documents=documents, next_cursor=cursor)
