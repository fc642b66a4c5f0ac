"""A tenant's web pages become documents, and stay fresh.

1. Somebody adds a page or a sitemap: `create-web-source`; rag-indexer owns it and fetches it now
   and then.
2. A page that is new or whose words changed is in blobs: `keep-page`; gateway makes it a document
   (story `documents`). A page that is gone: `drop-page`.
3. What a source found, and what went wrong, is asked for: `get-web-source`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Command, Part, Request, Sha256, ShortText
from contracts.v1.documents import Tags
from contracts.v1.shapes import Cursor, Limit

WebUrl = Annotated[str, Field(min_length=8, max_length=2_048)]
Prefixes = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=32)]
SourceState = Literal["waiting", "fetching", "idle", "failing", "paused"]


class WebSourceChoices(Part):
    """What a tenant chose for a source."""

    name: ShortText = Field(description="For people; the host if not given.")
    include: Prefixes = Field(description="Only paths that begin so; empty: all.")
    exclude: Prefixes = Field(description="No paths that begin so.")
    pages_max: int = Field(ge=1, le=10_000, description="At most so many pages of a sitemap.")
    refresh_hours: int | None = Field(ge=1, le=8_760, description="Null: only when asked to.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47; null: as each page says."
    )
    tags: Tags = Field(description="Given to every page's document.")
    paused: bool = Field(description="Nothing is fetched while it is true.")


class WebPage(Part):
    """A page of a source, as it was last seen."""

    url: WebUrl = Field(description="Its address.")
    document_id: UUID = Field(description="uuid5 of source and address.")
    state: Literal["waiting", "kept", "excluded", "gone", "failed"] = Field(
        description="`excluded`: its document was deleted by a person."
    )
    code: Code | None = Field(description="Why it failed.")
    detail: ShortText | None = Field(description="What happened and what to do.")
    fetched_at: AwareDatetime | None = Field(description="When it was last looked at, UTC.")
    changed_at: AwareDatetime | None = Field(description="When its words last changed, UTC.")


class WebSource(Part):
    """A page or a sitemap that is kept fresh."""

    source_id: UUID = Field(description="The source.")
    url: WebUrl = Field(description="The page or the sitemap.")
    source_kind: Literal["page", "sitemap"] = Field(description="What the address is.")
    choices: WebSourceChoices = Field(description="What the tenant chose.")
    state: SourceState = Field(description="What it is doing.")
    code: Code | None = Field(description="Why the last look failed.")
    detail: ShortText | None = Field(description="What happened and what to do.")
    found: int = Field(ge=0, description="Pages found in the last look.")
    fetched: int = Field(ge=0, description="Of those, looked at so far.")
    changed: int = Field(ge=0, description="Of those, new or changed.")
    failed: int = Field(ge=0, description="Of those, failed.")
    created_at: AwareDatetime = Field(description="When it was added, UTC.")
    looked_at: AwareDatetime | None = Field(description="When the last look began, UTC.")
    next_look_at: AwareDatetime | None = Field(description="When the next one begins, UTC.")


class WebSourceFound(Answer):
    """One source and a page of its pages."""

    source: WebSource = Field(description="The source.")
    pages: Annotated[list[WebPage], Field(max_length=200)] = Field(description="By address.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class WebSourcesListed(Answer):
    """The tenant's sources, the newest first."""

    sources: Annotated[list[WebSource], Field(max_length=200)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class CreateWebSource(
    Request[WebSourceFound], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Keep a page or a sitemap fresh; refused with `invalid_url`, `quota_exceeded`."""

    source_id: UUID = Field(description="Its id from now on; twice is once.")
    url: WebUrl = Field(description="The page or the sitemap.")
    source_kind: Literal["page", "sitemap"] = Field(description="What the address is.")
    choices: WebSourceChoices = Field(description="What the tenant chose.")


class UpdateWebSource(
    Request[WebSourceFound], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Choose otherwise; refused with `not_found`."""

    source_id: UUID = Field(description="Which.")
    choices: WebSourceChoices = Field(description="All of the choices.")


class GetWebSource(Request[WebSourceFound], owner="rag-indexer", asked_by=("gateway",), version=1):
    """One source; refused with `not_found`."""

    source_id: UUID = Field(description="Which.")
    cursor: Cursor | None = Field(description="Where the page of pages begins.")
    limit: Limit = Field(description="Size of the page of pages.")


class ListWebSources(
    Request[WebSourcesListed], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Which sources does the tenant have?"""

    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class RefreshWebSource(
    Request[WebSourceFound], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Look now; refused with `not_found`."""

    source_id: UUID = Field(description="Which.")


class WebSourceRemoved(Answer):
    """It is gone; its pages' documents go one by one."""

    pages: int = Field(ge=0, description="Documents that are on their way out.")


class RemoveWebSource(
    Request[WebSourceRemoved], owner="rag-indexer", asked_by=("gateway",), version=1
):
    """Forget a source and its pages; refused with `not_found`."""

    source_id: UUID = Field(description="Which.")


class KeepPage(Command, owner="gateway", said_by=("rag-indexer",), version=1):
    """A page is new or changed, and its bytes are in blobs: make it a document, or replace it."""

    document_id: UUID = Field(description="uuid5 of source and address.")
    source_id: UUID = Field(description="The source it belongs to.")
    url: WebUrl = Field(description="Its address.")
    title: ShortText = Field(description="The page's title, else its address.")
    file_name: ShortText = Field(description="A name with the extension of its type.")
    declared_type: ShortText | None = Field(description="Content type the server said.")
    size_bytes: int = Field(ge=0, description="Size.")
    sha256: Sha256 = Field(description="Where the bytes are in blobs.")
    language: Annotated[str, Field(max_length=16)] | None = Field(description="BCP 47, if known.")
    tags: Tags = Field(description="Of the source.")


class DropPage(Command, owner="gateway", said_by=("rag-indexer",), version=1):
    """A page is gone: remove its document."""

    document_id: UUID = Field(description="uuid5 of source and address.")
    reason: Literal["gone", "unlisted", "source_removed"] = Field(description="Why.")
