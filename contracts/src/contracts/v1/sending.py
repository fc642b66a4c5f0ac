"""An answer goes out.

0. While the answer is being made: `typing-shown`.
1. orchestrator commands `send-message`; channel-ingress plans it by a dated policy table, commits
   the intent, then calls. What has to wait is said: `message-delayed`.
2. For web chat the call is the command `deliver-to-visitor` to gateway.
3. The outcome is said honestly: `message-sent`, `message-failed`, or `message-unknown` when no
   answer was read. Later news is `message-status-changed`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Command, Event, Part, Request, ShortText, Stream
from contracts.v1.shapes import (
    ChannelType,
    Citation,
    ExternalId,
    MessageExtras,
    MessageText,
    Price,
    RecordedMessage,
    SendPlan,
)


class TypingShown(Stream, owner="orchestrator", heard_by=("channel-ingress", "gateway"), version=1):
    """An answer is being made: mark the customer's message as read and show that we type.

    gateway shows a colleague's typing in the widget; the bot's it knows by `turn-started`.
    """

    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact_external_id: ExternalId = Field(description="To whom.")
    provider_message_id: ExternalId | None = Field(description="The customer's newest message.")
    ended: bool | None = Field(
        None, description="Whether nobody types any more although no message follows."
    )


class OutgoingBody(Part):
    """What to say, neutral of channels; adapters render it."""

    text: MessageText = Field(description="Markdown.")
    citations: Annotated[list[Citation], Field(max_length=20)] = Field(description="Its sources.")
    extras: MessageExtras | None = Field(
        None, description="Files, choices, a template, a place or a reaction."
    )


class SendMessage(Command, owner="channel-ingress", said_by=("orchestrator",), version=1):
    """Send this to the customer, unless the ownership number is stale."""

    send_id: UUID = Field(description="uuid5 of the message and part; sent at most once.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    contact_external_id: ExternalId = Field(description="To whom.")
    recorded_message_id: UUID = Field(description="The conversation's message that is sent.")
    seq: int = Field(ge=1, description="Its place; sends of a conversation go out in this order.")
    author: Literal["bot", "agent", "system"] = Field(description="Who says it.")
    turn_id: UUID | None = Field(description="The turn that wrote it.")
    ownership_number: int = Field(ge=1, description="Fencing number when it was committed.")
    body: OutgoingBody = Field(description="What to say.")
    reply_to: ExternalId | None = Field(description="Provider id of the message answered.")
    created_at: AwareDatetime = Field(description="When it was committed, UTC.")
    previous_seq: int | None = Field(
        None, ge=1, description="Place of the send before this one, which has to go out first."
    )
    author_name: ShortText | None = Field(
        None, description="The person's name, for agents; shown where the channel has room."
    )


class ConversationFenced(Answer):
    """From now on no send with a lower number leaves."""

    in_flight: bool = Field(
        description="Whether one that had left before was still without its answer at the end."
    )


class FenceConversation(
    Request[ConversationFenced], owner="channel-ingress", asked_by=("orchestrator",), version=1
):
    """Somebody took over: let no send with a lower number leave any more, and wait a moment for
    one that is on its way. `conversation-updated` says the same; this is for who waits for it.
    """

    conversation_id: UUID = Field(description="The conversation.")
    ownership_number: int = Field(ge=1, description="Its fencing number now.")


class DeliverToVisitor(Command, owner="gateway", said_by=("channel-ingress",), version=1):
    """Show this message in the visitor's open widgets (those closed replay it by seq)."""

    channel_id: UUID = Field(description="The web channel.")
    visitor_id: ExternalId = Field(description="The visitor.")
    conversation_id: UUID = Field(description="The conversation.")
    message: RecordedMessage = Field(description="The message and its place.")


class MessageSent(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.sent",
):
    """The provider accepted it."""

    send_id: UUID = Field(description="The send.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    recorded_message_id: UUID = Field(description="The message that was sent.")
    provider_message_ids: Annotated[list[ExternalId], Field(max_length=64)] = Field(
        description="wamid or mid, one a part."
    )
    text: MessageText = Field(description="What was sent, Markdown as it was written.")
    plan: SendPlan | None = Field(None, description="How the planner let it go out.")


class MessageFailed(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.failed",
):
    """It was certainly not delivered, and will not be tried again."""

    send_id: UUID = Field(description="The send.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    recorded_message_id: UUID = Field(description="The message that was to be sent.")
    code: Code = Field(description="Ours: window_closed, stale_ownership, token_invalid …")
    provider_code: int | None = Field(description="The provider's own number.")
    detail: ShortText = Field(description="One sentence for a person.")
    plan: SendPlan | None = Field(None, description="What the planner decided, if it was asked.")


class MessageDelayed(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.delayed",
):
    """It waits: for a new token, for the customer's pace, for the number's throughput."""

    send_id: UUID = Field(description="The send.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    recorded_message_id: UUID = Field(description="The message that waits.")
    code: Code = Field(description="token_invalid, pair_rate_limited, rate_limited …")
    detail: ShortText = Field(description="One sentence for a person.")
    until: AwareDatetime | None = Field(description="When it is tried; null: somebody has to act.")


class MessageUnknown(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.unknown",
):
    """The request left, no answer was read, and no evidence came: it is never resent blind."""

    send_id: UUID = Field(description="The send.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    recorded_message_id: UUID = Field(description="The message that may have been sent.")
    detail: ShortText = Field(description="One sentence for a person.")


class MessageStatusChanged(
    Event,
    owner="channel-ingress",
    heard_by=("orchestrator",),
    version=1,
    public="message.status-changed",
):
    """Delivered, read, or failed after all; never goes backwards."""

    send_id: UUID = Field(description="The send.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    channel_type: ChannelType = Field(description="Its channel's type.")
    recorded_message_id: UUID = Field(description="The message.")
    status: Literal["delivered", "read", "failed"] = Field(description="The new status.")
    provider_code: int | None = Field(description="Why it failed, the provider's number.")
    at: AwareDatetime = Field(description="When the provider says it happened, UTC.")
    detail: ShortText | None = Field(None, description="Why it failed, in words.")
    price: Price | None = Field(None, description="What the provider says it costs.")
