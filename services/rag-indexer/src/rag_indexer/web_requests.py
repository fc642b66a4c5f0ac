"""What is asked and said about web sources: they are kept, shown, and taken away."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

from bus import Bus, Refused
from contracts.message import Message
from contracts.v1.documents import DocumentRemoved
from contracts.v1.tenants import TenantConfigured
from contracts.v1.web_sources import (
    CreateWebSource,
    GetWebSource,
    ListWebSources,
    RefreshWebSource,
    RemoveWebSource,
    UpdateWebSource,
    WebSourceFound,
    WebSourceRemoved,
    WebSourcesListed,
)
from egress import EgressPolicy, InvalidUrl
from observe import get_logger
from outbox import Outbox
from postgres import Transaction
from rag_indexer.domain import InvalidCursor
from rag_indexer.web_looks import drop_page
from rag_indexer.web_store import WebStore
from rag_indexer.web_worker import WebWorker

SOURCES_MAX: Final = 200
Heard = TypeVar("Heard", bound=Message)
Handler = Callable[[Heard, Transaction], Awaitable[None]]
_PAGES_SHOWN: Final = 50

log = get_logger(__name__)


class WebRequests:
    """Load, decide, save and say; the looking itself is the worker's."""

    def __init__(
        self, outbox: Outbox, store: WebStore, worker: WebWorker, policy: EgressPolicy
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._worker = worker
        self._policy = policy

    def register(self, bus: Bus) -> None:
        """Answer what is asked."""
        bus.answer(CreateWebSource, self.create)
        bus.answer(UpdateWebSource, self.update)
        bus.answer(GetWebSource, self.get)
        bus.answer(ListWebSources, self.list)
        bus.answer(RefreshWebSource, self.refresh)
        bus.answer(RemoveWebSource, self.remove)

    async def create(self, request: CreateWebSource) -> WebSourceFound:
        """Keep a source; the same address again is the source that is there already."""
        try:
            url = self._policy.check_url(request.url).with_fragment(None)
        except InvalidUrl as error:
            raise Refused("invalid_url", f"The address cannot be read: {error}.") from None
        choices = request.choices
        if not choices.name:
            choices = choices.model_copy(update={"name": (url.host or "")[:512]})
        async with self._outbox.transaction(request.tenant_id) as tx:
            count = await self._store.count_sources(tx, request.tenant_id)
            is_new = not await self._store.has_url(tx, request.tenant_id, str(url))
            if is_new and count >= SOURCES_MAX:
                raise Refused("quota_exceeded", f"{SOURCES_MAX} web sources are the most.")
            source_id = await self._store.add_source(
                tx, request.tenant_id, request.source_id, str(url), request.source_kind, choices
            )
            if source_id is None:
                raise Refused("conflict", "This id is of another source.")
            tx.after_commit.append(self._worker.wake)
            return await self._found(tx, request.model_copy(update={"source_id": source_id}))

    async def update(self, request: UpdateWebSource) -> WebSourceFound:
        """Choose otherwise."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            await self._store.update_source(
                tx, request.tenant_id, request.source_id, request.choices
            )
            tx.after_commit.append(self._worker.wake)
            return await self._found(tx, request)

    async def get(self, request: GetWebSource) -> WebSourceFound:
        """One source and a page of its pages."""
        after = _read_cursor(request.cursor)
        async with self._outbox.transaction(request.tenant_id) as tx:
            return await self._found(tx, request, after, request.limit)

    async def list(self, request: ListWebSources) -> WebSourcesListed:
        """A page of sources."""
        try:
            async with self._outbox.transaction(request.tenant_id) as tx:
                sources, cursor = await self._store.list_sources(
                    tx, request.tenant_id, request.cursor, request.limit
                )
        except InvalidCursor as damage:
            raise Refused("invalid_cursor", "The cursor was not given by this list.") from damage
        return WebSourcesListed(sources=sources, next_cursor=cursor)

    async def refresh(self, request: RefreshWebSource) -> WebSourceFound:
        """Look now."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            await self._store.refresh_source(tx, request.tenant_id, request.source_id)
            tx.after_commit.append(self._worker.wake)
            return await self._found(tx, request)

    async def remove(self, request: RemoveWebSource) -> WebSourceRemoved:
        """Forget a source; the documents of its pages go."""
        async with self._outbox.transaction(request.tenant_id) as tx:
            documents = await self._store.remove_source(tx, request.tenant_id, request.source_id)
            if documents is None:
                raise _not_found()
            drops = (drop_page(request.tenant_id, each, "source_removed") for each in documents)
            await self._outbox.say(tx, *drops)
        return WebSourceRemoved(pages=len(documents))

    async def document_removed(self, message: DocumentRemoved, tx: Transaction) -> None:
        """A page whose document a person deleted is not read any more."""
        if await self._store.exclude_page(tx, message.tenant_id, message.document_id):
            log.info("page_excluded", document_id=str(message.document_id))

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """The sources of a removed tenant go."""
        if message.state == "removed":
            await self._store.remove_sources(tx, message.tenant_id)

    async def _found(
        self,
        tx: Transaction,
        request: CreateWebSource | UpdateWebSource | GetWebSource | RefreshWebSource,
        after: UUID | None = None,
        limit: int = _PAGES_SHOWN,
    ) -> WebSourceFound:
        source = await self._store.find_source(tx, request.tenant_id, request.source_id)
        if source is None:
            raise _not_found()
        pages, last = await self._store.list_pages(
            tx, request.tenant_id, request.source_id, after, limit
        )
        return WebSourceFound(source=source, pages=pages, next_cursor=str(last) if last else None)


def both(first: Handler[Heard], second: Handler[Heard]) -> Handler[Heard]:
    """Documents and web sources hear some of the same messages."""

    async def handler(message: Heard, tx: Transaction) -> None:
        await first(message, tx)
        await second(message, tx)

    return handler


def _not_found() -> Refused:
    return Refused("not_found", "There is no such web source.")


def _read_cursor(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError as damage:
        raise Refused("invalid_cursor", "The cursor was not given by this list.") from damage
