"""Events out to integrators: webhook-dispatcher owns endpoints, deliveries and the event log."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Event, Part, Request, ShortText
from contracts.v1.shapes import Cursor, Limit

EventType = Annotated[str, Field(max_length=64, pattern=r"^[a-z*][a-z0-9.*-]*$")]
Url = Annotated[str, Field(max_length=2_048)]


class Endpoint(Part):
    """A tenant's webhook endpoint as the API shows it."""

    endpoint_id: UUID = Field(description="The endpoint.")
    url: Url = Field(description="Where events are POSTed.")
    description: ShortText = Field(description="The tenant's note.")
    event_types: Annotated[list[EventType], Field(max_length=64)] = Field(
        description="`message.received`, `message.*`; empty means all."
    )
    enabled: bool = Field(description="Whether events are delivered.")
    disabled_reason: ShortText | None = Field(description="Why it was switched off by us.")
    secret_hint: Annotated[str, Field(max_length=16)] = Field(
        description="Last characters of the signing secret."
    )
    created_at: AwareDatetime = Field(description="When it was made, UTC.")


class Attempt(Part):
    """One try at a delivery."""

    attempt: int = Field(ge=1, description="Which try.")
    at: AwareDatetime = Field(description="When, UTC.")
    status_code: int | None = Field(description="HTTP status; null if no answer was read.")
    code: Code = Field(description="delivered, http_error, timeout, blocked_address …")
    milliseconds: int = Field(ge=0, description="Time taken.")
    answer: Annotated[str, Field(max_length=16_384)] = Field(description="Begin of the answer.")


class Delivery(Part):
    """An event on its way to an endpoint."""

    delivery_id: UUID = Field(description="The delivery.")
    endpoint_id: UUID = Field(description="Where it goes.")
    event_id: UUID = Field(description="The event; `webhook-id` on every try.")
    event_type: EventType = Field(description="Its type.")
    state: Literal["pending", "delivered", "exhausted", "cancelled"] = Field(description="State.")
    attempts: Annotated[list[Attempt], Field(max_length=32)] = Field(description="Tries so far.")
    next_attempt_at: AwareDatetime | None = Field(description="When it is tried again, UTC.")
    created_at: AwareDatetime = Field(description="When the event was heard, UTC.")


class EndpointSaved(Answer):
    """The endpoint, and its secret the only time it is shown."""

    endpoint: Endpoint = Field(description="The endpoint.")
    secret: Annotated[str, Field(max_length=128)] | None = Field(
        description="`whsec_…`, only when it was just made."
    )


class EndpointsListed(Answer):
    """All endpoints of the tenant."""

    endpoints: Annotated[list[Endpoint], Field(max_length=200)] = Field(description="Oldest first.")


class EndpointRemoved(Answer):
    """It is gone; pending deliveries to it are cancelled."""

    endpoint_id: UUID = Field(description="Which.")


class DeliveriesListed(Answer):
    """A page of deliveries, the newest first."""

    deliveries: Annotated[list[Delivery], Field(max_length=200)] = Field(description="The page.")
    next_cursor: Cursor | None = Field(description="Where the next page begins; null at the end.")


class EventQueued(Answer):
    """An event is on its way."""

    event_id: UUID = Field(description="The event.")


class CreateEndpoint(
    Request[EndpointSaved], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Make an endpoint; refused with `invalid_url`, `invalid_event_type` or `quota_exceeded`."""

    url: Url = Field(description="https, public address.")
    description: ShortText = Field(description="The tenant's note.")
    event_types: Annotated[list[EventType], Field(max_length=64)] = Field(
        description="Empty means all."
    )


class UpdateEndpoint(
    Request[EndpointSaved], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Change an endpoint; null keeps a field."""

    endpoint_id: UUID = Field(description="Which.")
    url: Url | None = Field(description="New address.")
    description: ShortText | None = Field(description="New note.")
    event_types: Annotated[list[EventType], Field(max_length=64)] | None = Field(
        description="New filter."
    )
    enabled: bool | None = Field(description="On or off.")
    rotate_secret: bool = Field(description="Make a new secret; the old one signs 24 h longer.")


class GetEndpoint(
    Request[EndpointSaved], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """One endpoint (without its secret); refused with `not_found`."""

    endpoint_id: UUID = Field(description="Which.")


class ListEndpoints(
    Request[EndpointsListed], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Which endpoints does the tenant have?"""


class RemoveEndpoint(
    Request[EndpointRemoved], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Delete an endpoint."""

    endpoint_id: UUID = Field(description="Which.")


class ListDeliveries(
    Request[DeliveriesListed], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """What became of the events for an endpoint?"""

    endpoint_id: UUID = Field(description="Which.")
    cursor: Cursor | None = Field(description="Where the page begins.")
    limit: Limit = Field(description="Size of the page.")


class RedeliverEvent(
    Request[EventQueued], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Send an event to an endpoint once more, under the same id."""

    endpoint_id: UUID = Field(description="Where.")
    event_id: UUID = Field(description="Which.")


class SendTestEvent(
    Request[EventQueued], owner="webhook-dispatcher", asked_by=("gateway",), version=1
):
    """Send a `webhook.test` event to one endpoint."""

    endpoint_id: UUID = Field(description="Where.")


class EndpointDisabled(
    Event,
    owner="webhook-dispatcher",
    heard_by=(),
    version=1,
    public="webhook.disabled",
):
    """An endpoint was switched off because it kept failing or said 410."""

    endpoint_id: UUID = Field(description="Which.")
    url: Url = Field(description="Its address.")
    reason: ShortText = Field(description="Why, for a person.")
