"""What the indexer does when it hears something: writes jobs and versions, says their state."""

from collections.abc import Callable, Sequence
from uuid import UUID

from contracts.v1.documents import (
    DocumentConfigured,
    DocumentProgressed,
    DocumentRejected,
    DocumentRemoved,
    DocumentReplaced,
    DocumentSearchable,
    DocumentUploaded,
    ReindexDocument,
    ReindexTenant,
)
from contracts.v1.tenants import TenantConfigured
from observe import get_logger
from outbox import Outbox, RetryLater
from postgres import Transaction
from rag_indexer.chunk_rules import SplitSettings
from rag_indexer.domain import (
    INTERNAL_ERROR,
    PERCENT,
    TenantChoice,
    is_shown,
    reindex_reason,
)
from rag_indexer.parsed import REASONS
from rag_indexer.progress import progressed
from rag_indexer.store import Confirmed, SaidVersion, Store

log = get_logger(__name__)


class Handlers:
    """Load, decide, save and say; the work itself is the worker's."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        wake_worker: Callable[[], None],
        wake_reindexer: Callable[[], None],
        *,
        file_bytes_max: int,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._wake_worker = wake_worker
        self._wake_reindexer = wake_reindexer
        self._file_bytes_max = file_bytes_max

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """Keep the settings; other vectors or passages than before mean that all is redone."""
        before, newer = await self._store.keep_tenant(tx, message)
        if message.state == "removed":
            await self._store.remove_tenant(tx, message.tenant_id)
            return
        settings = message.settings
        now = TenantChoice(
            split=SplitSettings(
                settings.chunk_tokens, settings.chunk_overlap_tokens, settings.chunking
            ),
            embedding_model=settings.embedding_model,
        )
        reason = reindex_reason(before, now) if newer else None
        if reason is not None:
            await self._store.request_reindexing(tx, message.tenant_id, reason)
            log.info("tenant_is_reindexed", tenant_id=str(message.tenant_id), reason=reason)
            tx.after_commit.append(self._wake_reindexer)

    async def documents_uploaded(
        self, messages: Sequence[DocumentUploaded], tx: Transaction
    ) -> None:
        """Queue the first version of each, once."""
        uploads = {one.document_id: one for one in messages}
        for removed in await self._store.lock_documents(tx, uploads):
            log.info("upload_of_removed_document", document_id=str(removed))
            del uploads[removed]
        added = await self._store.add_documents(tx, list(uploads.values()))
        said: list[DocumentProgressed | DocumentRejected] = []
        for document_id in added:
            upload = uploads[document_id]
            if upload.size_bytes > self._file_bytes_max:
                said.append(await self._reject_size(tx, upload, 1))
            else:
                said.append(progressed(upload.tenant_id, document_id, 1, "queued", 0))
        await self._outbox.say(tx, *said)
        tx.after_commit.append(self._wake_worker)

    async def document_replaced(self, message: DocumentReplaced, tx: Transaction) -> None:
        """Queue a version of the new bytes; the one that answers goes on answering."""
        if await self._store.lock_document(tx, message.document_id):
            return
        if await self._store.latest_job(tx, message.tenant_id, message.document_id) is None:
            raise RetryLater("a document that was not heard of yet")
        if not await self._store.replace_bytes(tx, message):
            log.info("replacement_came_late", document_id=str(message.document_id))
            return
        version = await self._begin_version(tx, message.tenant_id, message.document_id)
        if message.size_bytes > self._file_bytes_max:
            await self._outbox.say(tx, await self._reject_size(tx, message, version))

    async def documents_configured(
        self, messages: Sequence[DocumentConfigured], tx: Transaction
    ) -> None:
        """Keep what was chosen; another chunking than it was split by means a new version."""
        newest = {one.document_id: one for one in sorted(messages, key=lambda one: one.revision)}
        for removed in await self._store.lock_documents(tx, newest):
            del newest[removed]
        changed = await self._store.keep_properties(tx, list(newest.values()))
        for document_id in changed:
            await self._split_anew(tx, newest[document_id].tenant_id, document_id)

    async def _split_anew(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> None:
        """Unless it is not split yet, or was split so."""
        latest = await self._store.latest_job(tx, tenant_id, document_id)
        if latest is None or not latest.is_read or latest.embedding_model is None:
            return
        choices = await self._store.choices(tx, tenant_id, [document_id])
        if latest.chunking != choices[document_id].rule(latest.embedding_model):
            await self._begin_version(tx, tenant_id, document_id)

    async def reindex_document(self, message: ReindexDocument, tx: Transaction) -> None:
        """Queue the next version; the one that answers goes on answering."""
        if await self._store.lock_document(tx, message.document_id):
            return
        if await self._store.latest_job(tx, message.tenant_id, message.document_id) is None:
            raise RetryLater("a document that was not heard of yet")
        await self._begin_version(tx, message.tenant_id, message.document_id)

    async def reindex_tenant(self, message: ReindexTenant, tx: Transaction) -> None:
        """Have all documents redone, a few at a time."""
        await self._store.request_reindexing(tx, message.tenant_id, message.reason)
        tx.after_commit.append(self._wake_reindexer)

    async def document_removed(self, message: DocumentRemoved, tx: Transaction) -> None:
        """The document, its jobs and passages go; a worker that has it in hand stops."""
        await self._store.lock_document(tx, message.document_id)
        await self._store.remove_document(tx, message.tenant_id, message.document_id)

    async def documents_searchable(
        self, messages: Sequence[DocumentSearchable], tx: Transaction
    ) -> None:
        """Ready is what the index counted, and only if it is what was said.

        The index says an older version again when somebody rolled back: it is followed.
        """
        waiting = sorted(messages, key=lambda one: one.occurred_at)
        removed = await self._store.lock_documents(tx, {one.document_id for one in waiting})
        waiting = [one for one in waiting if one.document_id not in removed]
        while waiting:
            now = {one.document_id: one for one in reversed(waiting)}
            await self._confirm(tx, list(now.values()))
            waiting = [one for one in waiting if one is not now[one.document_id]]

    async def _confirm(self, tx: Transaction, messages: Sequence[DocumentSearchable]) -> None:
        """At most one message a document."""
        said = await self._store.said_versions(tx, messages)
        confirmed: list[Confirmed] = []
        for message in messages:
            version = said.get((message.document_id, message.document_version))
            if version is None or version.passages_total is None:
                log.info("searchable_but_unknown", document_id=str(message.document_id))
            elif version.passages_total != message.passages:
                await self._miscounted(tx, message, version.passages_total)
            else:
                confirmed.append(_confirmed(message, version))
        await self._store.finish(tx, confirmed)
        rolled_back = [
            _key(one)
            for one in confirmed
            if one.shown and one.message.document_version != said[_key(one)].latest_version
        ]
        if rolled_back:
            await self._store.describe(tx, rolled_back)
        await self._outbox.say(
            tx,
            *(
                progressed(one.message.tenant_id, *_key(one), "ready", PERCENT["ready"])
                for one in confirmed
                if one.shown
            ),
        )

    async def _miscounted(
        self, tx: Transaction, message: DocumentSearchable, expected: int
    ) -> None:
        log.error("index_counts_otherwise", expected=expected, passages=message.passages)
        key = message.document_id, message.document_version
        await self._store.fail(tx, message.tenant_id, key, "internal_error", INTERNAL_ERROR)

    async def _begin_version(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> int:
        version = await self._store.add_version(tx, tenant_id, document_id)
        if version is None:
            raise RetryLater("a document that is gone")
        await self._outbox.say(
            tx, progressed(tenant_id, document_id, version, "queued", PERCENT["queued"])
        )
        tx.after_commit.append(self._wake_worker)
        return version

    async def _reject_size(
        self, tx: Transaction, message: DocumentUploaded | DocumentReplaced, version: int
    ) -> DocumentRejected:
        key = message.document_id, version
        code, detail = "too_large", REASONS["too_large"]
        await self._store.fail(tx, message.tenant_id, key, code, detail)
        return DocumentRejected.after(
            message, document_id=key[0], document_version=version, code=code, detail=detail
        )


def _confirmed(message: DocumentSearchable, said: SaidVersion) -> Confirmed:
    """An older word of the index about which version answers changes nothing."""
    live = said.live_at is None or said.live_at <= message.occurred_at
    shown = live and is_shown(
        message.document_version,
        was_done=said.state == "done",
        live_version=said.live_version,
        latest_version=said.latest_version,
        latest_state=said.latest_state,
    )
    return Confirmed(message, live, shown)


def _key(confirmed: Confirmed) -> tuple[UUID, int]:
    return confirmed.message.document_id, confirmed.message.document_version
