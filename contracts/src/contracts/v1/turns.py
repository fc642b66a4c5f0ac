"""A turn: the customer's unanswered messages become one answer.

1. orchestrator records the message under its conversation's lock: `message-recorded`.
2. A worker takes the conversation's lease: `turn-started`; it asks retriever and llm-router
   (stories `knowledge` and `models`); the model's words reach the widget as `reply-delta`.
3. It commits the answer only if lease and ownership still hold: `turn-completed` and the command
   `send-message` (story `sending`), or `turn-failed`.
4. Who owns the conversation changes: `handoff-requested`, `conversation-updated`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Code, Event, ShortText, Stream
from contracts.v1.shapes import (
    ChannelType,
    Citation,
    ConversationOwner,
    ConversationStatus,
    ExternalId,
    HandoffBrief,
    MessageText,
    RecordedMessage,
)


class MessageRecorded(Event, owner="orchestrator", heard_by=("gateway",), version=1):
    """A message has its place in its conversation: said where a live view follows it (web chat)."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact_external_id: ExternalId = Field(description="The customer, as the channel knows them.")
    message: RecordedMessage = Field(description="The message and its place.")


class TurnStarted(
    Event, owner="orchestrator", heard_by=("gateway",), version=1, public="response.started"
):
    """A worker is answering all unanswered messages of a conversation."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact_external_id: ExternalId = Field(description="The customer, as the channel knows them.")
    turn_id: UUID = Field(description="uuid5 of conversation and first_seq.")
    attempt: int = Field(ge=1, description="The lease's epoch: rises with each try.")
    first_seq: int = Field(ge=1, description="First message answered by this turn.")
    last_seq: int = Field(ge=1, description="Last message answered by this turn.")


class ReplyDelta(Stream, owner="llm-router", heard_by=("gateway",), version=1):
    """Words of an answer on their way to a widget; the final message replaces them."""

    channel_id: UUID = Field(description="The web channel.")
    visitor_id: ExternalId = Field(description="The visitor whose widget shows it.")
    turn_id: UUID = Field(description="The turn.")
    attempt: int = Field(ge=1, description="A higher attempt replaces what a lower one showed.")
    index: int = Field(ge=0, description="Order of the deltas of one attempt, from 0.")
    text: Annotated[str, Field(max_length=8_192)] = Field(description="The next words.")


class VisitorTyping(Stream, owner="gateway", heard_by=("orchestrator",), version=1):
    """A visitor of a widget is writing: a turn that waits for the rest of a burst waits on."""

    channel_id: UUID = Field(description="The web channel.")
    visitor_id: ExternalId = Field(description="Who writes.")


class TurnCompleted(
    Event, owner="orchestrator", heard_by=(), version=1, public="response.completed"
):
    """A turn ended with something to say, or on purpose with nothing."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    turn_id: UUID = Field(description="The turn.")
    outcome: Literal["answered", "handed_off", "failed_politely", "suppressed"] = Field(
        description="How it ended."
    )
    recorded_message_id: UUID | None = Field(description="The answer's identity, if one was made.")
    seq: int | None = Field(ge=1, description="The answer's place.")
    text: MessageText = Field(description="The answer, Markdown; empty when suppressed.")
    citations: Annotated[list[Citation], Field(max_length=20)] = Field(description="Its sources.")
    model: ShortText | None = Field(description="The model that wrote it.")
    input_tokens: int = Field(ge=0, description="Tokens read by models in this turn.")
    output_tokens: int = Field(ge=0, description="Tokens written by models in this turn.")
    cost_usd: float | None = Field(ge=0, description="Cost; null where a price is unknown.")
    tool_rounds: int = Field(ge=0, le=5, description="Rounds of tool calls.")
    duration_milliseconds: int = Field(ge=0, description="From lease to commit.")
    confidence: float | None = Field(
        None, ge=0, le=1, description="Computed from evidence; null where nothing was judged."
    )
    decision: Code | None = Field(
        None, description="answer, disclaimed, low_confidence, curated, handoff_model …"
    )
    superseded: int | None = Field(
        None, ge=0, description="Runs that were thrown away because the customer wrote more."
    )
    experiment_id: UUID | None = Field(None, description="The canary that it belongs to.")


class TurnFailed(Event, owner="orchestrator", heard_by=(), version=1, public="response.failed"):
    """A try at a turn failed; the next try or a polite text follows."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    turn_id: UUID = Field(description="The turn.")
    attempt: int = Field(ge=1, description="Which try.")
    code: Code = Field(description="What failed.")
    detail: ShortText = Field(description="One sentence for a person.")
    final: bool = Field(description="Whether no further try follows.")


class HandoffRequested(
    Event,
    owner="orchestrator",
    heard_by=(),
    version=1,
    public="conversation.handoff-requested",
):
    """A person should take this conversation; the bot is silent from now on."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    reason: Literal["keyword", "model", "low_confidence", "error", "budget", "api"] = Field(
        description="Why."
    )
    detail: ShortText = Field(description="One sentence: the keyword, the wish, the error.")
    ownership_number: int = Field(ge=1, description="The fencing number from now on.")
    brief: HandoffBrief | None = Field(None, description="What a person should know first.")


class ConversationUpdated(
    Event,
    owner="orchestrator",
    heard_by=("channel-ingress", "gateway"),
    version=1,
    public="conversation.updated",
):
    """Status or owner of a conversation changed; sends with a lower number are refused."""

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact_external_id: ExternalId = Field(description="The customer, as the channel knows them.")
    status: ConversationStatus = Field(description="Status from now on.")
    owner_kind: ConversationOwner = Field(description="Who answers from now on.")
    assignee: ShortText | None = Field(description="The person, if one is assigned.")
    ownership_number: int = Field(ge=1, description="Rises with each change of owner.")
    tags: Annotated[list[ShortText], Field(max_length=32)] | None = Field(
        None, description="Tags from now on; null where they did not change."
    )
    snoozed_until: AwareDatetime | None = Field(None, description="When it wakes by itself, UTC.")
    by: ShortText | None = Field(None, description="Who changed it, where a person did.")
    brief: HandoffBrief | None = Field(
        None, description="Follows a handoff when a model has written it."
    )
