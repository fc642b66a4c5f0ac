"""Reading and steering conversations: gateway asks, orchestrator owns.

The widget's replay after a reconnect is `list-visitor-messages`.
"""

from typing import Annotated, Literal
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
    HandoffBrief,
    Limit,
    MessageExtras,
    MessageText,
    RecordedMessage,
    Role,
)

Tag = Annotated[str, Field(min_length=1, max_length=64)]


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
    tags: Annotated[list[Tag], Field(max_length=32)] | None = Field(None, description="Tags.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        None, description="BCP 47, as the customer writes."
    )
    metadata: Annotated[str, Field(max_length=8_192)] | None = Field(
        None, description="JSON object that integrators keep here."
    )
    snoozed_until: AwareDatetime | None = Field(None, description="When it wakes by itself, UTC.")
    waiting_since: AwareDatetime | None = Field(
        None, description="When the first message that nobody answered came, UTC."
    )
    last_text: ShortText | None = Field(None, description="Begin of its last message.")
    last_role: Role | None = Field(None, description="Who said that.")
    rating: int | None = Field(None, ge=1, le=5, description="The customer's last rating.")
    brief: HandoffBrief | None = Field(None, description="Of its last handoff.")


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
    owner_kind: ConversationOwner | None = Field(None, description="Only those owned so.")
    assignee: ShortText | None = Field(None, description="Only this person's; `-`: nobody's.")
    tag: Tag | None = Field(None, description="Only with this tag.")
    query: ShortText | None = Field(
        None, description="Only with these words in a message, or this contact."
    )
    contact_external_id: ExternalId | None = Field(None, description="Only of this customer.")
    waiting: bool | None = Field(None, description="Only those where a customer waits.")
    order: Literal["newest", "longest_waiting"] | None = Field(None, description="Null is newest.")


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
    unassign: bool | None = Field(None, description="Take the person away; people keep it.")
    tags: Annotated[list[Tag], Field(max_length=32)] | None = Field(
        None, description="All tags from now on, null to keep."
    )
    metadata: Annotated[str, Field(max_length=8_192)] | None = Field(
        None, description="JSON object from now on, null to keep."
    )
    snooze_until: AwareDatetime | None = Field(
        None, description="Sleep until then; a customer's message wakes it too."
    )
    language: Annotated[str, Field(max_length=16)] | None = Field(
        None, description="BCP 47, null to keep."
    )
    expected_ownership_number: int | None = Field(
        None, ge=1, description="Refused with `conflict` where somebody else was faster."
    )
    by: ShortText | None = Field(None, description="Who changes it.")


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
    canned_reply_id: UUID | None = Field(
        None, description="The canned reply that it was made from; text may be empty."
    )
    expected_ownership_number: int | None = Field(
        None, ge=1, description="Refused with `conflict` where somebody else took it meanwhile."
    )
    expected_last_seq: int | None = Field(
        None, ge=0, description="Refused with `conflict` where something was said meanwhile."
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
