"""Web pages and sitemaps that are kept fresh: rag-indexer owns them and reads them."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, model_validator

from contracts.v1.web_sources import (
    CreateWebSource,
    GetWebSource,
    ListWebSources,
    RefreshWebSource,
    RemoveWebSource,
    UpdateWebSource,
    WebPage,
    WebSource,
    WebSourceChoices,
    WebSourceFound,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With
from gateway.document_words import Language, TagList
from gateway.door import Principal
from gateway.repeats import new_id

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/web-sources", tags=["web sources"], route_class=GuardedRoute
)

_NO_NUL = r"^[^\x00]*$"
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_048, pattern=_NO_NUL)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_NO_NUL)]
Prefix = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_NO_NUL)]
Prefixes = Annotated[list[Prefix], Field(max_length=32)]
PagesMax = Annotated[int, Field(ge=1, le=10_000)]
Hours = Annotated[int, Field(ge=1, le=8_760)]


class NewWebSource(Shape):
    """A page or a sitemap to be kept fresh."""

    url: Url = Field(description="Of the page or the sitemap; a public address.")
    kind: Literal["page", "sitemap"] = Field("page", description="What the address is.")
    name: Name = Field("", description="For people; the host if it is not given.")
    include: Prefixes = Field([], description="Of a sitemap only paths that begin so; empty: all.")
    exclude: Prefixes = Field([], description="No paths that begin so.")
    pages_max: PagesMax = Field(500, description="At most so many pages of a sitemap.")
    refresh_hours: Hours | None = Field(
        24, description="How often to look; null: only when you ask for it."
    )
    language: Language | None = Field(None, description="Of its pages; null: as each says.")
    tags: TagList = Field([], description="Given to the documents of new pages.")
    paused: bool = Field(False, description="Nothing is fetched while it is true.")


class WebSourceChange(Shape):
    """What is to change; absent fields stay."""

    name: Name | None = Field(None, description="New name.")
    include: Prefixes | None = Field(None, description="New list; pages it leaves out are removed.")
    exclude: Prefixes | None = Field(None, description="New list.")
    pages_max: PagesMax | None = Field(None, description="New bound.")
    refresh_hours: Hours | None = Field(None, description="Null: only when you ask for it.")
    language: Language | None = Field(None, description="For pages that are new or change.")
    tags: TagList | None = Field(None, description="For new pages.")
    paused: bool | None = Field(None, description="Stop or go on.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The choices that it names; null means something for two of them only."""
        named = {name: getattr(self, name) for name in self.model_fields_set}
        may_be_null = {"refresh_hours", "language"}
        return {k: v for k, v in named.items() if v is not None or k in may_be_null}


class WebSourceShown(WebSource):
    """A source and a page of its pages, by address."""

    pages: list[WebPage]
    next_cursor: str | None = Field(description="Where the next page of pages begins.")


class WebSourcesShown(BaseModel):
    """A page of sources, the newest first."""

    items: list[WebSource]
    next_cursor: str | None


class WebSourceGone(BaseModel):
    """The source is gone."""

    pages: int = Field(description="Documents of its pages that are being removed now.")


@router.post(
    "",
    status_code=201,
    response_model=WebSourceShown,
    responses={200: {"model": WebSourceShown, "description": "The address is there already."}},
)
async def create_web_source(
    tenant_id: UUID, body: NewWebSource, request: Request, parts: With, who: Caller
) -> Response:
    """Add a page or a sitemap; it is read at once, and then as often as you say."""
    source_id = new_id(request, who, f"web source\0{body.url}")
    choices = WebSourceChoices(**body.model_dump(exclude={"url", "kind"}))
    found = await parts.ask(
        CreateWebSource.make(
            tenant_id=tenant_id,
            source_id=source_id,
            url=body.url,
            source_kind=body.kind,
            choices=choices,
        )
    )
    is_new = found.source.source_id == source_id
    if is_new:
        await _note(parts, tenant_id, who, "web_source.created", source_id, url=body.url)
    shown = _shown(parts, tenant_id, found).model_dump(mode="json")
    return JSONResponse(shown, status_code=201 if is_new else 200)


@router.get("")
async def list_web_sources(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> WebSourcesShown:
    """The tenant's sources, the newest first."""
    name = f"web sources:{tenant_id}"
    answer = await parts.ask(
        ListWebSources.make(
            tenant_id=tenant_id, cursor=parts.cursors.read(name, cursor), limit=limit
        )
    )
    return WebSourcesShown(
        items=answer.sources, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.get("/{source_id}")
async def get_web_source(
    tenant_id: UUID, source_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> WebSourceShown:
    """One source with its pages: what each came to, and what to do about those that failed."""
    name = _pages_of(tenant_id, source_id)
    request = GetWebSource.make(
        tenant_id=tenant_id,
        source_id=source_id,
        cursor=parts.cursors.read(name, cursor),
        limit=limit,
    )
    return _shown(parts, tenant_id, await parts.ask(request))


@router.patch("/{source_id}")
async def change_web_source(
    tenant_id: UUID, source_id: UUID, body: WebSourceChange, parts: With, who: Caller
) -> WebSourceShown:
    """Change what is read and how often, or pause it."""
    asked = GetWebSource.make(tenant_id=tenant_id, source_id=source_id, cursor=None, limit=1)
    before = (await parts.ask(asked)).source.choices
    changes = body.changes()
    found = await parts.ask(
        UpdateWebSource.make(
            tenant_id=tenant_id,
            source_id=source_id,
            choices=WebSourceChoices(**{**before.model_dump(), **changes}),
        )
    )
    changed = sorted(changes)
    await _note(parts, tenant_id, who, "web_source.updated", source_id, changed=changed)
    return _shown(parts, tenant_id, found)


@router.post("/{source_id}/refresh", status_code=202)
async def refresh_web_source(
    tenant_id: UUID, source_id: UUID, parts: With, who: Caller
) -> WebSourceShown:
    """Look now; pages whose words have not changed stay as they are."""
    found = await parts.ask(RefreshWebSource.make(tenant_id=tenant_id, source_id=source_id))
    await _note(parts, tenant_id, who, "web_source.refreshed", source_id)
    return _shown(parts, tenant_id, found)


@router.delete("/{source_id}")
async def delete_web_source(
    tenant_id: UUID, source_id: UUID, parts: With, who: Caller
) -> WebSourceGone:
    """Forget a source; the documents of its pages are removed one by one."""
    gone = await parts.ask(RemoveWebSource.make(tenant_id=tenant_id, source_id=source_id))
    await _note(parts, tenant_id, who, "web_source.removed", source_id, pages=gone.pages)
    return WebSourceGone(pages=gone.pages)


def _shown(parts: Parts, tenant_id: UUID, found: WebSourceFound) -> WebSourceShown:
    name = _pages_of(tenant_id, found.source.source_id)
    return WebSourceShown(
        **found.source.model_dump(),
        pages=found.pages,
        next_cursor=parts.cursors.sign(name, found.next_cursor),
    )


def _pages_of(tenant_id: UUID, source_id: UUID) -> str:
    return f"web pages:{tenant_id}:{source_id}"


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: UUID, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)
