"""Conversations: orchestrator owns them, here they are read and steered."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from contracts.v1.conversations import (
    Conversation,
    GetConversation,
    ListConversations,
    UpdateConversation,
)
from contracts.v1.shapes import ConversationOwner, ConversationStatus
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import PageCursor, PageLimit, Shape, With
from gateway.words import Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations",
    tags=["conversations"],
    route_class=GuardedRoute,
)


class ConversationsShown(BaseModel):
    """A page of conversations, the newest first."""

    items: list[Conversation]
    next_cursor: str | None


class ConversationChange(Shape):
    """What is to change; absent fields stay."""

    status: ConversationStatus | None = Field(None, description="New status.")
    owner_kind: ConversationOwner | None = Field(
        None, description="Who answers: `human` silences the bot, `bot` hands back."
    )
    assignee: Name | None = Field(None, description="The person who takes it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to change")
        return self


@router.get("")
async def list_conversations(
    tenant_id: UUID,
    parts: With,
    status: Annotated[ConversationStatus | None, Query(description="Only these.")] = None,
    channel_id: Annotated[UUID | None, Query(description="Only of this channel.")] = None,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> ConversationsShown:
    """The tenant's conversations, the newest first."""
    name = f"conversations:{tenant_id}"
    answer = await parts.ask(
        ListConversations.make(
            tenant_id=tenant_id,
            status=status,
            channel_id=channel_id,
            cursor=parts.cursors.read(name, cursor),
            limit=limit,
        )
    )
    return ConversationsShown(
        items=answer.conversations, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.get("/{conversation_id}")
async def get_conversation(tenant_id: UUID, conversation_id: UUID, parts: With) -> Conversation:
    """One conversation."""
    request = GetConversation.make(tenant_id=tenant_id, conversation_id=conversation_id)
    return (await parts.ask(request)).conversation


@router.put("/{conversation_id}")
async def update_conversation(
    tenant_id: UUID, conversation_id: UUID, body: ConversationChange, parts: With
) -> Conversation:
    """Change status or owner; taking over silences the bot at once."""
    request = UpdateConversation.make(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        status=body.status,
        owner_kind=body.owner_kind,
        assignee=body.assignee,
    )
    return (await parts.ask(request)).conversation
