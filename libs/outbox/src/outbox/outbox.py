"""A service's outbox and inbox: what its handlers say and hear."""

from typing import Any, TypeVar
from uuid import UUID

from bus import Bus, Outgoing
from bus.delivery import Delivery
from bus.service_bus import DEFAULT_PREFETCH, NotInCatalogue, outgoing
from contracts.message import Message
from outbox.inbox import BatchHandler, Handler, Inbox, LongHandler
from outbox.relay import Relay
from outbox.saying import Saying
from postgres import Database, Queries, Transaction

MessageType = TypeVar("MessageType", bound=Message)


class Outbox:
    """One per process, over its database and its bus."""

    def __init__(self, database: Database, bus: Bus) -> None:
        queries = Queries("outbox")
        self._database = database
        self._bus = bus
        self._relay = Relay(database, bus, queries)
        self._saying = Saying(queries, self._relay)
        self._inbox = Inbox(bus.service, database, queries, self._saying)

    def transaction(self, tenant_id: UUID) -> Any:
        """`async with outbox.transaction(tenant) as tx`, the same as the database's."""
        return self._database.transaction(tenant_id)

    async def say(self, tx: Transaction, *messages: Message, delay_seconds: float = 0.0) -> None:
        """Keep messages in this transaction; they are said once it is committed."""
        kept: list[Outgoing] = []
        for message in messages:
            if self._bus.service not in message.speakers:
                raise NotInCatalogue(f"{self._bus.service} does not say {message.address}")
            kept.append(outgoing(message))
        await self._saying.keep(tx, kept, delay_seconds=delay_seconds)

    async def keep_as_is(self, tx: Transaction, message: Outgoing) -> None:
        """Keep something that was on the wire before: a redriven message."""
        await self._saying.keep(tx, [message])

    def hear(
        self,
        message: type[MessageType],
        handler: Handler[MessageType],
        *,
        prefetch: int = DEFAULT_PREFETCH,
    ) -> None:
        """Hear once: `handler(message, tx)` in the transaction that also marks it heard."""

        async def listener(delivery: Delivery) -> None:
            await self._inbox.settle(delivery, message, handler)

        self._bus.listen(message, listener, prefetch=prefetch)

    def hear_long(
        self,
        message: type[MessageType],
        handler: LongHandler[MessageType],
        *,
        prefetch: int = DEFAULT_PREFETCH,
    ) -> None:
        """For `handler(message)` that waits for others between its own transactions.

        It is marked heard afterwards: a crash in between runs the handler again.
        """

        async def listener(delivery: Delivery) -> None:
            await self._inbox.settle_long(delivery, message, handler)

        self._bus.listen(message, listener, prefetch=prefetch)

    def hear_batch(
        self,
        message: type[MessageType],
        handler: BatchHandler[MessageType],
        *,
        batch: int = 100,
        linger_seconds: float = 0.0,
    ) -> None:
        """Hear many in one platform-wide transaction: `handler(messages, tx)`.

        With a linger, the first message of a batch waits that long for company: fewer commits.
        """

        async def listener(deliveries: list[Delivery]) -> None:
            await self._inbox.settle_batch(deliveries, message, handler)

        self._bus.listen_batch(message, listener, batch=batch, linger_seconds=linger_seconds)

    async def start(self) -> None:
        """Begin to relay what is kept."""
        self._relay.start()

    async def stop(self) -> None:
        """Say what this process still has in memory; the rest is in the table."""
        await self._relay.stop()
