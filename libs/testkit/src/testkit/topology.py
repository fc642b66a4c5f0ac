"""Declaring the catalogue's exchanges, queues and bindings in a vhost."""

from __future__ import annotations

from typing import Any

from contracts.topology import EXCHANGES, queues
from testkit.vhosts import Vhost


def declare_topology(vhost: Vhost) -> None:
    """Import into the vhost what the catalogue means on a broker."""
    vhost.administration.import_definitions(vhost_definitions(), vhost.name)


def vhost_definitions() -> dict[str, list[dict[str, Any]]]:
    """Return the catalogue's topology in RabbitMQ's format for one vhost."""
    declared = queues()
    return {
        "exchanges": [
            {
                "name": name,
                "type": kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name, kind in EXCHANGES.items()
        ],
        "queues": [
            {
                "name": queue.name,
                "durable": True,
                "auto_delete": False,
                "arguments": queue.arguments,
            }
            for queue in declared
        ],
        "bindings": [
            {
                "source": exchange,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for queue in declared
            for exchange, key in queue.bindings
        ],
    }
