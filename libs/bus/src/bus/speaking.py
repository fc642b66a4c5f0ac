"""Saying, on a connection of its own: persistent, confirmed, mandatory."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, DeliveryError, PublishError
from aiormq.exceptions import AMQPException

from contracts.message import MESSAGE_BYTES_MAX
from contracts.topology import EXCHANGES

PUBLISH_TIMEOUT_SECONDS = 5.0
TRANSIENT = aio_pika.DeliveryMode.NOT_PERSISTENT
PERSISTENT = aio_pika.DeliveryMode.PERSISTENT

_AWAY = (
    AMQPError,
    AMQPException,
    OSError,
    TimeoutError,
    RuntimeError,  # aio-pika: channel or connection is closing
)


class BrokerAway(Exception):
    """The broker did not confirm; whether it has the message is unknown, so it is said again."""


class Unroutable(Exception):
    """No queue is bound for it: a binding is missing."""


class MessageTooLarge(ValueError):
    """Over 256 KiB: large things go to blobs and travel by reference."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready for the wire."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: UUID
    address: str
    headers: Mapping[str, str | int] = field(default_factory=dict)


class Speaker:
    """The publishing half of a service's bus: one connection, two channels.

    Events, commands and requests go over the confirmed channel; answers and streams, whose loss a
    deadline or the final message covers, over the other.
    """

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._connection: AbstractRobustConnection | None = None
        self._confirmed: dict[str, AbstractExchange] = {}
        self._transient: dict[str, AbstractExchange] = {}

    async def start(self, url: str) -> AbstractRobustConnection:
        """Connect; raises what aio-pika raises while the broker is away."""
        connection = await aio_pika.connect_robust(
            url, client_properties={"connection_name": f"{self._app_id} says"}
        )
        self._connection = connection
        confirmed = await connection.channel(publisher_confirms=True, on_return_raises=True)
        transient = await connection.channel(publisher_confirms=False)
        for name in EXCHANGES:
            self._confirmed[name] = await confirmed.get_exchange(name, ensure=False)
            self._transient[name] = await transient.get_exchange(name, ensure=False)
        return connection

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()

    @property
    def connected(self) -> bool:
        """Whether the connection is open now."""
        connection = self._connection
        return connection is not None and connection.connected.is_set()

    async def confirmed(self, outgoing: Outgoing) -> None:
        """Say it; returns when the broker has it on disk. Raises `Unroutable`, `BrokerAway`."""
        await self._publish(
            self._confirmed, self._message(outgoing, PERSISTENT), outgoing, mandatory=True
        )

    async def request(
        self, outgoing: Outgoing, *, reply_to: str, expiration_seconds: float
    ) -> None:
        """Put a question on its queue for so long; raises `Unroutable` when nobody has one.

        Confirmed, because without confirms a returned message is dropped by the driver.
        """
        message = self._message(outgoing, TRANSIENT)
        message.reply_to = reply_to
        message.correlation_id = str(outgoing.message_id)
        message.expiration = expiration_seconds
        await self._publish(self._confirmed, message, outgoing, mandatory=True)

    async def transient(self, outgoing: Outgoing, *, correlation_id: str | None = None) -> None:
        """Say it without waiting for a confirm; raises `BrokerAway` when there is no broker."""
        message = self._message(outgoing, TRANSIENT)
        message.correlation_id = correlation_id
        await self._publish(self._transient, message, outgoing, mandatory=False)

    async def _publish(
        self,
        exchanges: Mapping[str, AbstractExchange],
        message: aio_pika.Message,
        outgoing: Outgoing,
        *,
        mandatory: bool,
    ) -> None:
        if not self.connected:
            raise BrokerAway("not connected")
        try:
            await exchanges[outgoing.exchange].publish(
                message,
                outgoing.routing_key,
                mandatory=mandatory,
                timeout=PUBLISH_TIMEOUT_SECONDS,
            )
        except PublishError as error:
            raise Unroutable(f"{outgoing.exchange}/{outgoing.routing_key}") from error
        except DeliveryError as error:
            raise BrokerAway(f"refused: {outgoing.routing_key}") from error
        except _AWAY as error:
            raise BrokerAway(str(error) or type(error).__name__) from error
        except asyncio.CancelledError as error:
            # A connection that is forced to close cancels what waits for its confirms. Taken for
            # a wish to stop, that would end whoever publishes: a relay, a turn, a worker.
            if _is_wished():
                raise
            raise BrokerAway("the connection was closed while it was being said") from error

    def _message(self, outgoing: Outgoing, mode: aio_pika.DeliveryMode) -> aio_pika.Message:
        if len(outgoing.body) > MESSAGE_BYTES_MAX:
            raise MessageTooLarge(f"{outgoing.address}: {len(outgoing.body)} bytes")
        return aio_pika.Message(
            outgoing.body,
            content_type="application/json",
            delivery_mode=mode,
            message_id=str(outgoing.message_id),
            type=outgoing.address,
            app_id=self._app_id,
            headers=dict(outgoing.headers),
        )


def _is_wished() -> bool:
    """Whether somebody cancelled the running task, rather than something it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
