"""What the orchestrator says, built from what it decided. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, Literal
from uuid import UUID

from contracts.message import Message
from contracts.v1.channels import EchoReceived, MessageReceived
from contracts.v1.sending import OutgoingBody, SendMessage, TypingShown
from contracts.v1.shapes import (
    ChannelType,
    Citation,
    MessageContent,
    RecordedMessage,
)
from contracts.v1.turns import (
    ConversationUpdated,
    HandoffRequested,
    MessageRecorded,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
)
from orchestrator.answering import Draft
from orchestrator.domain import Leased, Standing, inbound_identity
from orchestrator.failures import TurnFailure
from orchestrator.storable import clipped, storable_text
from orchestrator.store import Aside, LockedConversation, Placed
from orchestrator.tools import HandoffReason

_CUSTOMER_TEXT_BYTES_MAX: Final = 150_000
_LONG_TEXT_CHARACTERS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message shares with the one that caused it, and where its conversation is."""

    tenant_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    conversation_id: UUID
    channel_id: UUID
    channel_type: ChannelType
    contact_external_id: str

    @classmethod
    def of(cls, conversation: LockedConversation, cause: Message) -> "Envelope":
        """Continue the story of a heard message."""
        return cls(
            conversation.tenant_id,
            cause.correlation_id,
            cause.message_id,
            conversation.conversation_id,
            conversation.channel_id,
            conversation.channel_type,
            conversation.contact.external_id,
        )

    @classmethod
    def of_turn(cls, leased: Leased) -> "Envelope":
        """Tell the story of a turn."""
        return cls(
            leased.tenant_id,
            leased.turn_id,
            None,
            leased.conversation_id,
            leased.channel_id,
            leased.channel_type,
            leased.contact_external_id,
        )

    @classmethod
    def by_itself(cls, conversation: LockedConversation) -> "Envelope":
        """Tell what no message caused."""
        return cls(
            conversation.tenant_id,
            conversation.conversation_id,
            None,
            conversation.conversation_id,
            conversation.channel_id,
            conversation.channel_type,
            conversation.contact.external_id,
        )

    @property
    def is_watched(self) -> bool:
        """Whether a live view follows its messages: the widget does, nobody watches the others."""
        return self.channel_type == "webchat"

    def fields(self, *, contact: bool) -> dict[str, Any]:
        """Return the fields that all messages about a conversation have."""
        shared: dict[str, Any] = {
            "tenant_id": self.tenant_id,
            "correlation_id": self.correlation_id,
            "causation_id": self.causation_id,
            "conversation_id": self.conversation_id,
            "channel_id": self.channel_id,
            "channel_type": self.channel_type,
        }
        if contact:
            shared["contact_external_id"] = self.contact_external_id
        return shared


def customer_recorded(
    envelope: Envelope, heard: MessageReceived, placed: Placed
) -> MessageRecorded:
    """A customer's message has its place."""
    # Whole in the database; what travels stays under the bus's limit.
    text = clipped(storable_text(heard.content.text or ""), _CUSTOMER_TEXT_BYTES_MAX)
    message = RecordedMessage(
        recorded_message_id=inbound_identity(heard.conversation_id, heard.provider_message_id),
        seq=placed.seq,
        role="customer",
        text=text,
        content=_beside(heard.content, text),
        citations=[],
        created_at=placed.created_at,
        client_message_id=heard.client_message_id,
        turn_id=None,
        delivery="none",
        delivery_code=None,
        provider_message_id=heard.provider_message_id,
        reply_to=heard.reply_to,
        sent_at=heard.sent_at,
    )
    return MessageRecorded.make(**envelope.fields(contact=True), message=message)


def echo_recorded(
    envelope: Envelope, heard: EchoReceived, placed: Placed, author: str
) -> MessageRecorded:
    """What the business said by another way has its place."""
    text = clipped(storable_text(heard.content.text or ""), _CUSTOMER_TEXT_BYTES_MAX)
    message = RecordedMessage(
        recorded_message_id=inbound_identity(heard.conversation_id, heard.provider_message_id),
        seq=placed.seq,
        role="agent",
        text=text,
        content=_beside(heard.content, text),
        citations=[],
        created_at=placed.created_at,
        client_message_id=None,
        turn_id=None,
        delivery="accepted",
        delivery_code=None,
        author=author,
        provider_message_id=heard.provider_message_id,
        sent_at=heard.sent_at,
    )
    return MessageRecorded.make(**envelope.fields(contact=True), message=message)


def typing_shown(leased: Leased, *, ended: bool = False) -> TypingShown:
    """An answer is being made, or not any more."""
    return TypingShown.make(
        **Envelope.of_turn(leased).fields(contact=True),
        provider_message_id=leased.newest_provider_message_id,
        ended=True if ended else None,
    )


def _beside(content: MessageContent, text: str) -> MessageContent | None:
    """Return the content if it is more than text; long words travel once."""
    if content.kind == "text":
        return None
    if len(text) > _LONG_TEXT_CHARACTERS:
        return content.model_copy(update={"text": None})
    return content


def aside_recorded(said: Aside, placed: Placed) -> RecordedMessage:
    """Show a message that was said beside the bot's turns."""
    return RecordedMessage(
        recorded_message_id=said.message_id,
        seq=placed.seq,
        role=said.role,
        text=said.text,
        content=None,
        citations=[],
        created_at=placed.created_at,
        client_message_id=None,
        turn_id=said.turn_id,
        delivery="planned",
        delivery_code=None,
        author=said.author,
        reply_to=said.reply_to,
        extras=said.extras,
    )


def reply_recorded(
    leased: Leased, reply_id: UUID, text: str, citations: Sequence[Citation], placed: Placed
) -> RecordedMessage:
    """Show the bot's reply of a turn."""
    return RecordedMessage(
        recorded_message_id=reply_id,
        seq=placed.seq,
        role="bot",
        text=text,
        content=None,
        citations=list(citations),
        created_at=placed.created_at,
        client_message_id=None,
        turn_id=leased.turn_id,
        delivery="planned",
        delivery_code=None,
    )


def recorded_and_sent(
    envelope: Envelope,
    message: RecordedMessage,
    *,
    send_id: UUID,
    author: Literal["bot", "agent", "system"],
    ownership_number: int,
    previous_seq: int | None,
) -> list[MessageRecorded | SendMessage]:
    """An outgoing message has its place, which a live view is told, and shall be sent."""
    send = SendMessage.make(
        **envelope.fields(contact=True),
        send_id=send_id,
        recorded_message_id=message.recorded_message_id,
        seq=message.seq,
        author=author,
        turn_id=message.turn_id,
        ownership_number=ownership_number,
        body=OutgoingBody(text=message.text, citations=message.citations, extras=message.extras),
        reply_to=message.reply_to,
        created_at=message.created_at,
        previous_seq=previous_seq,
        author_name=message.author,
    )
    if not envelope.is_watched:
        return [send]
    return [MessageRecorded.make(**envelope.fields(contact=True), message=message), send]


def conversation_updated(
    envelope: Envelope,
    standing: Standing,
    *,
    tags: Sequence[str] | None = None,
    snoozed_until: datetime | None = None,
    by: str | None = None,
) -> ConversationUpdated:
    """Status, owner or tags changed."""
    return ConversationUpdated.make(
        **envelope.fields(contact=True),
        status=standing.status,
        owner_kind=standing.owner_kind,
        assignee=standing.assignee,
        ownership_number=standing.ownership_number,
        tags=None if tags is None else list(tags),
        snoozed_until=snoozed_until,
        by=by,
    )


def handoff_requested(
    envelope: Envelope, standing: Standing, reason: HandoffReason, detail: str
) -> HandoffRequested:
    """A person should take the conversation."""
    return HandoffRequested.make(
        **envelope.fields(contact=False),
        reason=reason,
        detail=detail[:512],
        ownership_number=standing.ownership_number,
    )


def handed_off(envelope: Envelope, turn_id: UUID, message: RecordedMessage | None) -> TurnCompleted:
    """A turn ended with a handoff instead of an answer."""
    return TurnCompleted.make(
        **{**envelope.fields(contact=False), "correlation_id": turn_id},
        turn_id=turn_id,
        outcome="handed_off",
        recorded_message_id=None if message is None else message.recorded_message_id,
        seq=None if message is None else message.seq,
        text="" if message is None else message.text,
        citations=[],
        model=None,
        input_tokens=0,
        output_tokens=0,
        cost_usd=None,
        tool_rounds=0,
        duration_milliseconds=0,
    )


def turn_started(leased: Leased) -> TurnStarted:
    """A worker answers all unanswered messages."""
    return TurnStarted.make(
        **Envelope.of_turn(leased).fields(contact=True),
        turn_id=leased.turn_id,
        attempt=leased.lease_epoch,
        first_seq=leased.first_seq,
        last_seq=leased.last_seq,
    )


def turn_completed(
    leased: Leased,
    outcome: Literal["answered", "handed_off", "failed_politely"],
    message: RecordedMessage,
    draft: Draft,
) -> TurnCompleted:
    """A turn ended with something to say."""
    return TurnCompleted.make(
        **Envelope.of_turn(leased).fields(contact=False),
        turn_id=leased.turn_id,
        outcome=outcome,
        recorded_message_id=message.recorded_message_id,
        seq=message.seq,
        text=message.text,
        citations=message.citations,
        model=draft.model,
        input_tokens=draft.input_tokens,
        output_tokens=draft.output_tokens,
        cost_usd=draft.cost_usd,
        tool_rounds=draft.tool_rounds,
        duration_milliseconds=_milliseconds_since(leased.leased_monotonic),
        superseded=leased.superseded,
        confidence=draft.confidence,
        decision=draft.decision,
    )


def turn_suppressed(leased: Leased, draft: Draft) -> TurnCompleted:
    """A turn ended on purpose with nothing: somebody else owns the conversation now."""
    return TurnCompleted.make(
        **Envelope.of_turn(leased).fields(contact=False),
        turn_id=leased.turn_id,
        outcome="suppressed",
        recorded_message_id=None,
        seq=None,
        text="",
        citations=[],
        model=draft.model,
        input_tokens=draft.input_tokens,
        output_tokens=draft.output_tokens,
        cost_usd=draft.cost_usd,
        tool_rounds=draft.tool_rounds,
        duration_milliseconds=_milliseconds_since(leased.leased_monotonic),
        superseded=leased.superseded,
    )


def turn_failed(leased: Leased, failure: TurnFailure, *, final: bool) -> TurnFailed:
    """A try at a turn failed."""
    return TurnFailed.make(
        **Envelope.of_turn(leased).fields(contact=False),
        turn_id=leased.turn_id,
        attempt=leased.lease_epoch,
        code=failure.code,
        detail=failure.detail,
        final=final,
    )


def _milliseconds_since(started: float) -> int:
    return max(0, round((monotonic() - started) * 1000))
