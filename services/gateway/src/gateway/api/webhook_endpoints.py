"""Where a tenant's events are sent: webhook-dispatcher owns endpoints and deliveries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from contracts.v1.webhooks import (
    CreateEndpoint,
    Delivery,
    Endpoint,
    EndpointSaved,
    EventType,
    GetEndpoint,
    ListDeliveries,
    ListEndpoints,
    RedeliverEvent,
    RemoveEndpoint,
    SendTestEvent,
    UpdateEndpoint,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Parts, Shape, With, position
from gateway.door import Principal
from gateway.words import Note

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/webhooks", tags=["webhooks"], route_class=GuardedRoute
)

Url = Annotated[str, StringConstraints(min_length=8, max_length=2_048)]
EventTypes = Annotated[list[EventType], Field(max_length=64)]


class NewEndpoint(Shape):
    """An endpoint to be made."""

    url: Url = Field(description="https, public address.")
    description: Note = Field("", description="A note of your own.")
    event_types: EventTypes = Field(
        [], description="`message.received`, `message.*`; empty means all."
    )


class EndpointChange(Shape):
    """What is to change; absent fields stay."""

    url: Url | None = Field(None, description="New address.")
    description: Note | None = Field(None, description="New note.")
    event_types: EventTypes | None = Field(None, description="New filter.")
    enabled: bool | None = Field(None, description="On or off.")
    rotate_secret: bool = Field(
        False, description="Make a new secret; the old one signs 24 h longer."
    )


class EndpointShown(Endpoint):
    """An endpoint; `secret` is there only when it was just made."""

    secret: str | None = None


class EndpointsShown(BaseModel):
    """A page of endpoints, the oldest first."""

    items: list[Endpoint]
    next_cursor: str | None


class DeliveriesShown(BaseModel):
    """A page of deliveries, the newest first."""

    items: list[Delivery]
    next_cursor: str | None


class Redelivery(Shape):
    """Which event is to be sent once more."""

    event_id: UUID = Field(description="The event.")


class Queued(BaseModel):
    """It is on its way."""

    event_id: UUID


@router.post("", status_code=201)
async def create_webhook(
    tenant_id: UUID, body: NewEndpoint, parts: With, who: Caller
) -> EndpointShown:
    """Make an endpoint; its signing secret is shown this once."""
    request = CreateEndpoint.make(tenant_id=tenant_id, **body.model_dump())
    saved = await parts.ask(request)
    await _note(parts, tenant_id, who, "webhook.created", saved.endpoint.endpoint_id)
    return _shown(saved)


@router.get("")
async def list_webhooks(
    tenant_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 50
) -> EndpointsShown:
    """The tenant's endpoints, the oldest first."""
    name = f"webhooks:{tenant_id}"
    after = position(parts.cursors.read(name, cursor))
    answer = await parts.ask(ListEndpoints.make(tenant_id=tenant_id))
    # The owner tells all of them (200 at most): the page is cut here.
    rest = sorted(answer.endpoints, key=_place)
    page = parts.page(
        name,
        [row for row in rest if after is None or _place(row) > after],
        limit,
        lambda endpoint: endpoint.endpoint_id,
    )
    return EndpointsShown(**page)


def _place(endpoint: Endpoint) -> tuple[datetime, str]:
    return endpoint.created_at, str(endpoint.endpoint_id)


@router.get("/{webhook_id}")
async def get_webhook(tenant_id: UUID, webhook_id: UUID, parts: With) -> EndpointShown:
    """One endpoint."""
    return _shown(await parts.ask(GetEndpoint.make(tenant_id=tenant_id, endpoint_id=webhook_id)))


@router.put("/{webhook_id}")
async def update_webhook(
    tenant_id: UUID, webhook_id: UUID, body: EndpointChange, parts: With, who: Caller
) -> EndpointShown:
    """Change an endpoint, switch it on or off, or make a new secret."""
    request = UpdateEndpoint.make(tenant_id=tenant_id, endpoint_id=webhook_id, **body.model_dump())
    saved = await parts.ask(request)
    changed = sorted(body.model_fields_set)
    await _note(parts, tenant_id, who, "webhook.updated", webhook_id, changed=changed)
    return _shown(saved)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(tenant_id: UUID, webhook_id: UUID, parts: With, who: Caller) -> Response:
    """Remove an endpoint; what waits for it is cancelled."""
    await parts.ask(RemoveEndpoint.make(tenant_id=tenant_id, endpoint_id=webhook_id))
    await _note(parts, tenant_id, who, "webhook.removed", webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    tenant_id: UUID,
    webhook_id: UUID,
    parts: With,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
) -> DeliveriesShown:
    """What became of the events for an endpoint, with every try."""
    name = f"deliveries:{tenant_id}:{webhook_id}"
    answer = await parts.ask(
        ListDeliveries.make(
            tenant_id=tenant_id,
            endpoint_id=webhook_id,
            cursor=parts.cursors.read(name, cursor),
            limit=limit,
        )
    )
    return DeliveriesShown(
        items=answer.deliveries, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.post("/{webhook_id}/test", status_code=202)
async def test_webhook(tenant_id: UUID, webhook_id: UUID, parts: With) -> Queued:
    """Send a `webhook.test` event to this endpoint."""
    answer = await parts.ask(SendTestEvent.make(tenant_id=tenant_id, endpoint_id=webhook_id))
    return Queued(event_id=answer.event_id)


@router.post("/{webhook_id}/redeliver", status_code=202)
async def redeliver(tenant_id: UUID, webhook_id: UUID, body: Redelivery, parts: With) -> Queued:
    """Send an event to this endpoint once more, under the same id."""
    answer = await parts.ask(
        RedeliverEvent.make(tenant_id=tenant_id, endpoint_id=webhook_id, event_id=body.event_id)
    )
    return Queued(event_id=answer.event_id)


async def _note(
    parts: Parts, tenant_id: UUID, who: Principal, action: str, subject: UUID, **detail: object
) -> None:
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, action, subject, **detail)


def _shown(saved: EndpointSaved) -> EndpointShown:
    return EndpointShown(secret=saved.secret, **saved.endpoint.model_dump())
