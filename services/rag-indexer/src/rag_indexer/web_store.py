"""Sources and their pages in Postgres: every method runs in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from contracts.v1.web_sources import WebPage, WebSource, WebSourceChoices
from postgres import Queries, Transaction
from rag_indexer.document_views import said_bytes
from rag_indexer.domain import BATCH_BYTES_MAX, cursor_of, fit_count, read_cursor
from rag_indexer.web_failures import SENTENCES
from rag_indexer.web_rules import PageState

TAKEN_WITHIN_SECONDS: Final = 600.0
"""After so long without its document a page was not taken."""


_PAGES_BYTES_MAX: Final = BATCH_BYTES_MAX // 2
"""The other half of the message is the source's own."""


class SourceLost(Exception):
    """The look is somebody else's, paused, or gone with its source: stop."""


@dataclass(frozen=True)
class Look:
    """A source that is looked at, under the lease `epoch`."""

    source_id: UUID
    tenant_id: UUID
    url: str
    source_kind: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    pages_max: int
    refresh_hours: int | None
    language: str | None
    tags: tuple[str, ...]
    look: int
    listed_look: int
    failures: int
    tries: int
    lease_epoch: int


@dataclass(frozen=True)
class Page:
    """What is known of a page from earlier looks."""

    url: str
    document_id: UUID
    life: int
    state: PageState
    missing: int
    etag: str | None
    last_modified: str | None
    content_sha256: str | None
    text_sha256: str | None
    was_not_taken: bool = False
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class LookCounts:
    """How a look went so far."""

    found: int
    fetched: int
    changed: int
    failed: int
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class UnlistedPage:
    """A page that is not listed any more."""

    url: str
    document_id: UUID
    is_document: bool
    state: PageState


class WebStore:
    """The statements of `queries_web.sql` with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer", "queries_web.sql")

    async def add_source(
        self,
        tx: Transaction,
        tenant_id: UUID,
        source_id: UUID,
        url: str,
        source_kind: str,
        choices: WebSourceChoices,
    ) -> UUID | None:
        """Keep it; the id under which it is kept, None if it is somebody else's."""
        await tx.fetchval(
            self._sql["add_source"],
            source_id,
            tenant_id,
            url,
            source_kind,
            *_chosen(choices),
        )
        found: UUID | None = await tx.fetchval(self._sql["find_source_of_url"], tenant_id, url)
        return found

    async def count_sources(self, tx: Transaction, tenant_id: UUID) -> int:
        """How many sources a tenant has; until the commit nobody else adds one."""
        await tx.execute(self._sql["lock_sources"], tenant_id)
        return int(await tx.fetchval(self._sql["count_sources"], tenant_id))

    async def has_url(self, tx: Transaction, tenant_id: UUID, url: str) -> bool:
        """Whether the tenant has a source of this address."""
        return await tx.fetchval(self._sql["find_source_of_url"], tenant_id, url) is not None

    async def find_source(
        self, tx: Transaction, tenant_id: UUID, source_id: UUID
    ) -> WebSource | None:
        """A source as the API shows it."""
        row = await tx.fetchrow(self._sql["find_source"], tenant_id, source_id)
        return _source(row) if row else None

    async def list_sources(
        self, tx: Transaction, tenant_id: UUID, cursor: str | None, limit: int
    ) -> tuple[list[WebSource], str | None]:
        """A page, the newest first, and where the next begins; raises `InvalidCursor`."""
        after = read_cursor(cursor) if cursor else (None, None)
        rows = await tx.fetch(self._sql["list_sources"], tenant_id, *after, limit + 1)
        sources = [_source(row) for row in rows[:limit]]
        sources = sources[: fit_count(said_bytes(one) for one in sources)]
        last = sources[-1] if len(rows) > len(sources) else None
        return sources, cursor_of(last.created_at, last.source_id) if last else None

    async def update_source(
        self, tx: Transaction, tenant_id: UUID, source_id: UUID, choices: WebSourceChoices
    ) -> bool:
        """Keep the choices; False when there is no such source."""
        arguments = _chosen(choices)
        return bool(await tx.fetchval(self._sql["update_source"], tenant_id, source_id, *arguments))

    async def refresh_source(self, tx: Transaction, tenant_id: UUID, source_id: UUID) -> bool:
        """It is looked at now; False when there is no such source."""
        return bool(await tx.fetchval(self._sql["refresh_source"], tenant_id, source_id))

    async def remove_source(
        self, tx: Transaction, tenant_id: UUID, source_id: UUID
    ) -> list[UUID] | None:
        """Take it away; the documents of its pages, None when there is no such source."""
        rows = await tx.fetch(self._sql["documents_of_source"], tenant_id, source_id)
        if not await tx.fetchval(self._sql["remove_source"], tenant_id, source_id):
            return None
        return [row["document_id"] for row in rows]

    async def remove_sources(self, tx: Transaction, tenant_id: UUID) -> None:
        """All of a tenant."""
        await tx.execute(self._sql["remove_sources"], tenant_id)

    async def exclude_page(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """Somebody deleted the document; True if it was a page's."""
        return bool(await tx.fetchval(self._sql["exclude_page"], tenant_id, document_id))

    async def list_pages(
        self, tx: Transaction, tenant_id: UUID, source_id: UUID, after: UUID | None, limit: int
    ) -> tuple[list[WebPage], UUID | None]:
        """A page of pages by address, and the document that ended it if there are more."""
        rows = await tx.fetch(
            self._sql["list_pages"], tenant_id, source_id, after, limit + 1, TAKEN_WITHIN_SECONDS
        )
        pages = [_page(row) for row in rows[:limit]]
        pages = pages[: fit_count((said_bytes(one) for one in pages), _PAGES_BYTES_MAX)]
        return pages, pages[-1].document_id if len(rows) > len(pages) else None

    async def claim(self, tx: Transaction, lease_seconds: float) -> Look | None:
        """The source that waits longest, now ours for a while; a try is counted."""
        row = await tx.fetchrow(self._sql["claim_source"], lease_seconds)
        if row is None:
            return None
        lists = {name: tuple(row[name]) for name in ("include", "exclude", "tags")}
        return Look(**{**dict(row), **lists})

    async def renew(self, tx: Transaction, look: Look, lease_seconds: float) -> bool:
        """Keep the lease; False when it is not ours any more."""
        args = look.source_id, look.lease_epoch, lease_seconds
        return bool(await tx.fetchval(self._sql["renew_source"], *args))

    async def hold(self, tx: Transaction, look: Look) -> None:
        """What this transaction writes is written under our lease; raises `SourceLost`."""
        held = await tx.fetchval(self._sql["hold_source"], look.source_id, look.lease_epoch)
        if not held:
            raise SourceLost(str(look.source_id))

    async def let_go(
        self, tx: Transaction, look: Look, delay_seconds: float, *, was_no_try: bool
    ) -> None:
        """Somebody goes on with the look after a while."""
        args = look.source_id, look.lease_epoch, delay_seconds, was_no_try
        await tx.execute(self._sql["yield_source"], *args)

    async def list_look(
        self,
        tx: Transaction,
        look: Look,
        pages: Sequence[tuple[str, UUID]],
        failure: tuple[str, str] | None,
    ) -> None:
        """What this look found, new pages with the document they would be; `failure` is why it may
        not be all."""
        await tx.execute(
            self._sql["list_look"],
            look.source_id,
            look.tenant_id,
            [url for url, _ in pages],
            [document_id for _, document_id in pages],
            look.look,
        )
        code, detail = failure or (None, None)
        await tx.execute(self._sql["show_listed"], look.source_id, len(pages), code, detail)

    async def take_unlisted(self, tx: Transaction, look: Look) -> list[UnlistedPage]:
        """Pages that this look did not list, gone from now on."""
        rows = await tx.fetch(self._sql["unlisted_pages"], look.source_id, look.look)
        pages = [UnlistedPage(**dict(row)) for row in rows]
        await tx.execute(self._sql["mark_gone"], look.source_id, [page.url for page in pages])
        return pages

    async def next_page(self, tx: Transaction, look: Look) -> Page | None:
        """The next page of this look that was not read yet."""
        row = await tx.fetchrow(
            self._sql["next_page"], look.source_id, look.look, TAKEN_WITHIN_SECONDS
        )
        return Page(**dict(row)) if row else None

    async def save_page(self, tx: Transaction, look: Look, page: Page, *, is_changed: bool) -> None:
        """What became of a page in this look, and the look's progress."""
        await tx.execute(
            self._sql["save_page"],
            look.source_id,
            page.url,
            page.document_id,
            page.life,
            page.state,
            page.code,
            page.detail,
            look.look,
            page.missing,
            page.etag,
            page.last_modified,
            page.content_sha256,
            page.text_sha256,
            is_changed,
        )
        failed = int(page.code is not None)
        await tx.execute(self._sql["count_page"], look.source_id, int(is_changed), failed)

    async def counts(self, tx: Transaction, look: Look) -> LookCounts:
        """How the look went so far."""
        row = await tx.fetchrow(self._sql["look_counts"], look.source_id)
        return LookCounts(**dict(row)) if row else LookCounts(0, 0, 0, 0)

    async def end_look(
        self,
        tx: Transaction,
        look: Look,
        code: str | None,
        detail: str | None,
        failures: int,
        next_seconds: float | None,
    ) -> None:
        """The look is over; raises `SourceLost` when it was not ours any more."""
        state = "idle" if code is None else "failing"
        args = state, code, detail, failures, next_seconds
        if not await tx.fetchval(self._sql["end_look"], look.source_id, look.lease_epoch, *args):
            raise SourceLost(str(look.source_id))

    async def take_host(self, tx: Transaction, host: str, hold_seconds: float) -> float | None:
        """None when the site is ours for now; else seconds to wait, 0 while another one has it."""
        if await tx.fetchval(self._sql["take_host"], host, hold_seconds):
            return None
        return float(await tx.fetchval(self._sql["host_wait"], host) or 0.0)

    async def free_host(self, tx: Transaction, host: str, pause_seconds: float) -> None:
        """The next request to it may come after a pause."""
        await tx.execute(self._sql["free_host"], host, pause_seconds)

    async def forget_hosts(self, tx: Transaction) -> None:
        """Sites that were not called for long."""
        await tx.execute(self._sql["forget_hosts"])


def _chosen(choices: WebSourceChoices) -> tuple[object, ...]:
    return (
        choices.name,
        choices.include,
        choices.exclude,
        choices.pages_max,
        choices.refresh_hours,
        choices.language,
        choices.tags,
        choices.paused,
    )


def _source(row: Any) -> WebSource:
    fields = dict(row)
    choices = {name: fields.pop(name) for name in WebSourceChoices.model_fields}
    if choices["paused"]:
        fields |= {"state": "paused", "next_look_at": None}
    return WebSource(choices=WebSourceChoices(**choices), **fields)


def _page(row: Any) -> WebPage:
    fields = dict(row)
    is_awaited, is_overdue = fields.pop("is_awaited"), fields.pop("is_overdue")
    if is_awaited:
        fields["state"] = "failed" if is_overdue else "waiting"
        if is_overdue:
            fields |= {"code": "not_taken", "detail": SENTENCES["not_taken"]}
    return WebPage(**fields)
