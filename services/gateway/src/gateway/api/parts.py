"""What the routes work with, handed to them by the composition."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis
from starlette.requests import Request as HttpRequest

from blobs import Blobs
from bus import Bus
from contracts.message import Answer, Request
from gateway.audit import Audit
from gateway.config import Settings
from gateway.cursors import Cursors
from gateway.door import Door, Principal
from gateway.keeper import Keeper
from gateway.key_store import KeyStore
from gateway.media_links import MediaLinks
from gateway.media_store import MediaStore
from gateway.qa_store import QaStore
from gateway.question_store import QuestionStore
from gateway.rate_limits import RateLimits
from gateway.repeats import Repeats
from gateway.resumable_pieces import Pieces
from gateway.resumable_store import ResumableStore
from gateway.store import ChannelStore, TenantStore
from gateway.tenant_apps import TenantApps
from gateway.upload_store import UploadStore
from gateway.widget.origins import WidgetOrigins
from gateway.widget.tokens import WidgetTokens
from outbox import Outbox
from postgres import Database
from sealing import KeyRing

ASK_SECONDS = 5.0

AnswerType = TypeVar("AnswerType", bound=Answer)


class Dated(Protocol):
    """A row of a list: it knows when it was made."""

    @property
    def created_at(self) -> datetime:
        """When it was made, UTC."""
        ...


RowType = TypeVar("RowType", bound=Dated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a route may need."""

    settings: Settings
    database: Database
    outbox: Outbox
    bus: Bus
    redis: Redis
    blobs: Blobs
    ring: KeyRing
    door: Door
    limits: RateLimits
    cursors: Cursors
    repeats: Repeats
    audit: Audit
    tenants: TenantStore
    channels: ChannelStore
    keys: KeyStore
    uploads: UploadStore
    keeper: Keeper
    pairs: QaStore
    questions: QuestionStore
    resumables: ResumableStore
    pieces: Pieces
    media: MediaStore
    links: MediaLinks
    tenant_apps: TenantApps
    origins: WidgetOrigins
    tokens: WidgetTokens

    async def ask(
        self, request: Request[AnswerType], *, timeout_seconds: float = ASK_SECONDS
    ) -> AnswerType:
        """Ask the owner of the data."""
        return await self.bus.ask(request, timeout_seconds=timeout_seconds)

    def page(
        self, list_name: str, rows: list[RowType], limit: int, key: Callable[[RowType], object]
    ) -> dict[str, Any]:
        """A page of our own rows, of which one more than `limit` was read."""
        last = rows[limit - 1] if len(rows) > limit else None
        after = f"{last.created_at.isoformat()}|{key(last)}" if last is not None else None
        return {"items": rows[:limit], "next_cursor": self.cursors.sign(list_name, after)}


class Shape(BaseModel):
    """A body of the API: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def _parts(request: HttpRequest) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.state.principal
    return principal


With = Annotated[Parts, Depends(_parts)]
Caller = Annotated[Principal, Depends(_principal)]
PageLimit = Annotated[int, Query(ge=1, le=200, description="Size of the page.")]
PageCursor = Annotated[
    str | None, Query(max_length=1024, description="`next_cursor` of the page before.")
]


def position(text: str | None) -> tuple[datetime, str] | None:
    """The place in a list of our own: creation time and id of the last row shown."""
    if text is None:
        return None
    at, _, last = text.partition("|")
    return datetime.fromisoformat(at), last
