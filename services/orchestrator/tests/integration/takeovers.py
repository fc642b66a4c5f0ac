"""Every way in which somebody takes a conversation from the bot, as a function of the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from contracts.v1.channels import EchoReceived, ThreadControlChanged
from contracts.v1.conversations import PostMessage, UpdateConversation
from contracts.v1.shapes import ContactRef, MessageContent
from orchestrator.composition import Parts

from .desk import Desk

AT = "2026-01-02T12:00:00Z"

TakeOver = Callable[[Desk, str, Parts], Awaitable[None]]


def _updated(**change: Any) -> TakeOver:
    async def update(desk: Desk, visitor: str, parts: Parts) -> None:
        fields = {"status": None, "owner_kind": None, "assignee": None, **change}
        await parts.requests.update(
            UpdateConversation.make(
                tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(visitor), **fields
            )
        )

    return update


async def _posted(desk: Desk, visitor: str, parts: Parts) -> None:
    await parts.requests.post(
        PostMessage.make(
            tenant_id=desk.tenant_id,
            conversation_id=desk.conversation_of(visitor),
            idempotency_key=str(uuid4()),
            author="ana",
            text="Ana here.",
        )
    )


async def _echoed(desk: Desk, visitor: str, parts: Parts) -> None:
    echo = EchoReceived.make(
        **_place(desk, visitor),
        provider_message_id=str(uuid4()),
        sent_at=AT,
        content=MessageContent(kind="text", text="From my phone.", media=None, data=None),
        source="phone_app",
        app_id=None,
        imported=None,
    )
    async with desk.database.transaction(desk.tenant_id) as tx:
        await parts.news.on_echo(echo, tx)


async def _thread_taken(desk: Desk, visitor: str, parts: Parts) -> None:
    taken = ThreadControlChanged.make(
        **_place(desk, visitor), holder="other_app", app_id=None, at=AT
    )
    async with desk.database.transaction(desk.tenant_id) as tx:
        await parts.news.on_thread_control(taken, tx)


async def _keyword(desk: Desk, visitor: str, parts: Parts) -> None:
    await desk.hear(desk.message("A real person, please", visitor=visitor), parts=parts)


TAKEOVERS: dict[str, TakeOver] = {
    "owner": _updated(owner_kind="human"),
    "status": _updated(status="assigned_human"),
    "assignee": _updated(assignee="ana"),
    "integrator": _updated(owner_kind="integrator"),
    "nobody": _updated(owner_kind="nobody"),
    "post": _posted,
    "echo": _echoed,
    "thread": _thread_taken,
    "keyword": _keyword,
}


def _place(desk: Desk, visitor: str) -> dict[str, Any]:
    conversation_id: UUID = desk.conversation_of(visitor)
    return {
        "tenant_id": desk.tenant_id,
        "channel_id": desk.channel_id,
        "channel_type": "webchat",
        "conversation_id": conversation_id,
        "contact": ContactRef(external_id=visitor, display_name=None, phone=None),
    }
