"""Streams that every process of a listener hears, each on a queue that lives as long as it does."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection

from bus.metrics import HEARD
from contracts.message import Message, Stream
from contracts.topology import replica_queue

Handler = Callable[[bytes], Awaitable[None]]

_log = structlog.get_logger()


class EachReplica:
    """Hears messages of which each process needs its own copy; what is lost stays lost."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._handlers: dict[type[Stream], Handler] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def heard(self) -> frozenset[type[Message]]:
        """What this process hears in this way."""
        return frozenset(self._handlers)

    def listen(self, message: type[Stream], handler: Handler) -> None:
        """Give the body of each message to `handler`; a failure loses that one."""
        if message in self._handlers:
            raise ValueError(f"{message.address} already has its listener")
        self._handlers[message] = handler

    async def start(self, connection: AbstractRobustConnection) -> None:
        """Declare this process's queues and consume them; the connection restores them later."""
        for message, handler in self._handlers.items():
            channel = await connection.channel(publisher_confirms=False)
            queue = await channel.declare_queue(
                replica_queue(self._service, message, str(uuid4())),
                durable=False,
                exclusive=True,
                auto_delete=True,
                arguments={"x-queue-type": "classic", "x-max-length": 10_000},
            )
            await queue.bind(message.exchange, routing_key=message.address)
            await queue.consume(self._consumer(message, handler), no_ack=True)

    def _consumer(
        self, message: type[Stream], handler: Handler
    ) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
        async def run(body: bytes) -> None:
            outcome = "handled"
            try:
                await handler(body)
            except Exception:  # noqa: BLE001 - logged: a stream is never the only carrier
                outcome = "failed"
                _log.exception("listener failed", address=message.address)
            finally:
                HEARD.labels(message.address, outcome).inc()

        async def consume(raw: AbstractIncomingMessage) -> None:
            task = asyncio.ensure_future(run(raw.body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return consume
