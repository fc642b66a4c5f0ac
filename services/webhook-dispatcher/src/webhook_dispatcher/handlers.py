"""Events heard: kept in the log, planned for endpoints, published on the feed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from contracts.catalogue import heard_by
from contracts.message import Event
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import RepeatConfiguration, TenantConfigured
from observe import get_logger
from outbox import Outbox, RetryLater, traceparent_of
from postgres import Transaction
from webhook_dispatcher.cloud_events import PublicEvent, render
from webhook_dispatcher.domain import wants_event
from webhook_dispatcher.store import Store

EventType = TypeVar("EventType", bound=Event)

BATCH = 200

_log = get_logger("handlers")


class Handlers:
    """What is done with each public event, in the transaction that marks it heard."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        *,
        publish_soon: Callable[[Sequence[PublicEvent]], None],
        wake_dispatcher: Callable[[], None],
        public_url: str,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._publish_soon = publish_soon
        self._wake_dispatcher = wake_dispatcher
        self._public_url = public_url
        # Slugs never change, so what was read once stays true.
        self._slugs: dict[UUID, str] = {}

    async def on_events(self, events: Sequence[Event], tx: Transaction) -> None:
        """Log public events of one kind, plan their deliveries, owe them to the feed."""
        events = [event for event in events if event.tenant_id != PLATFORM]
        for event in events:
            if isinstance(event, TenantConfigured):
                await self._keep_tenant(event, tx)
        await self._know_slugs({event.tenant_id for event in events}, tx)
        public = [
            render(event, self._slugs[event.tenant_id], traceparent_of(event), self._public_url)
            for event in events
        ]
        fresh_ids = await self._store.log_events(tx, public) if public else set()
        fresh = [event for event in public if event.event_id in fresh_ids]
        if not fresh:
            return
        await self._store.owe_publication(tx, fresh)
        tx.after_commit.append(lambda: self._publish_soon(fresh))
        await self._plan(fresh, tx)

    async def ask_for_tenants(self, tx: Transaction) -> None:
        """Ask gateway to say every tenant again, if none is known here."""
        if not await self._store.knows_any_tenant(tx):
            command = RepeatConfiguration.make(tenant_id=PLATFORM, service="webhook-dispatcher")
            await self._outbox.say(tx, command)

    async def _keep_tenant(self, event: TenantConfigured, tx: Transaction) -> None:
        await self._store.keep_tenant(tx, event.tenant_id, event.slug, event.state, event.revision)

    async def _know_slugs(self, tenant_ids: set[UUID], tx: Transaction) -> None:
        unknown = tenant_ids - self._slugs.keys()
        if not unknown:
            return
        self._slugs.update(await self._store.tenant_slugs(tx, list(unknown)))
        missing = tenant_ids - self._slugs.keys()
        if missing:
            raise RetryLater(f"{len(missing)} tenants were not announced here yet")

    async def _plan(self, events: Sequence[PublicEvent], tx: Transaction) -> None:
        tenants = {event.tenant_id for event in events}
        endpoints = await self._store.enabled_endpoints(tx, list(tenants))
        wanted = [
            (tenant_id, endpoint_id, event.event_id)
            for tenant_id, endpoint_id, patterns in endpoints
            for event in events
            if event.tenant_id == tenant_id and wants_event(event.event_type, patterns)
        ]
        if wanted and await self._store.plan_deliveries(tx, wanted):
            tx.after_commit.append(self._wake_dispatcher)


def hear_public_events(outbox: Outbox, handlers: Handlers, linger_seconds: float) -> None:
    """Listen to everything that the catalogue marks public."""
    for message in heard_by("webhook-dispatcher"):
        if issubclass(message, Event):
            outbox.hear_batch(
                message, _batch_handler(handlers), batch=BATCH, linger_seconds=linger_seconds
            )


def _batch_handler(
    handlers: Handlers,
) -> Callable[[list[EventType], Transaction], Awaitable[None]]:
    async def handle(events: list[EventType], tx: Transaction) -> None:
        await handlers.on_events(events, tx)

    return handle
