"""Conversations and their messages: orchestrator owns them, here they are read and steered."""

from typing import Annotated, Self
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, model_validator

from contracts.v1.conversations import (
    Conversation,
    GetConversation,
    ListConversations,
    ListMessages,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.shapes import ConversationOwner, ConversationStatus, RecordedMessage
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import PageCursor, PageLimit, Shape, With
from gateway.repeats import HEADER
from gateway.words import LongText, Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations",
    tags=["conversations"],
    route_class=GuardedRoute,
)


class ConversationsShown(BaseModel):
    """A page of conversations, the newest first."""

    items: list[Conversation]
    next_cursor: str | None


class MessagesShown(BaseModel):
    """Messages in their order."""

    items: list[RecordedMessage]
    last_seq: int = Field(description="Place of the conversation's last message.")
    more: bool = Field(description="Whether messages follow.")


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


class NewMessage(Shape):
    """What a person says."""

    text: LongText = Field(description="Markdown.")
    author: Name = Field("agent", description="Who says it.")


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


@router.get("/{conversation_id}/messages")
async def list_messages(
    tenant_id: UUID,
    conversation_id: UUID,
    parts: With,
    after_seq: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="Messages with a higher place.")
    ] = 0,
    limit: PageLimit = 50,
) -> MessagesShown:
    """The conversation's messages in their order."""
    answer = await parts.ask(
        ListMessages.make(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            after_seq=after_seq,
            limit=limit,
        )
    )
    return MessagesShown(items=answer.messages, last_seq=answer.last_seq, more=answer.more)


@router.post("/{conversation_id}/messages", status_code=201)
async def post_message(
    tenant_id: UUID,
    conversation_id: UUID,
    body: NewMessage,
    request: Request,
    parts: With,
) -> RecordedMessage:
    """Say something to the customer; whoever does owns the conversation from then on."""
    answer = await parts.ask(
        PostMessage.make(
            tenant_id=tenant_id,
            conversation_id=conversation_id,
            idempotency_key=request.headers.get(HEADER) or str(uuid4()),
            author=body.author,
            text=body.text,
        )
    )
    return answer.message
