"""Vhosts with the catalogue's queues, lent to one test after another: making one takes a second."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from urllib.parse import quote

import aiormq

from testkit.in_thread import in_thread
from testkit.topology import declare_topology
from testkit.vhosts import Vhost, fresh_vhost


@dataclass(frozen=True)
class _Shape:
    """All that is declared and granted in a vhost, and which of it are queues."""

    declared: str
    queues: tuple[str, ...]


class VhostPool:
    """Lends vhosts in which the catalogue is declared; `close` deletes all of them.

    A vhost that was given back is emptied and lent again when one is needed; one in which anything
    was declared, deleted or granted, or in which somebody still listens, is deleted instead.
    """

    def __init__(self, amqp_url: str, management_url: str, *, left_to_rest: int = 1) -> None:
        self._amqp_url = amqp_url
        self._management_url = management_url
        self._shapes: dict[str, _Shape] = {}
        self._left_to_rest = left_to_rest
        self._made: dict[str, Vhost] = {}
        self._resting: deque[Vhost] = deque()

    def lend(self) -> Vhost:
        """Return a vhost that nobody else has: every queue is there and empty."""
        # The last one rests, so that what its user closed has time to be gone.
        while len(self._resting) > self._left_to_rest:
            vhost = self._resting.popleft()
            if self._as_new(vhost):
                return vhost
            self._delete(vhost)
        vhost = fresh_vhost(self._amqp_url, self._management_url)
        self._made[vhost.name] = vhost
        declare_topology(vhost)
        self._shapes[vhost.name] = _shape_of(vhost)
        return vhost

    def give_back(self, vhost: Vhost) -> None:
        """Take back a vhost that was lent."""
        self._resting.append(vhost)

    def close(self) -> None:
        """Delete every vhost that was made here."""
        for vhost in list(self._made.values()):
            self._delete(vhost)

    def _delete(self, vhost: Vhost) -> None:
        vhost.administration.delete_vhost(vhost.name)
        del self._made[vhost.name]
        self._shapes.pop(vhost.name, None)

    def _as_new(self, vhost: Vhost) -> bool:
        """Empty its queues and return True; False when more than messages was left behind."""
        shape = self._shapes[vhost.name]
        return _shape_of(vhost) == shape and in_thread(_emptied(vhost.url, shape.queues))


def _shape_of(vhost: Vhost) -> _Shape:
    """Read what is declared; without statistics, which lag some seconds."""
    call, name = vhost.administration.call, quote(vhost.name, safe="")
    durable = call("GET", f"definitions/{name}")
    # Definitions leave out queues that do not outlive the broker.
    queues = call("GET", f"queues/{name}?disable_stats=true&columns=name")
    granted = call("GET", f"vhosts/{name}/permissions")
    parts = [*durable.values(), queues, granted]
    sorted_parts = [
        sorted(json.dumps(entry, sort_keys=True) for entry in part)
        for part in parts
        if isinstance(part, list)
    ]
    return _Shape(json.dumps(sorted_parts), tuple(sorted(queue["name"] for queue in queues)))


async def _emptied(url: str, queues: tuple[str, ...]) -> bool:
    """Purge what holds messages; False when a queue has a consumer."""
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        for queue in queues:
            found = await channel.queue_declare(queue, passive=True)
            if found.consumer_count:
                return False
            if found.message_count:
                await channel.queue_purge(queue)
        return True
    finally:
        await connection.close()
