"""Hearing once: the inbox row is committed with the handler's effects, or neither is.

What becomes of a message: handled and acknowledged; heard before and acknowledged; put off with a
delay (a copy in the outbox under the same id, one attempt older); or, after too many attempts or
when it cannot be read, kept in the quarantine table. While the database is away it is held.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError

from bus import Delivery, Outgoing
from bus.delivery import ATTEMPT_HEADER
from contracts.message import Message
from contracts.topology import RETRIES
from contracts.v1.shapes import PLATFORM
from observe import afailpoint
from outbox import metrics
from outbox.saying import Saying
from postgres import Database, DatabaseAway, Queries, Transaction

MessageType = TypeVar("MessageType", bound=Message)
Handler = Callable[[MessageType, Transaction], Awaitable[None]]
LongHandler = Callable[[MessageType], Awaitable[None]]
BatchHandler = Callable[[list[MessageType], Transaction], Awaitable[None]]

_heard_traces: ContextVar[Mapping[UUID, str]] = ContextVar("heard_traces")

ATTEMPTS_MAX = 6
DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0)
_HOLD_FIRST_SECONDS = 0.2
_HOLD_LONGEST_SECONDS = 5.0

_log = structlog.get_logger()


class RetryLater(Exception):
    """Raised by a handler: not now; nothing it did is kept, and it is tried again with a delay."""

    def __init__(self, reason: str, *, delay_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.delay_seconds = delay_seconds


def traceparent_of(message: Message) -> str:
    """The W3C `traceparent` under which a message of the running batch was said, or empty."""
    return _heard_traces.get({}).get(message.message_id, "")


class Inbox:
    """Settles the deliveries of one service."""

    def __init__(self, service: str, database: Database, queries: Queries, saying: Saying) -> None:
        self._service = service
        self._database = database
        self._queries = queries
        self._saying = saying
        # Redelivered messages go one by one: a poison that kills the process must not
        # have others counted as its accomplices.
        self._suspects = asyncio.Lock()

    def scope(self, message: Message) -> Any:
        """The transaction in which a message is handled: its tenant's, or the platform's."""
        if message.tenant_id == PLATFORM:
            return self._database.system()
        return self._database.transaction(message.tenant_id)

    async def settle(
        self, delivery: Delivery, kind: type[MessageType], handler: Handler[MessageType]
    ) -> None:
        """Handle one delivery in one transaction, and take it off the queue."""

        async def once(message: MessageType) -> None:
            async with self.scope(message) as tx:
                if await tx.fetchval(self._queries["hear"], delivery.queue, message.message_id):
                    await handler(message, tx)
                else:
                    metrics.DUPLICATES.labels(kind.address).inc()

        await self._settle(delivery, kind, once)

    async def settle_long(
        self, delivery: Delivery, kind: type[MessageType], handler: LongHandler[MessageType]
    ) -> None:
        """Handle one delivery whose handler opens its own transactions and may run twice."""

        async def once(message: MessageType) -> None:
            async with self.scope(message) as tx:
                heard = await tx.fetchval(
                    self._queries["was_heard"], delivery.queue, message.message_id
                )
            if heard:
                metrics.DUPLICATES.labels(kind.address).inc()
                return
            await handler(message)
            async with self.scope(message) as tx:
                await tx.fetchval(self._queries["hear"], delivery.queue, message.message_id)

        await self._settle(delivery, kind, once)

    async def settle_batch(
        self,
        deliveries: list[Delivery],
        kind: type[MessageType],
        handler: BatchHandler[MessageType],
    ) -> None:
        """Handle what has come in one transaction; if that fails, each alone.

        What was delivered before is older than the rest of the batch, so it goes first: order
        within a conversation is the order in which its messages are handled.
        """
        _heard_traces.set(_traces(deliveries))

        async def alone(message: MessageType, tx: Transaction) -> None:
            await handler([message], tx)

        healthy: list[Delivery] = []
        for delivery in deliveries:
            if delivery.redelivered:
                await self.settle(delivery, kind, alone)
            else:
                healthy.append(delivery)
        if not await self._whole_batch(healthy, kind, handler):
            for delivery in healthy:
                await self.settle(delivery, kind, alone)
            return
        await afailpoint(f"{self._service}.after_commit_before_ack")
        for delivery in healthy:
            await delivery.done()

    async def _whole_batch(
        self,
        deliveries: list[Delivery],
        kind: type[MessageType],
        handler: BatchHandler[MessageType],
    ) -> bool:
        if not deliveries:
            return False
        queue = deliveries[0].queue
        try:
            messages = {m.message_id: m for m in (kind.hear(d.body) for d in deliveries)}
            async with self._database.system() as tx:
                rows = await tx.fetch(self._queries["hear_many"], queue, list(messages))
                fresh = {row["message_id"] for row in rows}
                if fresh:
                    await handler([messages[key] for key in messages if key in fresh], tx)
        except Exception as error:  # noqa: BLE001 - each is settled alone, with its own reason
            _log.info("batch failed, each message alone", queue=queue, error=repr(error))
            return False
        return True

    async def _settle(
        self,
        delivery: Delivery,
        kind: type[MessageType],
        once: Callable[[MessageType], Awaitable[None]],
    ) -> None:
        if not delivery.redelivered:
            await self._try(delivery, kind, once)
            return
        async with self._suspects:
            attempts = await self._held(lambda: self._count(delivery))
            if attempts > ATTEMPTS_MAX - 1:
                await self._held(
                    lambda: self._quarantine(delivery, kind, attempts, "its handler never ended")
                )
                await delivery.done()
                return
            await self._try(delivery, kind, once)

    async def _try(
        self,
        delivery: Delivery,
        kind: type[MessageType],
        once: Callable[[MessageType], Awaitable[None]],
    ) -> None:
        await afailpoint(f"{self._service}.before_inbox")
        try:
            message = kind.hear(delivery.body)
        except ValidationError as error:
            reason = f"unreadable: {error.error_count()} errors, first {error.errors()[0]['loc']}"
            await self._held(lambda: self._quarantine(delivery, kind, delivery.attempt, reason))
            await delivery.done()
            return
        try:
            await self._held(lambda: once(message))
        except Exception as error:  # noqa: BLE001 - every failure gets its destination here
            failure = error
            await self._held(lambda: self._put_off(delivery, kind, message, failure))
        await afailpoint(f"{self._service}.after_commit_before_ack")
        await delivery.done()

    async def _held(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do it, waiting while the database is away: the message stays on its queue, unsettled."""
        wait_seconds = _HOLD_FIRST_SECONDS
        while True:
            try:
                return await work()
            except DatabaseAway as error:
                _log.warning("holding a message, the database is away", reason=str(error))
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, _HOLD_LONGEST_SECONDS)

    async def _count(self, delivery: Delivery) -> int:
        if delivery.message_id is None:
            return 1
        async with self._database.system() as tx:
            attempts: int = await tx.fetchval(
                self._queries["count_attempt"], delivery.queue, delivery.message_id
            )
            return attempts

    async def _put_off(
        self, delivery: Delivery, kind: type[Message], message: Message, error: Exception
    ) -> None:
        attempt = delivery.attempt
        if attempt >= ATTEMPTS_MAX:
            await self._quarantine(delivery, kind, attempt, f"{type(error).__name__}: {error}")
            return
        delay = DELAYS_SECONDS[attempt - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        if isinstance(error, RetryLater):
            delay = error.delay_seconds or delay
            _log.info("put off", address=kind.address, reason=str(error), attempt=attempt)
        else:
            _log.error("handler failed, put off", address=kind.address, exc_info=error)
        metrics.RETRIES.labels(kind.address).inc()
        copy = Outgoing(
            exchange=RETRIES,
            routing_key=delivery.queue,
            body=delivery.body,
            message_id=message.message_id,
            address=kind.address,
            headers={**_text_headers(delivery), ATTEMPT_HEADER: attempt + 1},
        )
        async with self._database.system() as tx:
            await self._saying.keep(tx, [copy], delay_seconds=delay)

    async def _quarantine(
        self, delivery: Delivery, kind: type[Message], attempts: int, error: str
    ) -> None:
        _log.error("quarantined", queue=delivery.queue, attempts=attempts, error=error)
        async with self._database.system() as tx:
            await tx.execute(
                self._queries["quarantine"],
                delivery.queue,
                delivery.message_id or PLATFORM,
                kind.address,
                delivery.body,
                json.dumps(_text_headers(delivery)),
                attempts,
                error[:2_000],
            )


def _traces(deliveries: list[Delivery]) -> dict[UUID, str]:
    return {
        delivery.message_id: traceparent
        for delivery in deliveries
        if delivery.message_id is not None
        and isinstance(traceparent := delivery.headers.get("traceparent"), str)
    }


def _text_headers(delivery: Delivery) -> dict[str, str | int]:
    return {
        key: value
        for key, value in delivery.headers.items()
        if isinstance(value, str) and not key.startswith("x-")
    }
