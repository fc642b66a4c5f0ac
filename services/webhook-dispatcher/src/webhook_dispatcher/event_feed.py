"""The public feed: CloudEvents on the topic exchange `chat.events` of the vhost `events`.

Persistent and confirmed. An event that nobody subscribed goes to the alternate exchange, which is
normal, not an error: the event log keeps it. While the broker is away events wait in the database.
"""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractRobustConnection
from aio_pika.exceptions import ChannelPreconditionFailed

from contracts.definitions import PUBLIC_EXCHANGE, UNROUTABLE_EXCHANGE
from observe import afailpoint, get_logger
from postgres import Database, DatabaseAway
from process import ConfigurationError, Life
from webhook_dispatcher import metrics
from webhook_dispatcher.cloud_events import CONTENT_TYPE, TYPE_PREFIX, PublicEvent, amqp_headers
from webhook_dispatcher.store import Store

_APP_ID: Final = "meta-chat/webhook-dispatcher@0.1.0"
_IN_FLIGHT_MAX: Final = 50
_IN_MEMORY_MAX: Final = 5_000
_SWEEP_BATCH: Final = 200
_POLL_SECONDS: Final = 1.0
_PUBLISH_SECONDS: Final = 5.0

_log = get_logger("event_feed")


class FeedAway(Exception):
    """The feed's broker did not confirm; it is said again later under the same id."""


class EventFeed:
    """Publishes logged events for as long as the service lives."""

    def __init__(self, url: str, database: Database, store: Store) -> None:
        self._url = url
        self._database = database
        self._store = store
        self._connection: AbstractRobustConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._fresh: deque[PublicEvent] = deque()
        self._woken = asyncio.Event()

    async def start(self, life: Life) -> None:
        """Publish from now on; the broker may come later, the events wait in the database."""
        life.closing(self.close)
        life.check("events_feed", self.check)
        life.background("feeding", self._feed(life))

    async def connect(self) -> None:
        """Connect and declare the exchanges; raises what aio-pika raises without a broker."""
        connection = await aio_pika.connect_robust(
            self._url,
            client_properties={"connection_name": "webhook-dispatcher feed"},
            heartbeat=20,
            timeout=_PUBLISH_SECONDS,
        )
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
            self._exchange = await _declare(channel)
        except BaseException as error:
            # It is tried again with a new connection: this one would reconnect for ever.
            await connection.close()
            if isinstance(error, ChannelPreconditionFailed):
                raise ConfigurationError(f"CHAT_EVENTS_AMQP_URL: {error}") from error
            raise
        self._connection = connection

    async def close(self) -> None:
        """Close the connection; what is not confirmed stays in the database."""
        if self._connection is not None:
            await self._connection.close()

    async def check(self) -> None:
        """Raise when the feed's broker is away: for readiness."""
        connected = self._connection is not None and self._connection.connected.is_set()
        if self._exchange is None or not connected:
            raise FeedAway("not connected to the feed's broker")

    def publish_soon(self, events: Sequence[PublicEvent]) -> None:
        """These are committed now; more than memory should hold is left to the sweep."""
        self._fresh.extend(events[: max(0, _IN_MEMORY_MAX - len(self._fresh))])
        self._woken.set()

    async def _feed(self, life: Life) -> None:
        await life.reach("events_feed", self.connect, retry_on=(Exception,))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_forever())
            tasks.create_task(self._sweep_forever())

    async def _publish_forever(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._fresh:
                count = min(len(self._fresh), _SWEEP_BATCH)
                events = [self._fresh.popleft() for _ in range(count)]
                confirmed = await self._publish_all(events)
                await self._forget(confirmed)

    async def _sweep_forever(self) -> None:
        """Publish what a crash or an outage left behind."""
        while True:
            published = 0
            try:
                await self.check()
                published = await self._sweep()
            except (FeedAway, DatabaseAway) as error:
                _log.info("events wait", reason=str(error))
            if published < _SWEEP_BATCH:
                await asyncio.sleep(_POLL_SECONDS)

    async def _sweep(self) -> int:
        async with self._database.system() as tx:
            events = await self._store.claim_unpublished(tx, _SWEEP_BATCH)
        if not events:
            return 0
        confirmed = await self._publish_all(events)
        await self._forget(confirmed)
        return len(confirmed)

    async def _publish_all(self, events: Sequence[PublicEvent]) -> list[UUID]:
        confirmed: list[UUID] = []
        for start in range(0, len(events), _IN_FLIGHT_MAX):
            part = events[start : start + _IN_FLIGHT_MAX]
            results = await asyncio.gather(
                *(self._publish(event) for event in part), return_exceptions=True
            )
            for event, result in zip(part, results, strict=True):
                if result is None:
                    confirmed.append(event.event_id)
                    metrics.EVENTS_PUBLISHED.labels(event.event_type).inc()
                else:
                    # A lost connection also cancels what waits for its confirms: that is no
                    # wish to stop, which would have ended the gathering itself.
                    _log.info("event waits for the feed", reason=type(result).__name__)
        await afailpoint("webhook-dispatcher.feed_confirmed")
        return confirmed

    async def _publish(self, event: PublicEvent) -> None:
        if self._exchange is None:
            raise FeedAway("not connected to the feed's broker")
        await self.check()
        message = amqp_message(event)
        # Not mandatory: a public event without a subscriber is no failure.
        await self._exchange.publish(
            message, event.routing_key, mandatory=False, timeout=_PUBLISH_SECONDS
        )

    async def _forget(self, event_ids: Sequence[UUID]) -> None:
        if not event_ids:
            return
        try:
            async with self._database.system() as tx:
                await self._store.forget_publication(tx, event_ids)
        except DatabaseAway:
            _log.info("published events stay marked as due", events=len(event_ids))


def amqp_message(event: PublicEvent) -> aio_pika.Message:
    """Dress an event for AMQP 0-9-1: the body is what webhooks get, headers are copies."""
    body = json.loads(event.body)
    major = event.routing_key.rpartition(".")[2]
    return aio_pika.Message(
        event.body.encode(),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(event.event_id),
        type=f"{TYPE_PREFIX}.{event.event_type}.{major}",
        timestamp=datetime.fromtimestamp(int(event.occurred_at.timestamp()), UTC),
        correlation_id=body["correlationid"],
        app_id=_APP_ID,
        headers=dict(amqp_headers(body)),
    )


async def _declare(channel: AbstractChannel) -> AbstractExchange:
    await channel.declare_exchange(UNROUTABLE_EXCHANGE, aio_pika.ExchangeType.FANOUT, durable=True)
    return await channel.declare_exchange(
        PUBLIC_EXCHANGE,
        aio_pika.ExchangeType.TOPIC,
        durable=True,
        arguments={"alternate-exchange": UNROUTABLE_EXCHANGE},
    )
