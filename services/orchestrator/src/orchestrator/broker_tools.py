"""Tools over the event broker, for tenants whose servers nobody can reach from outside.

A call goes to `chat.tools` by `<tenant slug>.<tool>`; who answers says it to `chat.tools.answers`
under the call's `reply_to`, which begins with the same slug: the broker lets a tenant's user write
nothing else, so no tenant answers for another. Connected with the first call, not before.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, DeliveryError

import observe
from contracts.definitions import TOOL_ANSWERS_EXCHANGE, TOOL_ANSWERS_QUEUE, TOOLS_EXCHANGE
from orchestrator.own_tools import ANSWER_BYTES_MAX, OwnCall, OwnTool, readable
from orchestrator.tool_text import cleaned
from orchestrator.tools import ToolFailed

ANSWERS_IN_HAND_MAX: Final = 50
_CONNECT_SECONDS: Final = 5.0
_QUEUE_ARGUMENTS: Final = {"x-max-length": 10_000, "x-max-length-bytes": 64 * 1024 * 1024}
_REFUSAL: Final = "error"
"""The `type` of an answer that says why the tool did not do it."""
_TOLD_CHARACTERS: Final = 500

_log = observe.get_logger("orchestrator.broker_tools")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call on its way, and the key under which alone its answer counts."""

    key: str
    answer: asyncio.Future[AbstractIncomingMessage]


class BrokerTools:
    """Asks tenants' servers over the vhost `events`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = uuid4().hex
        self._lock = asyncio.Lock()
        self._connection: AbstractRobustConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._waiting: dict[str, _Waiting] = {}

    async def close(self) -> None:
        """Close the connection; nobody waits any more."""
        if self._connection is not None:
            await self._connection.close()

    async def call(self, tool: OwnTool, call: OwnCall) -> str:
        """Ask, and wait for the answer; who is not listening is known at once."""
        if tool.slug is None:
            raise ToolFailed("this tool cannot be reached yet")
        exchange = await self._connected()
        correlation_id, key = uuid4().hex, f"{tool.slug}.{self._token}"
        answer: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = _Waiting(key, answer)
        message = aio_pika.Message(
            call.body(tool).encode(),
            content_type="application/json",
            message_id=str(call.call_id),
            correlation_id=correlation_id,
            reply_to=key,
            expiration=call.seconds,
            type=tool.name,
        )
        try:
            await exchange.publish(message, f"{tool.slug}.{tool.name}", mandatory=True)
            return _read(await answer)
        except DeliveryError:
            raise ToolFailed("nobody answers for this tool at the moment", "no_listener") from None
        except (AMQPError, ConnectionError, OSError) as error:
            _log.info("a call over the broker failed", reason=type(error).__name__)
            raise ToolFailed(
                "the connection to the tool broke", "broken", maybe_done=True
            ) from None
        finally:
            del self._waiting[correlation_id]

    async def _connected(self) -> AbstractExchange:
        async with self._lock:
            if self._exchange is None:
                try:
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        self._exchange = await self._connect()
                except (AMQPError, OSError, TimeoutError) as error:
                    _log.warning("the broker of tools is away", reason=type(error).__name__)
                    raise ToolFailed("the tool could not be reached", "unreachable") from None
            if self._connection is None or not self._connection.connected.is_set():
                raise ToolFailed("the tool could not be reached", "unreachable")
            return self._exchange

    async def _connect(self) -> AbstractExchange:
        connection = await aio_pika.connect_robust(
            self._url,
            client_properties={"connection_name": "orchestrator tools"},
            heartbeat=20,
            timeout=_CONNECT_SECONDS,
        )
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await channel.set_qos(prefetch_count=ANSWERS_IN_HAND_MAX)
            topic = aio_pika.ExchangeType.TOPIC
            exchange = await channel.declare_exchange(TOOLS_EXCHANGE, topic, durable=True)
            answers = await channel.declare_exchange(TOOL_ANSWERS_EXCHANGE, topic, durable=True)
            queue = await channel.declare_queue(
                f"{TOOL_ANSWERS_QUEUE}.{self._token}",
                exclusive=True,
                auto_delete=True,
                arguments={**_QUEUE_ARGUMENTS, "x-queue-type": "classic"},
            )
            await queue.bind(answers, f"*.{self._token}")
            await queue.consume(self._take)
        except BaseException:
            # The next call makes a new one: this one would reconnect for ever.
            await connection.close()
            raise
        connection.close_callbacks.add(self._lost)
        self._connection = connection
        return exchange

    async def _take(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        waiting = self._waiting.get(message.correlation_id or "")
        # Late, made up, or of a tenant that was not asked: nobody waits for it.
        if waiting is None or message.routing_key != waiting.key or waiting.answer.done():
            return
        waiting.answer.set_result(message)

    def _lost(self, *_: object) -> None:
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(ConnectionError("the broker is away"))


def _read(message: AbstractIncomingMessage) -> str:
    if len(message.body) > ANSWER_BYTES_MAX:
        raise ToolFailed("the tool's answer was too long to be read", "too_large", maybe_done=True)
    text = readable(message.content_type or "application/json", message.body)
    if message.type == _REFUSAL:
        raise ToolFailed(f"the tool refused: {cleaned(text, _TOLD_CHARACTERS)}", "refused")
    return text
