"""What the catalogue means on a broker: exchanges, queues, bindings and each service's rights.

Holds on RabbitMQ 3.10 and 4.x: every argument is explicit, nothing that 4.x removed is used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts.catalogue import all_messages, said_by
from contracts.message import Message
from contracts.naming import SERVICES, dead_queue

ANSWERS = "answers"
RETRIES = "retries"
DEAD = "dead"
EXCHANGES = {
    "events": "topic",
    "commands": "topic",
    "requests": "topic",
    "streams": "topic",
    RETRIES: "direct",
    ANSWERS: "direct",
    DEAD: "direct",
}

DELIVERY_LIMIT = 20
"""Back-stop only: `libs/outbox` counts attempts itself and quarantines long before."""


@dataclass(frozen=True)
class Queue:
    """A durable queue, its arguments, and what is bound to it."""

    name: str
    arguments: dict[str, Any]
    bindings: tuple[tuple[str, str], ...]


def queues() -> tuple[Queue, ...]:
    """Every queue of the internal bus."""
    return tuple(_queues())


def own_queues(service: str) -> tuple[Queue, ...]:
    """The queues that a service declares: those it takes messages from, and its dead queue."""
    return tuple(queue for queue in queues() if _owner_of(queue.name) == service)


def listener_queues(service: str) -> tuple[str, ...]:
    """Names of the queues that must exist before `service` may say anything.

    It may not declare them: a queue with a dead-letter exchange needs read rights to be declared.
    """
    said = (queue.name for message in said_by(service) for queue in message_queues(message))
    return tuple(name for name in said if _owner_of(name) != service)


def own_queue(service: str, message: type[Message]) -> str:
    """The queue from which `service` takes `message`."""
    for queue in message_queues(message):
        if _owner_of(queue.name) == service:
            return queue.name
    raise KeyError(f"{service} does not hear {message.address}")


def replica_queue(service: str, message: type[Message], process: str) -> str:
    """The queue of one process for a message that each of them hears; it dies with the process."""
    if service not in message.listeners:
        raise KeyError(f"{service} does not hear {message.address}")
    return f"{service}.replicas.{message.address}.{process}"


def message_queues(message: type[Message]) -> tuple[Queue, ...]:
    """The queues of one message, each bound to its exchange and to the retries exchange."""
    names = message.queues()
    return tuple(
        Queue(
            name=name,
            arguments=_arguments(message.kind, _owner_of(name)),
            bindings=_bindings(message, name),
        )
        for name in names
    )


def permissions(service: str) -> dict[str, str]:
    """Regular expressions for configure, write and read on the `chat` vhost."""
    own = [re.escape(queue.name) for queue in own_queues(service)]
    of_a_process = rf"{re.escape(service)}\.(replies|replicas)\..*"
    exchanges = [re.escape(name) for name in EXCHANGES]
    rights = _any_of([*exchanges, *own, of_a_process])
    return {"configure": rights, "write": rights, "read": rights}


def topic_permissions(service: str) -> list[dict[str, str]]:
    """Routing keys under which a service may publish, for each topic exchange."""
    said = said_by(service)
    return [
        {
            "exchange": exchange,
            "write": _any_of([re.escape(m.address) for m in said if m.exchange == exchange]),
            "read": ".*",
        }
        for exchange, kind in EXCHANGES.items()
        if kind == "topic"
    ]


def _queues() -> Iterator[Queue]:
    for service in SERVICES:
        yield Queue(
            name=dead_queue(service),
            arguments={"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
            bindings=((DEAD, service),),
        )
    for message in all_messages():
        yield from message_queues(message)


def _arguments(kind: str, service: str) -> dict[str, Any]:
    if kind == "request":
        # Its failure has a destination: the asker's deadline. Nothing is kept on disk for it.
        return {"x-queue-type": "classic", "x-max-length": 10_000, "x-overflow": "reject-publish"}
    if kind == "stream":
        return {
            "x-queue-type": "classic",
            "x-max-length": 20_000,
            "x-overflow": "drop-head",
            "x-message-ttl": 10_000,
        }
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": service,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": 1_000_000,
    }


def _bindings(message: type[Message], queue: str) -> tuple[tuple[str, str], ...]:
    bound: tuple[tuple[str, str], ...] = ((message.exchange, message.address),)
    if message.kind in {"event", "command"}:
        return (*bound, (RETRIES, queue))
    return bound


def _owner_of(queue: str) -> str:
    return queue.split(".", 1)[0]


def _any_of(alternatives: list[str]) -> str:
    return f"^({'|'.join(alternatives)})$" if alternatives else "^$"
