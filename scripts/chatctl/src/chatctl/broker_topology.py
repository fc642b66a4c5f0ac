"""The internal vhost's exchanges, queues and bindings in RabbitMQ's definitions format."""

from __future__ import annotations

from typing import Any

from contracts.topology import EXCHANGES, queues


def internal_topology() -> dict[str, list[dict[str, Any]]]:
    """Return what the catalogue means on a broker, for one vhost."""
    return {
        "exchanges": [
            {"name": name, "type": kind, "durable": True, "auto_delete": False, "arguments": {}}
            for name, kind in EXCHANGES.items()
        ],
        "queues": [
            {"name": q.name, "durable": True, "auto_delete": False, "arguments": q.arguments}
            for q in queues()
        ],
        "bindings": [
            {
                "source": exchange,
                "destination": q.name,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for q in queues()
            for exchange, key in q.bindings
        ],
    }
