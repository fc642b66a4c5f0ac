"""Requests answered: endpoints and their deliveries, asked for by gateway's API."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from bus import Bus, Refused
from contracts.catalogue import all_messages
from contracts.v1.webhooks import (
    CreateEndpoint,
    DeliveriesListed,
    Endpoint,
    EndpointRemoved,
    EndpointSaved,
    EndpointsListed,
    EventQueued,
    GetEndpoint,
    ListDeliveries,
    ListEndpoints,
    RedeliverEvent,
    RemoveEndpoint,
    SendTestEvent,
    UpdateEndpoint,
)
from egress import EgressPolicy, InvalidUrl
from postgres import Database, Transaction
from sealing import KeyRing
from webhook_dispatcher.cloud_events import TEST_TYPE, render_test
from webhook_dispatcher.domain import patterns_without_events
from webhook_dispatcher.signing import hint_of, new_secret, seal_secret
from webhook_dispatcher.store import Store

ENDPOINTS_MAX: Final = 20
_FIRST_PAGE: Final = 2**63 - 1


class EndpointRequests:
    """Answers about one tenant's endpoints; another tenant's do not exist for it."""

    def __init__(
        self,
        database: Database,
        store: Store,
        ring: KeyRing,
        policy: EgressPolicy,
        *,
        wake_dispatcher: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._store = store
        self._ring = ring
        self._policy = policy
        self._wake_dispatcher = wake_dispatcher
        self._now = now

    def register(self, bus: Bus) -> None:
        """Answer every request of this story."""
        bus.answer(CreateEndpoint, self.create)
        bus.answer(UpdateEndpoint, self.update)
        bus.answer(GetEndpoint, self.get)
        bus.answer(ListEndpoints, self.list_all)
        bus.answer(RemoveEndpoint, self.remove)
        bus.answer(ListDeliveries, self.list_deliveries)
        bus.answer(RedeliverEvent, self.redeliver)
        bus.answer(SendTestEvent, self.send_test)

    async def create(self, request: CreateEndpoint) -> EndpointSaved:
        """Make an endpoint with a new secret, shown this once."""
        self._check_url(request.url)
        _check_types(request.event_types)
        secret, tenant_id = new_secret(), request.tenant_id
        # The request's own id: asked twice, made once.
        endpoint_id = request.message_id
        async with self._database.transaction(tenant_id) as tx:
            if await self._store.count_endpoints(tx, tenant_id) >= ENDPOINTS_MAX:
                raise Refused("quota_exceeded", f"A tenant has at most {ENDPOINTS_MAX} endpoints.")
            await self._store.add_endpoint(
                tx,
                tenant_id,
                endpoint_id,
                url=request.url,
                description=request.description,
                event_types=request.event_types,
                secret_hint=hint_of(secret),
            )
            sealed = seal_secret(self._ring, secret, tenant_id, endpoint_id)
            await self._store.add_secret(tx, tenant_id, endpoint_id, sealed)
            endpoint = await self._find(tx, tenant_id, endpoint_id)
        return EndpointSaved(endpoint=endpoint, secret=secret)

    async def update(self, request: UpdateEndpoint) -> EndpointSaved:
        """Change an endpoint; a rotated secret signs beside the old one for a day."""
        if request.url is not None:
            self._check_url(request.url)
        _check_types(request.event_types or ())
        tenant_id, endpoint_id = request.tenant_id, request.endpoint_id
        secret = new_secret() if request.rotate_secret else None
        async with self._database.transaction(tenant_id) as tx:
            found = await self._store.change_endpoint(
                tx,
                tenant_id,
                endpoint_id,
                url=request.url,
                description=request.description,
                event_types=request.event_types,
                enabled=request.enabled,
                secret_hint=hint_of(secret) if secret else None,
            )
            if not found:
                raise _not_found()
            if secret is not None:
                sealed = seal_secret(self._ring, secret, tenant_id, endpoint_id)
                await self._store.add_secret(tx, tenant_id, endpoint_id, sealed)
            endpoint = await self._find(tx, tenant_id, endpoint_id)
        self._wake_dispatcher()
        return EndpointSaved(endpoint=endpoint, secret=secret)

    async def get(self, request: GetEndpoint) -> EndpointSaved:
        """One endpoint, without its secret."""
        async with self._database.transaction(request.tenant_id) as tx:
            endpoint = await self._find(tx, request.tenant_id, request.endpoint_id)
        return EndpointSaved(endpoint=endpoint, secret=None)

    async def list_all(self, request: ListEndpoints) -> EndpointsListed:
        """All endpoints of the tenant."""
        async with self._database.transaction(request.tenant_id) as tx:
            endpoints = await self._store.list_endpoints(tx, request.tenant_id)
        return EndpointsListed(endpoints=endpoints)

    async def remove(self, request: RemoveEndpoint) -> EndpointRemoved:
        """Delete an endpoint and what waits for it."""
        async with self._database.transaction(request.tenant_id) as tx:
            if not await self._store.remove_endpoint(tx, request.tenant_id, request.endpoint_id):
                raise _not_found()
        return EndpointRemoved(endpoint_id=request.endpoint_id)

    async def list_deliveries(self, request: ListDeliveries) -> DeliveriesListed:
        """A page of an endpoint's deliveries with their tries."""
        before = _position(request.cursor)
        async with self._database.transaction(request.tenant_id) as tx:
            await self._find(tx, request.tenant_id, request.endpoint_id)
            page = await self._store.list_deliveries(
                tx, request.tenant_id, request.endpoint_id, before=before, limit=request.limit + 1
            )
        shown = page[: request.limit]
        more = len(page) > len(shown)
        return DeliveriesListed(
            deliveries=[delivery for _, delivery in shown],
            next_cursor=str(shown[-1][0]) if more else None,
        )

    async def redeliver(self, request: RedeliverEvent) -> EventQueued:
        """Send an event once more; the schedule begins anew, the id stays."""
        async with self._database.transaction(request.tenant_id) as tx:
            queued = await self._store.redeliver(
                tx, request.tenant_id, request.endpoint_id, request.event_id
            )
            if not queued:
                raise Refused("not_found", "There is no such endpoint or event.")
            tx.after_commit.append(self._wake_dispatcher)
        return EventQueued(event_id=request.event_id)

    async def send_test(self, request: SendTestEvent) -> EventQueued:
        """Send `webhook.test` to one endpoint, past its filter; it is not on the feed."""
        tenant_id, endpoint_id = request.tenant_id, request.endpoint_id
        async with self._database.transaction(tenant_id) as tx:
            await self._find(tx, tenant_id, endpoint_id)
            slugs = await self._store.tenant_slugs(tx, [tenant_id])
            slug = slugs.get(tenant_id, str(tenant_id))
            event = render_test(uuid7(), tenant_id, slug, self._now())
            await self._store.log_events(tx, [event])
            await self._store.plan_deliveries(tx, [(tenant_id, endpoint_id, event.event_id)])
            tx.after_commit.append(self._wake_dispatcher)
        return EventQueued(event_id=event.event_id)

    def _check_url(self, url: str) -> None:
        try:
            self._policy.check_url(url)
        except InvalidUrl as error:
            raise Refused("invalid_url", str(error)) from error

    async def _find(self, tx: Transaction, tenant_id: UUID, endpoint_id: UUID) -> Endpoint:
        endpoint = await self._store.find_endpoint(tx, tenant_id, endpoint_id)
        if endpoint is None:
            raise _not_found()
        return endpoint


def _check_types(patterns: Sequence[str]) -> None:
    known = {message.public for message in all_messages() if message.public} | {TEST_TYPE}
    unknown = patterns_without_events(patterns, known)
    if unknown:
        raise Refused("invalid_event_type", f"There is no event like {', '.join(unknown[:5])}.")


def _not_found() -> Refused:
    return Refused("not_found", "There is no such endpoint.")


def _position(cursor: str | None) -> int:
    if cursor is None:
        return _FIRST_PAGE
    if not cursor.isdecimal() or int(cursor) > _FIRST_PAGE:
        raise Refused("invalid_cursor", "This cursor was not given by this API.")
    return int(cursor)
