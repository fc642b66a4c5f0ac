"""One look at a source: which pages it has, what became of each, and how it went."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from blobs import Blobs
from contracts.v1.web_sources import DropPage, KeepPage
from egress import Fetched, Validators
from observe import afailpoint, get_logger
from outbox import Outbox
from postgres import Transaction
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file
from rag_indexer.sitemaps import Listing, SitemapReader
from rag_indexer.web_failures import MISSING, OF_THE_SITE, WebFailure
from rag_indexer.web_reading import WebReader
from rag_indexer.web_rules import (
    MISSING_LOOKS,
    SITE_FAILURES_MAX,
    PageState,
    file_name_of,
    in_utf8,
    next_look_seconds,
    one_line,
    page_document_id,
)
from rag_indexer.web_store import Look, Page, WebStore

TRIES_MAX: Final = 5
_SHORT: Final = 512

log = get_logger(__name__)


class _TurnOver(Exception):
    """Others wait; the look goes on later."""


@dataclass(frozen=True)
class _Outcome:
    """A page as it is now, and what is to be said of it."""

    page: Page
    said: KeepPage | DropPage | None = None
    failure: WebFailure | None = None


class Looks:
    """Lists, reads and says; every page is committed before the next one."""

    def __init__(
        self,
        outbox: Outbox,
        blobs: Blobs,
        store: WebStore,
        reader: WebReader,
        limits: ParserLimits,
    ) -> None:
        self._outbox = outbox
        self._blobs = blobs
        self._store = store
        self._reader = reader
        self._sitemaps = SitemapReader(reader, limits)
        self._limits = limits

    async def run(self, look: Look, slice_seconds: float) -> str:
        """For so long, or to its end: `done` or `yielded`. Raises `SourceLost`, `SiteBusy` …"""
        deadline = asyncio.get_running_loop().time() + slice_seconds
        failure: WebFailure | None = None
        try:
            if look.tries > TRIES_MAX:
                raise WebFailure("internal_error")
            if look.listed_look < look.look:
                await self._list(look)
            failure = await self._read_pages(look, deadline)
        except WebFailure as error:
            await self._end(look, error)
            return "done"
        except _TurnOver:
            return "yielded"
        await self._end(look, failure)
        return "done"

    async def _list(self, look: Look) -> None:
        if look.source_kind == "page":
            listing = Listing([look.url], None)
        else:
            listing = await self._sitemaps.list_pages(look)
        pages = [(url, page_document_id(look.source_id, url, 0)) for url in listing.addresses]
        failure = listing.failure
        async with self._outbox.transaction(look.tenant_id) as tx:
            await self._store.hold(tx, look)
            await self._store.list_look(
                tx, look, pages, (failure.code, failure.sentence) if failure else None
            )
            if failure is None:
                await self._drop_unlisted(tx, look)

    async def _drop_unlisted(self, tx: Transaction, look: Look) -> None:
        unlisted = await self._store.take_unlisted(tx, look)
        gone = [page.document_id for page in unlisted if page.is_document]
        drops = (drop_page(look.tenant_id, document_id, "unlisted") for document_id in gone)
        await self._outbox.say(tx, *drops)

    async def _read_pages(self, look: Look, deadline: float) -> WebFailure | None:
        """Until none is left; the last failure. Raises `_TurnOver` when others have their turn,
        and the site's own failure when it fails page after page."""
        last: WebFailure | None = None
        in_a_row = 0
        while True:
            async with self._outbox.transaction(look.tenant_id) as tx:
                page = await self._store.next_page(tx, look)
            if page is None:
                return last
            outcome = await self._outcome(look, page)
            await self._save(look, outcome)
            last = outcome.failure or last
            in_a_row = in_a_row + 1 if _is_of_the_site(outcome.failure) else 0
            if outcome.failure is not None and in_a_row >= SITE_FAILURES_MAX:
                raise outcome.failure
            if asyncio.get_running_loop().time() > deadline:
                raise _TurnOver

    async def _save(self, look: Look, outcome: _Outcome) -> None:
        is_changed = isinstance(outcome.said, KeepPage)
        async with self._outbox.transaction(look.tenant_id) as tx:
            await self._store.hold(tx, look)
            if outcome.said is not None:
                await self._outbox.say(tx, outcome.said)
            await self._store.save_page(tx, look, outcome.page, is_changed=is_changed)
        await afailpoint("rag-indexer.after_page")

    async def _outcome(self, look: Look, page: Page) -> _Outcome:
        try:
            return await self._look_at(look, page)
        except WebFailure as failure:
            log.info("page_not_read", url=page.url, code=failure.code, reason=failure.detail)
            return _failed(look, page, failure)

    async def _look_at(self, look: Look, page: Page) -> _Outcome:
        """What counts is whether the words are new: sites send other bytes each time."""
        is_there = page.content_sha256 is not None and not page.was_not_taken
        known = Validators(page.etag, page.last_modified) if is_there else None
        fetched = await self._reader.read_page(page.url, known)
        seen = replace(page, code=None, detail=None, missing=0)
        if fetched.status != 200:
            return _Outcome(replace(seen, state="kept"))
        seen = replace(
            seen,
            etag=fetched.validators.etag,
            last_modified=fetched.validators.last_modified,
        )
        content = await asyncio.to_thread(in_utf8, fetched.content, fetched.content_type)
        sha256 = await asyncio.to_thread(_sha256, content)
        if is_there and sha256 == page.content_sha256:
            return _Outcome(replace(seen, state="kept"))
        name = file_name_of(fetched.url, fetched.content_type)
        document = await self._parsed(content, name)
        words = await asyncio.to_thread(_sha256, " ".join(document.text.split()).encode())
        seen = replace(seen, state="kept", content_sha256=sha256, text_sha256=words)
        if is_there and words == page.text_sha256:
            return _Outcome(seen)
        if page.state == "gone":
            life = page.life + 1
            document_id = page_document_id(look.source_id, page.url, life)
            seen = replace(seen, life=life, document_id=document_id)
        await self._blobs.put(content)
        await afailpoint("rag-indexer.page_stored")
        return _Outcome(seen, keep_page(look, seen, fetched, document, name, len(content)))

    async def _parsed(self, content: bytes, name: str) -> ParsedDocument:
        try:
            return await parse_file(content, name, self._limits)
        except Unreadable as refusal:
            raise WebFailure.of_parser(refusal) from None

    async def _end(self, look: Look, failure: WebFailure | None) -> None:
        async with self._outbox.transaction(look.tenant_id) as tx:
            await self._store.hold(tx, look)
            counts = await self._store.counts(tx, look)
            code, detail = counts.code, counts.detail
            if code is None and failure is not None:
                if counts.fetched == 0 or counts.failed == counts.fetched:
                    code, detail = failure.code, failure.sentence
                else:
                    detail = f"{counts.failed} of {counts.found} pages could not be read; see them."
            failures = 0 if code is None else look.failures + 1
            is_passing = code in OF_THE_SITE or code == "internal_error"
            wait = next_look_seconds(look.refresh_hours, failures if is_passing else 0)
            await self._store.end_look(tx, look, code, detail, failures, wait)
        log.info(
            "look_ended", source_id=str(look.source_id), code=code, found=counts.found,
            fetched=counts.fetched, changed=counts.changed, failed=counts.failed,
        )  # fmt: skip


def keep_page(
    look: Look, page: Page, fetched: Fetched, document: ParsedDocument, name: str, size: int
) -> KeepPage:
    """The command about a page that is new or changed."""
    return KeepPage.make(
        tenant_id=look.tenant_id,
        correlation_id=page.document_id,
        document_id=page.document_id,
        source_id=look.source_id,
        url=page.url,
        title=(one_line(document.title or "") or page.url)[:_SHORT],
        file_name=name,
        declared_type=(fetched.content_type or "")[:_SHORT] or None,
        size_bytes=size,
        sha256=page.content_sha256,
        language=look.language or document.language,
        tags=list(look.tags),
    )


def drop_page(tenant_id: UUID, document_id: UUID, reason: str) -> DropPage:
    """The command about a page that is gone."""
    return DropPage.make(
        tenant_id=tenant_id,
        correlation_id=document_id,
        document_id=document_id,
        reason=reason,
    )


def _failed(look: Look, page: Page, failure: WebFailure) -> _Outcome:
    """The document of a page that is not readable now stays, until the page is gone."""
    told = replace(page, code=failure.code, detail=failure.sentence)
    if failure.code not in MISSING:
        return _Outcome(replace(told, state=_state_of(page)), failure=failure)
    told = replace(told, missing=page.missing + 1, state=_state_of(page))
    if told.missing < MISSING_LOOKS:
        return _Outcome(told, failure=failure)
    had_document = page.text_sha256 is not None
    gone = replace(
        told, state="gone", etag=None, last_modified=None, content_sha256=None, text_sha256=None
    )
    said = drop_page(look.tenant_id, page.document_id, "gone") if had_document else None
    return _Outcome(gone, said, failure)


def _state_of(page: Page) -> PageState:
    return "gone" if page.state == "gone" else "failed"


def _is_of_the_site(failure: WebFailure | None) -> bool:
    return failure is not None and failure.code in OF_THE_SITE


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
