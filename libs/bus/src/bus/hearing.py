"""Taking messages off queues.

FastStream keeps the connection, the channels (one a queue, with its prefetch), their recovery and
the cancelling of consumers. Per message it is left out: its parser, decoder and dependency
injection cost as much again as the rest, so `consume`, the method it hands to aio-pika, is ours.
Each delivery runs in a task of the bus: a lost channel, which cancels what aio-pika started, must
not cut a handler in the middle of its work.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog
from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from bus.delivery import Delivery
from bus.metrics import HANDLING_SECONDS, HEARD
from bus.tracing import heard_span
from contracts.message import Message

Listener = Callable[[Delivery], Awaitable[None]]
BatchListener = Callable[[list[Delivery]], Awaitable[None]]

# A message that comes back at once would be gone to the dead letters in milliseconds.
_GIVE_BACK_AFTER_SECONDS = 1.0

_log = structlog.get_logger()


class Listeners:
    """The consuming half of a service's bus."""

    def __init__(self, url: str, service: str) -> None:
        self._broker = RabbitBroker(
            url,
            apply_types=False,
            logger=None,
            app_id=service,
            reconnect_interval=1.0,
            graceful_timeout=None,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._batchers: list[asyncio.Task[None]] = []
        self._pending_batchers: list[Callable[[], Awaitable[None]]] = []
        self.heard: dict[str, type[Message]] = {}

    def listen(self, queue: str, message: type[Message], listener: Listener, prefetch: int) -> None:
        """Run `listener` for each message, at most `prefetch` at once."""

        handled = HEARD.labels(message.address, "handled")
        failed = HEARD.labels(message.address, "failed")
        seconds = HANDLING_SECONDS.labels(message.address)

        async def run(delivery: Delivery) -> None:
            started = perf_counter()
            try:
                with heard_span(message.address, delivery.headers, delivery.raw.message_id):
                    await listener(delivery)
            except Exception:  # noqa: BLE001 - logged, and the message goes back
                # The outbox's listeners settle every failure themselves; this is the last net.
                failed.inc()
                _log.exception("listener failed", queue=queue)
                await asyncio.sleep(_GIVE_BACK_AFTER_SECONDS)
                await delivery.give_back()
            else:
                handled.inc()
                seconds.observe(perf_counter() - started)

        async def consume(raw: AbstractIncomingMessage) -> None:
            self._run(run(Delivery(raw, queue)))

        self._subscribe(queue, message, consume, prefetch)

    def listen_batch(
        self,
        queue: str,
        message: type[Message],
        listener: BatchListener,
        batch: int,
        linger_seconds: float = 0.0,
    ) -> None:
        """Run `listener` for as many messages as have come, one batch at a time.

        With a linger, the first message of a batch waits that long for company.
        """
        waiting: asyncio.Queue[Delivery] = asyncio.Queue()

        async def consume(raw: AbstractIncomingMessage) -> None:
            waiting.put_nowait(Delivery(raw, queue))

        async def run() -> None:
            while True:
                deliveries = [await waiting.get()]
                if linger_seconds and waiting.qsize() < batch - 1:
                    await asyncio.sleep(linger_seconds)
                while len(deliveries) < batch and not waiting.empty():
                    deliveries.append(waiting.get_nowait())
                task = self._run(_batch(listener, deliveries, message.address))
                await asyncio.wait([task])

        self._pending_batchers.append(run)
        self._subscribe(queue, message, consume, batch)

    async def start(self) -> None:
        """Connect and begin to consume; raises what aio-pika raises while the broker is away."""
        try:
            await self._broker.start()
        except BaseException:
            # Consumers that began already would be doubled by the next start.
            await self._broker.stop()
            raise
        self._batchers = [asyncio.ensure_future(run()) for run in self._pending_batchers]

    async def stop(self, grace_seconds: float) -> None:
        """Take nothing more, let what is in hand end, and close the connection."""
        for subscriber in self._broker.subscribers:
            await subscriber.stop()
        for batcher in self._batchers:
            batcher.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        await self._broker.stop()

    @property
    def connected(self) -> bool:
        """Whether the connection is open now."""
        connection = self._broker._connection  # noqa: SLF001 - FastStream has no public view of it
        return connection is not None and connection.connected.is_set()

    def _subscribe(
        self,
        queue: str,
        message: type[Message],
        consume: Callable[[AbstractIncomingMessage], Awaitable[None]],
        prefetch: int,
    ) -> None:
        if queue in self.heard:
            raise ValueError(f"{queue} already has its listener: two would split its messages")
        self.heard[queue] = message
        subscriber = self._broker.subscriber(
            RabbitQueue(queue, durable=True, declare=False),
            ack_policy=AckPolicy.MANUAL,
            channel=Channel(prefetch_count=prefetch, publisher_confirms=False),
            title=message.address,
        )
        subscriber(_never_called)
        subscriber.consume = consume  # type: ignore[assignment,method-assign]

    def _run(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _batch(listener: BatchListener, deliveries: list[Delivery], address: str) -> None:
    started = perf_counter()
    outcome = "handled"
    try:
        await listener(deliveries)
    except Exception:  # noqa: BLE001 - logged, and the messages go back
        outcome = "failed"
        _log.exception("batch listener failed", address=address)
        await asyncio.sleep(_GIVE_BACK_AFTER_SECONDS)
        for delivery in deliveries:
            await delivery.give_back()
    finally:
        HEARD.labels(address, outcome).inc(len(deliveries))
        HANDLING_SECONDS.labels(address).observe(perf_counter() - started)


async def _never_called(_body: object) -> None:
    """FastStream wants a handler before it starts a subscriber."""
