"""Reading and steering conversations: gateway asks, orchestrator owns.

The widget's replay after a reconnect is `list-visitor-messages`.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Part, Request, ShortText
from contracts.v1.shapes import (
    ChannelType,
    ContactRef,
    ConversationOwner,
    ConversationStatus,
    Cursor,
    ExternalId,
    Limit,
    MessageExtras,
    MessageText,
    RecordedMessage,
)


class Conversation(Part):
    """A conversation as the API shows it."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact: ContactRef = Field(description="The customer.")
    status: ConversationStatus = Field(description="Its status.")
    owner_kind: ConversationOwner = Field(description="Who answers.")
    assignee: ShortText | None = Field(description="The person, if one is assigned.")
    ownership_number: int = Field(ge=1, description="Fencing number.")
    last_seq: int = Field(ge=0, description="Place of its last message.")
    created_at: AwareDatetime = Field(description="When it began, UTC.")
    last_message_at: AwareDatetime | None = Field(description="When something was last said, UTC.")


class ConversationFound(Answer):
    """One conversation."""

    conversation: Conversation = Field(description="The conversation.")


class ConversationsListed(Answer):
    """A page of conversations, the newest first."""

    conversations: Annotated[list[Conversation], Field(max_length=200)] = Field(
        description="The page."
    )
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class MessagesListed(Answer):
    """A page of messages in the order of their places."""

    messages: Annotated[list[RecordedMessage], Field(max_length=200)] = Field(
        description="The page."
    )
    last_seq: int = Field(ge=0, description="Place of the conversation's last message.")
    more: bool = Field(description="Whether messages follow the page.")


class ListConversations(
    Request[ConversationsListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Which conversations does the tenant have?"""

    status: ConversationStatus | None = Field(description="Only these.")
    channel_id: UUID | None = Field(description="Only of this channel.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class GetConversation(
    Request[ConversationFound], owner="orchestrator", asked_by=("gateway",), version=1
):
    """One conversation; refused with `not_found`."""

    conversation_id: UUID = Field(description="Which.")


class UpdateConversation(
    Request[ConversationFound], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Change status or owner; taking over silences the bot in the same transaction."""

    conversation_id: UUID = Field(description="Which.")
    status: ConversationStatus | None = Field(description="New status, null to keep.")
    owner_kind: ConversationOwner | None = Field(description="New owner, null to keep.")
    assignee: ShortText | None = Field(description="The person who takes it.")


class ListMessages(Request[MessagesListed], owner="orchestrator", asked_by=("gateway",), version=1):
    """Messages of a conversation after a place."""

    conversation_id: UUID = Field(description="Which.")
    after_seq: int = Field(ge=0, description="Messages with a higher place.")
    limit: Limit = Field(description="Size of the page.")


class ListVisitorMessages(
    Request[MessagesListed], owner="orchestrator", asked_by=("gateway",), version=1
):
    """Messages of a visitor's conversation after a place; empty if there is none yet."""

    channel_id: UUID = Field(description="The web channel.")
    visitor_id: ExternalId = Field(description="The visitor.")
    after_seq: int = Field(ge=0, description="Messages with a higher place.")
    limit: Limit = Field(description="Size of the page.")


class MessagePosted(Answer):
    """A person's message has its place and is on its way."""

    message: RecordedMessage = Field(description="The message.")


class PostMessage(Request[MessagePosted], owner="orchestrator", asked_by=("gateway",), version=1):
    """A person (or an integrator) says something in a conversation, and thereby owns it."""

    conversation_id: UUID = Field(description="Which.")
    idempotency_key: ShortText = Field(description="Repeats with the same key say it once.")
    author: ShortText = Field(description="Who says it.")
    text: MessageText = Field(description="Markdown.")
    extras: MessageExtras | None = Field(
        None, description="Files, choices, a template, a place or a reaction; text may be empty."
    )
    reply_to: ExternalId | None = Field(
        None, description="Provider id of the message that it answers."
    )


class Turn(Part):
    """One answer, or why there was none, with everything that led to it."""

    turn_id: UUID = Field(description="The turn.")
    conversation_id: UUID = Field(description="Its conversation.")
    first_seq: int = Field(ge=1, description="First message it answers.")
    last_seq: int = Field(ge=1, description="Last message it answers.")
    attempt: int = Field(ge=1, description="Which try.")
    outcome: ShortText = Field(
        description="answered, failed_politely, suppressed, handed_off, retrying …"
    )
    recorded_message_id: UUID | None = Field(description="The answer, if one was made.")
    started_at: AwareDatetime = Field(description="When the work began, UTC.")
    ended_at: AwareDatetime | None = Field(description="When it ended, UTC.")
    evidence: Annotated[str, Field(max_length=220_000)] = Field(
        description="JSON object: question as understood, searches with every candidate, passages, "
        "prompt, model and tool calls, decision."
    )
    left_out: Annotated[list[ShortText], Field(max_length=16)] = Field(
        description="Parts of the evidence that did not fit, by name."
    )


class TurnsListed(Answer):
    """Turns of a conversation, the newest first."""

    turns: Annotated[list[Turn], Field(max_length=20)] = Field(
        description="Fewer than asked for when their evidence is large."
    )


class ListTurns(Request[TurnsListed], owner="orchestrator", asked_by=("gateway",), version=1):
    """Why did the bot say that, or nothing? Refused with `not_found`."""

    conversation_id: UUID = Field(description="Which conversation.")
    turn_id: UUID | None = Field(description="Only this turn.")
    recorded_message_id: UUID | None = Field(description="Only the turn that wrote this answer.")
    limit: Annotated[int, Field(ge=1, le=20)] = Field(description="At most so many.")
