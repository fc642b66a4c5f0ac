"""How a channel is: channel-ingress finds out, gateway shows, integrators and operators hear.

1. Calls, webhooks and a regular look at the provider make findings; when the worst of them
   changes: `channel-health-changed`.
2. Somebody asks: `get-channel-health` for what is known, `check-channel` to look now.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Event, Part, Request
from contracts.v1.shapes import ChannelType

HealthLevel = Literal["green", "yellow", "red", "unknown"]


class HealthFinding(Part):
    """The result of one check."""

    check: Code = Field(
        description="token, permissions, webhook_subscription, number, quality, templates, "
        "graph_version, sends, silence."
    )
    level: HealthLevel = Field(description="How bad it is.")
    code: Code = Field(description="What was found: ok, token_invalid, not_subscribed, silent …")
    provider_code: int | None = Field(description="The provider's own number.")
    detail: Annotated[str, Field(max_length=2_000)] = Field(
        description="What was found and what to do, with the provider's own words."
    )
    checked_at: AwareDatetime = Field(description="When, UTC.")


class ChannelHealth(Part):
    """All that is known of a channel's health."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    level: HealthLevel = Field(description="The worst finding.")
    findings: Annotated[list[HealthFinding], Field(max_length=32)] = Field(
        description="The newest of each check, the worst first."
    )
    last_event_at: AwareDatetime | None = Field(description="When it last said something, UTC.")
    token_expires_at: AwareDatetime | None = Field(description="Null: never, or unknown.")
    parked_sends: int = Field(ge=0, description="Messages that wait for the channel.")


class ChannelHealthFound(Answer):
    """The health of one channel."""

    health: ChannelHealth = Field(description="All of it.")


class ChannelHealthChanged(
    Event,
    owner="channel-ingress",
    heard_by=(),
    version=1,
    public="channel.health-changed",
):
    """A channel became better or worse."""

    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Its type.")
    level: HealthLevel = Field(description="From now on.")
    previous_level: HealthLevel = Field(description="Until now.")
    finding: HealthFinding = Field(description="What made the difference.")
    parked_sends: int = Field(ge=0, description="Messages that wait for the channel.")


class GetChannelHealth(
    Request[ChannelHealthFound], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """What is known; refused with `not_found`."""

    channel_id: UUID = Field(description="Which.")


class CheckChannel(
    Request[ChannelHealthFound], owner="channel-ingress", asked_by=("gateway",), version=1
):
    """Ask the provider now, with the channel's own token; refused with `not_found`."""

    channel_id: UUID = Field(description="Which.")
