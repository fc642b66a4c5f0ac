"""A service's bus: what it hears, says, asks and answers, checked against the catalogue."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError

from bus.asking import ANSWER_TYPE, REFUSAL_TYPE, Asker, AskFailed, Refused
from bus.delivery import Delivery
from bus.each_replica import EachReplica
from bus.hearing import BatchListener, Listener, Listeners
from bus.metrics import ASK_SECONDS, SAID
from bus.speaking import BrokerAway, Outgoing, Speaker
from bus.topology import declare_own, wait_for_listeners
from bus.tracing import trace_headers
from contracts.message import Answer, Message, Refusal, Request, Stream
from contracts.topology import ANSWERS, own_queue

AnswerType = TypeVar("AnswerType", bound=Answer)
RequestType = TypeVar("RequestType", bound=Request[Any])
StreamType = TypeVar("StreamType", bound=Stream)

DRAIN_SECONDS = 20.0
DEFAULT_PREFETCH = 16

_NIL = UUID(int=0)

_log = structlog.get_logger()


class NotInCatalogue(Exception):
    """The catalogue does not say that this service hears or says this message."""

    exit_code = 78


class Bus:
    """One per process. Register everything, then `start`."""

    def __init__(self, url: str, *, service: str) -> None:
        self.service = service
        self._url = url
        self._speaker = Speaker(service)
        self._asker = Asker(service, self._speaker)
        self._listeners = Listeners(url, service)
        self._each_replica = EachReplica(service)
        self._can_say = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def listen(
        self,
        message: type[Message],
        listener: Listener,
        *,
        prefetch: int = DEFAULT_PREFETCH,
    ) -> str:
        """Give each delivery of `message` to `listener`; answers the queue's name."""
        queue = self._queue_of(message)
        self._listeners.listen(queue, message, listener, prefetch)
        return queue

    def listen_batch(
        self,
        message: type[Message],
        listener: BatchListener,
        *,
        batch: int,
        linger_seconds: float = 0.0,
    ) -> str:
        """Give whatever has come, up to `batch`, to `listener`; answers the queue's name."""
        queue = self._queue_of(message)
        self._listeners.listen_batch(queue, message, listener, batch, linger_seconds)
        return queue

    def hear_stream(
        self, message: type[StreamType], handler: Callable[[StreamType], Awaitable[None]]
    ) -> None:
        """Handle transient messages; a failure loses that one.

        What the catalogue sends to each replica comes to every process, all else to one of them.
        """
        if message.to_each_replica:
            self._must_hear(message)
            self._each_replica.listen(message, lambda body: handler(message.hear(body)))
            return

        async def listener(delivery: Delivery) -> None:
            await delivery.done()
            await handler(message.hear(delivery.body))

        self.listen(message, listener, prefetch=100)

    def answer(
        self,
        request: type[RequestType],
        handler: Callable[[RequestType], Awaitable[Answer]],
        *,
        prefetch: int = DEFAULT_PREFETCH,
    ) -> None:
        """Answer requests; the handler may raise `Refused`."""

        async def listener(delivery: Delivery) -> None:
            reply = await _answered(request, handler, delivery)
            await self._reply(delivery, reply)
            await delivery.done()

        self.listen(request, listener, prefetch=prefetch)

    async def ask(self, request: Request[AnswerType], *, timeout_seconds: float) -> AnswerType:
        """Ask and wait. Raises `AskTimeout`, or `AskFailed` with the owner's code."""
        self._must_say(type(request))
        started = perf_counter()
        outcome = "answered"
        try:
            return await self._asker.ask(request, timeout_seconds)
        except AskFailed as error:
            outcome = error.code
            raise
        finally:
            ASK_SECONDS.labels(request.address, outcome).observe(perf_counter() - started)

    async def stream(self, message: Stream) -> None:
        """Say something that may be lost."""
        self._must_say(type(message))
        try:
            await self._speaker.transient(outgoing(message))
        except BrokerAway:
            SAID.labels(message.address, "lost").inc()
        else:
            SAID.labels(message.address, "sent").inc()

    async def publish(self, message: Outgoing) -> None:
        """Say it and wait for the confirm; raises `BrokerAway` or `Unroutable`.

        For the outbox: everything durable goes through there.
        """
        if not self._can_say.is_set():
            raise BrokerAway("not every listener has declared its queue yet")
        try:
            await self._speaker.confirmed(message)
        except Exception:
            SAID.labels(message.address, "failed").inc()
            raise
        SAID.labels(message.address, "confirmed").inc()

    async def start(self) -> None:
        """Connect, declare, and begin to hear; raises what aio-pika raises without a broker.

        A start that failed half-way leaves nothing open: its connection would go on holding the
        exclusive reply queue, and no later start could ever declare it.
        """
        try:
            connection = await self._speaker.start(self._url)
            await declare_own(connection, self.service)
            await self._asker.start(connection)
            await self._each_replica.start(connection)
            self._watching = asyncio.create_task(self._watch(connection))
            await self._listeners.start()
        except BaseException:
            await self.close()
            raise

    async def stop_hearing(self) -> None:
        """Take nothing more off the queues and let what is in hand end."""
        await self._listeners.stop(DRAIN_SECONDS)

    async def close(self) -> None:
        """Close the publishing connection: last, so that what was done could still be said."""
        if self._watching is not None:
            self._watching.cancel()
        await self._speaker.close()

    async def check(self) -> None:
        """Raise when a connection is down or a listener's queue is missing: for readiness."""
        if not self._speaker.connected or not self._listeners.connected:
            raise BrokerAway("not connected to RabbitMQ")
        if not self._can_say.is_set():
            raise BrokerAway("waiting for listeners to declare their queues")

    async def until_can_say(self) -> None:
        """Wait until every listener has declared its queue."""
        await self._can_say.wait()

    @property
    def heard(self) -> frozenset[type[Message]]:
        """What this process really listens to: compared with the catalogue by tests."""
        return frozenset(self._listeners.heard.values()) | self._each_replica.heard

    async def _watch(self, connection: Any) -> None:
        while not self._can_say.is_set():
            try:
                await wait_for_listeners(connection, self.service)
            except Exception as error:  # noqa: BLE001 - the broker went away meanwhile
                _log.info("looking for listeners again", error=str(error))
                await asyncio.sleep(1.0)
            else:
                self._can_say.set()

    async def _reply(self, delivery: Delivery, reply: Answer | Refusal) -> None:
        if delivery.raw.reply_to is None:
            return
        body = reply.model_dump_json().encode()
        message = Outgoing(
            exchange=ANSWERS,
            routing_key=delivery.raw.reply_to,
            body=body,
            message_id=delivery.message_id or _NIL,
            address=REFUSAL_TYPE if isinstance(reply, Refusal) else ANSWER_TYPE,
            headers=trace_headers(),
        )
        try:
            await self._speaker.transient(message, correlation_id=delivery.raw.correlation_id)
        except BrokerAway:
            _log.info("answer lost with the broker; the asker's deadline covers it")

    def _queue_of(self, message: type[Message]) -> str:
        try:
            return own_queue(self.service, message)
        except KeyError as error:
            raise NotInCatalogue(str(error)) from None

    def _must_hear(self, message: type[Message]) -> None:
        if self.service not in message.listeners:
            raise NotInCatalogue(f"{self.service} does not hear {message.address}")

    def _must_say(self, message: type[Message]) -> None:
        if self.service not in message.speakers:
            raise NotInCatalogue(f"{self.service} does not say {message.address}")


def outgoing(message: Message, headers: dict[str, str | int] | None = None) -> Outgoing:
    """A message ready for its own exchange, carrying the current trace."""
    return Outgoing(
        exchange=message.exchange,
        routing_key=message.address,
        body=message.said(),
        message_id=message.message_id,
        address=message.address,
        headers=headers if headers is not None else trace_headers(),
    )


async def _answered(
    request: type[RequestType],
    handler: Callable[[RequestType], Awaitable[Answer]],
    delivery: Delivery,
) -> Answer | Refusal:
    try:
        return await handler(request.hear(delivery.body))
    except Refused as error:
        return Refusal(
            code=error.code,
            detail=error.detail[:2_000],
            retry_after_seconds=error.retry_after_seconds,
        )
    except ValidationError as error:
        _log.warning("unreadable request", address=request.address, errors=error.error_count())
        return Refusal(code="invalid_request", detail=f"{error.error_count()} invalid fields")
    except Exception as error:  # noqa: BLE001 - the asker is told, the log has the rest
        _log.exception("request handler failed", address=request.address)
        return Refusal(code="internal_error", detail=type(error).__name__)
