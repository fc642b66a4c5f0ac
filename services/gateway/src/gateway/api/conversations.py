"""Conversations: orchestrator owns them, here they are read and steered."""

import json
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from contracts.v1 import conversations as said
from contracts.v1.conversations import GetConversation, ListConversations, UpdateConversation
from contracts.v1.shapes import ConversationOwner, ConversationStatus
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Shape, With
from gateway.words import Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations",
    tags=["conversations"],
    route_class=GuardedRoute,
)

METADATA_CHARACTERS_MAX: Final = 8_192

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Sought = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]


class ConversationShown(said.Conversation):
    """A conversation with its metadata as the object that it is."""

    metadata: dict[str, Any] | None = Field(  # type: ignore[assignment]  # its text, read
        None, description="What integrators keep here."
    )


class ConversationsShown(BaseModel):
    """A page of conversations in the order that was wished for."""

    items: list[ConversationShown]
    next_cursor: str | None


class ConversationChange(Shape):
    """What is to change; absent fields stay."""

    status: ConversationStatus | None = Field(None, description="New status.")
    owner_kind: ConversationOwner | None = Field(
        None, description="Who answers: `human` silences the bot, `bot` hands back."
    )
    assignee: Name | None = Field(None, description="The person who takes it.")
    unassign: bool | None = Field(None, description="Take the person away; people keep it.")
    tags: Annotated[list[Tag], Field(max_length=32)] | None = Field(
        None, description="All tags from now on."
    )
    metadata: dict[str, Any] | None = Field(
        None, description="What you keep here, all of it, 8,192 characters of JSON at most."
    )
    snooze_until: AwareDatetime | None = Field(
        None, description="Sleep until then; a customer's message wakes it too."
    )
    language: Language | None = Field(
        None, description="BCP 47; what the customer writes no longer changes it."
    )
    expected_ownership_number: Annotated[int, Field(ge=1)] | None = Field(
        None, description="409 `conflict` where somebody else took it meanwhile."
    )
    by: Name | None = Field(None, description="Who changes it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set - {"expected_ownership_number", "by"}:
            raise ValueError("nothing is to change")
        if self.metadata is not None and len(json.dumps(self.metadata)) > METADATA_CHARACTERS_MAX:
            raise ValueError(f"metadata has more than {METADATA_CHARACTERS_MAX} characters")
        return self


@router.get("")
async def list_conversations(
    tenant_id: UUID,
    parts: With,
    status: Annotated[ConversationStatus | None, Query(description="Only these.")] = None,
    channel_id: Annotated[UUID | None, Query(description="Only of this channel.")] = None,
    owner_kind: Annotated[
        ConversationOwner | None, Query(description="Only those that this one answers.")
    ] = None,
    assignee: Annotated[
        Name | None, Query(description="Only this person's; `-`: those that nobody took yet.")
    ] = None,
    tag: Annotated[Tag | None, Query(description="Only with this tag.")] = None,
    query: Annotated[
        Sought | None,
        Query(description="Only with all these words, or beginnings of them, in messages or names"),
    ] = None,
    contact_external_id: Annotated[
        Sought | None, Query(description="Only of this customer, as the channel knows them.")
    ] = None,
    waiting: Annotated[
        bool | None, Query(description="Whether a customer waits for an answer.")
    ] = None,
    order: Annotated[
        Literal["newest", "longest_waiting"],
        Query(description="`longest_waiting` shows only those where a customer waits."),
    ] = "newest",
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> ConversationsShown:
    """The tenant's conversations, the newest or the longest waiting first."""
    wish: dict[str, Any] = {
        "status": status,
        "channel_id": channel_id,
        "owner_kind": owner_kind,
        "assignee": assignee,
        "tag": tag,
        "query": query,
        "contact_external_id": contact_external_id,
        "waiting": waiting,
        "order": order,
    }
    # A cursor goes on with the list that it is of, under the same filters.
    name = f"conversations:{tenant_id}:{json.dumps(wish, default=str)}"
    request = ListConversations.make(
        tenant_id=tenant_id, cursor=parts.cursors.read(name, cursor), limit=limit, **wish
    )
    answer = await parts.ask(request)
    return ConversationsShown(
        items=[shown(one) for one in answer.conversations],
        next_cursor=parts.cursors.sign(name, answer.next_cursor),
    )


@router.get("/{conversation_id}")
async def get_conversation(
    tenant_id: UUID, conversation_id: UUID, parts: With
) -> ConversationShown:
    """One conversation."""
    request = GetConversation.make(tenant_id=tenant_id, conversation_id=conversation_id)
    return shown((await parts.ask(request)).conversation)


@router.put("/{conversation_id}")
async def update_conversation(
    tenant_id: UUID, conversation_id: UUID, body: ConversationChange, parts: With, who: Caller
) -> ConversationShown:
    """Change who answers, status, tags, metadata; taking over silences the bot at once."""
    request = UpdateConversation.make(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        **body.model_dump(exclude={"metadata"}),
        metadata=None if body.metadata is None else json.dumps(body.metadata),
    )
    conversation = (await parts.ask(request)).conversation
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx,
            tenant_id,
            who,
            "conversation.updated",
            conversation_id,
            changed=sorted(body.model_fields_set - {"expected_ownership_number", "by"}),
            status=conversation.status,
            owner_kind=conversation.owner_kind,
            by=body.by,
        )
    return shown(conversation)


def shown(conversation: said.Conversation) -> ConversationShown:
    """The conversation as the API shows it."""
    metadata = conversation.metadata
    fields = {**dict(conversation), "metadata": None if metadata is None else json.loads(metadata)}
    return ConversationShown.model_validate(fields)
