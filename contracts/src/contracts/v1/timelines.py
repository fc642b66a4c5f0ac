"""The way of one message through the services: each tells its steps, gateway puts them together.

llm-router's steps are `list-model-calls`.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Part, Request, ShortText
from contracts.v1.shapes import ExternalId


class TimelineStep(Part):
    """Something that a service did."""

    at: AwareDatetime = Field(description="When, UTC.")
    what: Code = Field(description="received, placed, turn_began, searched, model_called, sent …")
    detail: ShortText = Field(description="One sentence for a person.")
    milliseconds: float | None = Field(ge=0, description="How long it took, where that is known.")
    facts: Annotated[str, Field(max_length=4_096)] = Field(
        description="JSON object: codes, counts, models, money; never words of the customer."
    )


class ConversationStepsFound(Answer):
    """What orchestrator did with a message, and where others have their part."""

    steps: Annotated[list[TimelineStep], Field(max_length=200)] = Field(description="In order.")
    conversation_id: UUID = Field(description="The conversation.")
    channel_id: UUID = Field(description="Its channel.")
    provider_message_id: ExternalId | None = Field(description="The customer's message.")
    turn_ids: Annotated[list[UUID], Field(max_length=20)] = Field(description="Turns about it.")
    contact_external_id: ExternalId = Field(description="The customer, as the channel knows them.")
    send_ids: Annotated[list[UUID], Field(max_length=20)] = Field(
        description="Sends of the messages that answer it, or of the message itself."
    )
    began_at: AwareDatetime = Field(description="When the first step was, UTC.")
    ended_at: AwareDatetime = Field(description="When the last step was, UTC.")
    trace_ids: Annotated[list[ShortText], Field(max_length=20)] = Field(
        description="W3C trace ids, where the trace was sampled."
    )


class GetConversationSteps(
    Request[ConversationStepsFound], owner="orchestrator", asked_by=("gateway",), version=1
):
    """What became of a message? A customer's or ours; refused with `not_found`."""

    conversation_id: UUID = Field(description="The conversation.")
    recorded_message_id: UUID = Field(description="The message.")


class ChannelStepsFound(Answer):
    """What channel-ingress did with messages."""

    steps: Annotated[list[TimelineStep], Field(max_length=200)] = Field(description="In order.")
    delivery_id: UUID | None = Field(description="The body at gateway's door that it came in.")


class GetChannelSteps(
    Request[ChannelStepsFound], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """How did a message come in, and how did its answers go out?"""

    channel_id: UUID = Field(description="The channel.")
    provider_message_id: ExternalId | None = Field(description="The customer's message.")
    contact_external_id: ExternalId = Field(description="The customer, as the channel knows them.")
    send_ids: Annotated[list[UUID], Field(max_length=20)] = Field(description="Sends about it.")


class EventStepsFound(Answer):
    """What integrators were told of a conversation."""

    steps: Annotated[list[TimelineStep], Field(max_length=200)] = Field(description="In order.")


class GetEventSteps(
    Request[EventStepsFound], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Which events of a conversation were there in a time, and were they delivered?"""

    conversation_id: UUID = Field(description="The conversation.")
    since: AwareDatetime = Field(description="From here on, UTC.")
    until: AwareDatetime = Field(description="Up to here, UTC.")
