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
    answer_ids: Annotated[list[UUID], Field(max_length=20)] = Field(
        description="Messages that answer it."
    )
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


class GetChannelSteps(
    Request[ChannelStepsFound], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """How did a message come in, and how did its answers go out?"""

    channel_id: UUID = Field(description="The channel.")
    provider_message_id: ExternalId | None = Field(description="The customer's message.")
    recorded_message_ids: Annotated[list[UUID], Field(max_length=20)] = Field(
        description="Messages that were sent."
    )
