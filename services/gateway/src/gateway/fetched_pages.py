"""Web pages that rag-indexer has read become documents here, and go when they are gone.

Commands may come twice or late: the newest word about a page holds, a drop holds for good, and so
does a deletion by a person.
"""

from pathlib import PurePosixPath

from contracts.v1.documents import DocumentRemoved
from contracts.v1.web_sources import DropPage, KeepPage
from gateway.document_words import one_line
from gateway.file_types import MEDIA_TYPES
from gateway.keeper import Keeper
from gateway.quotas import QuotaExceeded
from gateway.store import TenantStore
from gateway.upload_forms import safe_name
from gateway.upload_store import UploadStore
from gateway.uploads import Content, Wanted
from observe import get_logger
from outbox import Outbox
from postgres import Queries, Transaction

_log = get_logger("fetched_pages")


class FetchedPages:
    """Hears what rag-indexer says of pages."""

    def __init__(
        self, outbox: Outbox, uploads: UploadStore, keeper: Keeper, tenants: TenantStore
    ) -> None:
        self._outbox = outbox
        self._uploads = uploads
        self._keeper = keeper
        self._tenants = tenants
        self._queries = Queries("gateway", "queries_pages.sql")

    def listen(self) -> None:
        """Register the handlers."""
        self._outbox.hear(KeepPage, self.keep)
        self._outbox.hear(DropPage, self.drop)

    async def keep(self, command: KeepPage, tx: Transaction) -> None:
        """Make the page a document, or give its document new bytes."""
        tenant_id, document_id = command.tenant_id, command.document_id
        await self._uploads.lock(tx, tenant_id)
        if await self._tenants.find(tx, tenant_id) is None:
            _log.info("a page of a removed tenant", document_id=str(document_id))
            return
        is_news = await tx.fetchval(
            self._queries["note_kept_page"],
            tenant_id,
            document_id,
            command.source_id,
            command.occurred_at,
        )
        if not is_news:
            _log.info("an old word about a page", document_id=str(document_id))
            return
        there = await self._uploads.find_many(tx, tenant_id, [document_id])
        try:
            (change,) = await self._keeper.keep(tx, tenant_id, [_wanted(command, not there)])
        except QuotaExceeded as refusal:
            # The page's source shows that it was not taken, and offers it again.
            _log.warning("a page over the quota", url=command.url, reason=str(refusal))
            return
        _log.info("page", outcome=change.outcome, document_id=str(document_id))

    async def drop(self, command: DropPage, tx: Transaction) -> None:
        """Remove the page's document; a late `keep-page` does not bring it back."""
        tenant_id, document_id = command.tenant_id, command.document_id
        await self._uploads.lock(tx, tenant_id)
        if await self._tenants.find(tx, tenant_id) is None:
            return
        await tx.execute(self._queries["note_dropped_page"], tenant_id, document_id)
        if await self._uploads.remove(tx, tenant_id, document_id):
            removed = DocumentRemoved.after(command, document_id=document_id)
            await self._outbox.say(tx, removed)
        _log.info("page dropped", document_id=str(document_id), reason=command.reason)


def _wanted(command: KeepPage, is_new: bool) -> Wanted:
    """The source's tags are given to a new document only: later they are its tenant's."""
    file_name = safe_name(command.file_name)
    extension = PurePosixPath(file_name).suffix.lower().lstrip(".")
    declared = (command.declared_type or "").partition(";")[0].strip().lower()
    return Wanted(
        document_id=command.document_id,
        content=Content(
            sha256=command.sha256,
            size_bytes=command.size_bytes,
            file_name=file_name,
            media_type=MEDIA_TYPES.get(extension) or declared or "application/octet-stream",
            declared_type=command.declared_type,
            title=one_line(command.title) or command.url[:500],
            language=command.language,
        ),
        kind="web",
        source_url=command.url,
        changes={"tags": tuple(command.tags)} if is_new else {},
    )
