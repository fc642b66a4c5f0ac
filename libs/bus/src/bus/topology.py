"""Declaring what the catalogue says on a real broker."""

import asyncio

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed

from contracts.topology import EXCHANGES, Queue, listener_queues, own_queues, queues

_POLL_SECONDS = 0.5

_log = structlog.get_logger()


class TopologyMismatch(Exception):
    """A queue or exchange exists with other arguments; the service must not start."""

    exit_code = 78


async def declare_own(connection: AbstractConnection, service: str) -> None:
    """Declare the exchanges and the queues `service` takes messages from."""
    await _declare(connection, own_queues(service))


async def declare_everything(url: str) -> None:
    """Declare the whole catalogue: for tests and for brokers without imported definitions."""
    connection = await aio_pika.connect(url)
    async with connection:
        await _declare(connection, queues())


async def wait_for_listeners(connection: AbstractConnection, service: str) -> None:
    """Return when every queue that hears `service` exists, so that nothing said is lost.

    A topic exchange drops a copy for a listener that has not declared its queue yet without
    telling anybody, as long as another listener's queue is bound.
    """
    missing = list(listener_queues(service))
    while missing := [name for name in missing if not await _exists(connection, name)]:
        _log.warning("waiting for listeners to declare their queues", missing=missing)
        await asyncio.sleep(_POLL_SECONDS)


async def _exists(connection: AbstractConnection, name: str) -> bool:
    channel = await connection.channel()
    try:
        await channel.get_queue(name, ensure=True)
    except ChannelNotFoundEntity:
        return False
    finally:
        await channel.close()
    return True


async def _declare(connection: AbstractConnection, wanted: tuple[Queue, ...]) -> None:
    channel = await connection.channel()
    try:
        for name, kind in EXCHANGES.items():
            await channel.declare_exchange(name, kind, durable=True)
        for queue in wanted:
            await _declare_queue(channel, queue)
    except (ChannelPreconditionFailed, ChannelClosed) as error:
        raise TopologyMismatch(
            f"the broker has it with other arguments or refuses it: {error}; "
            "delete the queue (after draining it) or use a fresh vhost"
        ) from error
    finally:
        if not channel.is_closed:
            await channel.close()


async def _declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    declared = await channel.declare_queue(
        queue.name, durable=True, exclusive=False, auto_delete=False, arguments=queue.arguments
    )
    for exchange, key in queue.bindings:
        await declared.bind(exchange, routing_key=key)
