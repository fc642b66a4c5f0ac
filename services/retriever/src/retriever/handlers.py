"""What the retriever does when it hears or is asked something."""

from bus import Bus, Refused
from contracts.v1.documents import (
    DocumentConfigured,
    DocumentForgotten,
    DocumentRemoved,
    DocumentRolledBack,
    DocumentSearchable,
    ForgetDocument,
    ListPassages,
    PassagesEmbedded,
    PassagesListed,
    RollbackDocument,
)
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from contracts.v1.tenants import TenantConfigured
from observe import get_logger
from outbox import Outbox
from postgres import Transaction
from retriever.cleaning import Cleaner
from retriever.found import answer_of
from retriever.index_types import TenantSearch
from retriever.metrics import SWITCHED
from retriever.search import Search
from retriever.search_plan import Wish
from retriever.store import Store

_BATCHES_MERGED = 8
_BATCHES_AT_ONCE = 4
_SEARCHES_AT_ONCE = 32

log = get_logger(__name__)


class Handlers:
    """Load, decide, save and say."""

    def __init__(self, outbox: Outbox, store: Store, search: Search, cleaner: Cleaner) -> None:
        self._outbox = outbox
        self._store = store
        self._search = search
        self._cleaner = cleaner

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """Keep how it wants to be searched; a removed tenant's documents go."""
        settings = message.settings
        search = TenantSearch(
            keyword_weight=settings.keyword_weight,
            vector_weight=settings.vector_weight,
            fusion=settings.fusion,
            reranker=settings.reranker,
            expansion=settings.expansion,
            minimum_similarity=settings.minimum_similarity,
            multi_query=settings.multi_query,
        )
        await self._store.keep_tenant(tx, message.tenant_id, message.revision, search)
        if message.state == "removed":
            await self._store.forget_tenant(tx, message.tenant_id)
            tx.after_commit.append(self._cleaner.wake)

    async def passages_embedded(self, message: PassagesEmbedded, tx: Transaction) -> None:
        """Store the batch aside; the one that completes the version makes it answer."""
        tenant_id, document_id = message.tenant_id, message.document_id
        document = await self._store.lock_document(tx, tenant_id, document_id)
        if document.removed:
            log.info("batch_of_removed_document", document_id=str(document_id))
            return
        live = await self._store.live_version(tx, tenant_id, document_id)
        if live is not None and live.document_version == message.document_version:
            await self._say_searchable(tx, message, live.passages)
            return
        answering = live.document_version if live else 0
        if message.document_version <= max(document.newest_version, answering):
            return
        version_id = await self._store.store_batch(tx, message)
        if version_id is None:
            return
        batches, passages = await self._store.count_stored(tx, tenant_id, version_id)
        if batches < message.batches or passages != message.passages_total:
            if batches % _BATCHES_MERGED == 0:
                tx.after_commit.append(self._cleaner.wake)
            return
        await self._store.switch(tx, tenant_id, document_id, message.document_version, version_id)
        await self._say_searchable(tx, message, passages)
        tx.after_commit.append(self._cleaner.wake)
        SWITCHED.inc()

    async def _say_searchable(
        self, tx: Transaction, batch: PassagesEmbedded, passages: int
    ) -> None:
        await self._outbox.say(
            tx,
            DocumentSearchable.after(
                batch,
                document_id=batch.document_id,
                document_version=batch.document_version,
                passages=passages,
            ),
        )

    async def document_removed(self, message: DocumentRemoved, tx: Transaction) -> None:
        """From the commit on no search sees it, and no late batch brings it back."""
        await self._store.remove_document(tx, message.tenant_id, message.document_id)
        tx.after_commit.append(self._cleaner.wake)

    async def forget_document(self, request: ForgetDocument) -> DocumentForgotten:
        """The same, for somebody who waits until it is done."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            passages = await self._store.remove_document(tx, request.tenant_id, request.document_id)
            tx.after_commit.append(self._cleaner.wake)
        return DocumentForgotten(passages=passages)

    async def document_configured(self, message: DocumentConfigured, tx: Transaction) -> None:
        """Searches that begin from the commit on follow what the tenant chose for it."""
        await self._store.keep_properties(tx, message)

    async def rollback_document(self, request: RollbackDocument) -> DocumentRolledBack:
        """Bring a kept version back; refused with `not_found` or `not_kept`."""
        tenant_id, document_id = request.tenant_id, request.document_id
        async with self._outbox.transaction(tenant_id) as tx:
            if not await self._store.is_document_known(tx, tenant_id, document_id):
                raise Refused("not_found", "There is no such document in the index.")
            await self._store.lock_document(tx, tenant_id, document_id)
            wanted = request.document_version
            live = await self._store.live_version(tx, tenant_id, document_id)
            if live is not None and live.document_version == wanted:
                return DocumentRolledBack(
                    document_version=live.document_version, passages=live.passages
                )
            kept = await self._store.find_kept(tx, tenant_id, document_id, wanted)
            if kept is None:
                raise Refused("not_kept", "That version is not kept any more.")
            await self._store.bring_back(tx, tenant_id, document_id, kept)
            await self._outbox.say(
                tx,
                DocumentSearchable.after(
                    request,
                    document_id=document_id,
                    document_version=kept.document_version,
                    passages=kept.passages,
                ),
            )
        SWITCHED.inc()
        return DocumentRolledBack(document_version=kept.document_version, passages=kept.passages)

    async def list_passages(self, request: ListPassages) -> PassagesListed:
        """A page of what of a document can be found; refused with `not_found`."""
        tenant_id, document_id = request.tenant_id, request.document_id
        async with self._outbox.transaction(tenant_id) as tx:
            live = await self._store.live_version(tx, tenant_id, document_id)
            if live is None:
                if not await self._store.is_document_known(tx, tenant_id, document_id):
                    raise Refused("not_found", "There is no such document in the index.")
                return PassagesListed(document_version=0, passages=[], next_ordinal=None)
            passages = await self._store.list_passages(
                tx, tenant_id, live.version_id, request.from_ordinal, request.limit
            )
        following = passages[-1].ordinal + 1 if passages else live.passages
        return PassagesListed(
            document_version=live.document_version,
            passages=passages,
            next_ordinal=following if following < live.passages else None,
        )

    async def search_knowledge(self, request: SearchKnowledge) -> KnowledgeFound:
        """The best passages, or why there are none."""
        wish = Wish(
            question=request.query,
            limit=request.limit,
            only=request.filter,
            tuning=request.tuning,
            explain=bool(request.explain),
        )
        outcome = await self._search.find(request.correlation_id, request.tenant_id, wish)
        return answer_of(outcome)


def listen(outbox: Outbox, bus: Bus, handlers: Handlers) -> None:
    """Register everything that this service hears and answers."""
    outbox.hear(TenantConfigured, handlers.tenant_configured)
    outbox.hear(PassagesEmbedded, handlers.passages_embedded, prefetch=_BATCHES_AT_ONCE)
    outbox.hear(DocumentConfigured, handlers.document_configured)
    outbox.hear(DocumentRemoved, handlers.document_removed)
    bus.answer(ForgetDocument, handlers.forget_document)
    bus.answer(RollbackDocument, handlers.rollback_document)
    bus.answer(ListPassages, handlers.list_passages)
    bus.answer(SearchKnowledge, handlers.search_knowledge, prefetch=_SEARCHES_AT_ONCE)
