"""Canned replies: words that people use often."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.inbox import CannedReply, KeepCannedReply, ListCannedReplies, RemoveCannedReply
from gateway.api.conversations import Language, Sought
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With
from gateway.door import Principal
from gateway.repeats import new_id
from gateway.words import LongText, Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/canned-replies", tags=["inbox"], route_class=GuardedRoute
)

Shortcut = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class CannedRepliesShown(BaseModel):
    """A page of canned replies, the most used first."""

    items: list[CannedReply]
    next_cursor: str | None


class CannedReplyWish(Shape):
    """A canned reply."""

    shortcut: Shortcut = Field(description="What is typed to find it.")
    title: Name = Field(description="What it is for.")
    text: LongText = Field(
        description="Markdown. `{{contact.name}}`, `{{contact.phone}}`, `{{contact.email}}`, "
        "`{{contact.username}}`, `{{agent.name}}` and `{{bot.name}}` are filled in when it goes; "
        "`{{contact.name|there}}` says what stands where nothing is known."
    )
    language: Language | None = Field(None, description="BCP 47.")


@router.get("")
async def list_canned_replies(
    tenant_id: UUID,
    parts: With,
    query: Annotated[
        Sought | None, Query(description="Only those with this in shortcut, title or text.")
    ] = None,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> CannedRepliesShown:
    """The tenant's canned replies, the most used first."""
    name = f"canned-replies:{tenant_id}:{query or ''}"
    request = ListCannedReplies.make(
        tenant_id=tenant_id, query=query, cursor=parts.cursors.read(name, cursor), limit=limit
    )
    answer = await parts.ask(request)
    return CannedRepliesShown(
        items=answer.replies, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.post("", status_code=201)
async def create_canned_reply(
    tenant_id: UUID, body: CannedReplyWish, request: Request, parts: With, who: Caller
) -> CannedReply:
    """Make a canned reply; 409 `shortcut_taken` where another one is found by it."""
    identity = new_id(request, who, "canned-reply")
    return await _keep(parts, who, tenant_id, identity, body)


@router.put("/{canned_reply_id}")
async def put_canned_reply(
    tenant_id: UUID, canned_reply_id: UUID, body: CannedReplyWish, parts: With, who: Caller
) -> CannedReply:
    """Change a canned reply, or make one under an id of your own."""
    return await _keep(parts, who, tenant_id, canned_reply_id, body)


@router.delete("/{canned_reply_id}", status_code=204)
async def delete_canned_reply(
    tenant_id: UUID, canned_reply_id: UUID, parts: With, who: Caller
) -> Response:
    """Delete a canned reply."""
    wish = RemoveCannedReply.make(tenant_id=tenant_id, canned_reply_id=canned_reply_id)
    await parts.ask(wish)
    await _note(parts, who, tenant_id, "canned_reply.deleted", canned_reply_id)
    return Response(status_code=204)


async def _keep(
    parts: Parts, who: Principal, tenant_id: UUID, identity: UUID, body: CannedReplyWish
) -> CannedReply:
    wish = KeepCannedReply.make(tenant_id=tenant_id, canned_reply_id=identity, **body.model_dump())
    reply = (await parts.ask(wish)).reply
    await _note(parts, who, tenant_id, "canned_reply.kept", identity, shortcut=reply.shortcut)
    return reply


async def _note(
    parts: Parts, who: Principal, tenant_id: UUID, action: str, subject: UUID, **detail: str
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)
