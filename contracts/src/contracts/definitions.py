"""RabbitMQ definitions: two vhosts, the catalogue's topology, a user and rights per service.

Passwords are not here: whoever imports the definitions (compose's entry script, `chatctl up`, the
Kubernetes job) adds the users' hashes.
"""

from typing import Any

from contracts.naming import SERVICES
from contracts.topology import EXCHANGES, permissions, queues, topic_permissions

INTERNAL = "chat"
PUBLIC = "events"
PUBLIC_EXCHANGE = "chat.events"
UNROUTABLE_EXCHANGE = "chat.events.unroutable"
"""Nothing is bound to it: an event without a subscription is normal, and the log keeps it."""


def definitions() -> dict[str, Any]:
    """Everything but the users' passwords."""
    return {
        "vhosts": [{"name": INTERNAL}, {"name": PUBLIC}],
        "users": [{"name": service, "tags": ""} for service in SERVICES],
        "permissions": [
            *({"user": s, "vhost": INTERNAL, **permissions(s)} for s in SERVICES),
            {"user": "webhook-dispatcher", "vhost": PUBLIC, **_public_rights()},
        ],
        "topic_permissions": [
            {"user": service, "vhost": INTERNAL, **rights}
            for service in SERVICES
            for rights in topic_permissions(service)
        ],
        "exchanges": [
            *(_exchange(INTERNAL, name, kind) for name, kind in EXCHANGES.items()),
            {
                **_exchange(PUBLIC, PUBLIC_EXCHANGE, "topic"),
                "arguments": {"alternate-exchange": UNROUTABLE_EXCHANGE},
            },
            _exchange(PUBLIC, UNROUTABLE_EXCHANGE, "fanout"),
        ],
        "queues": [
            *(
                {
                    "name": queue.name,
                    "vhost": INTERNAL,
                    "durable": True,
                    "auto_delete": False,
                    "arguments": queue.arguments,
                }
                for queue in queues()
            ),
        ],
        "bindings": [
            *(
                _binding(INTERNAL, exchange, queue.name, key)
                for queue in queues()
                for exchange, key in queue.bindings
            ),
        ],
        "policies": [],
        "parameters": [],
    }


def _exchange(vhost: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": vhost,
        "type": kind,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _binding(vhost: str, exchange: str, queue: str, key: str) -> dict[str, Any]:
    return {
        "source": exchange,
        "vhost": vhost,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


def _public_rights() -> dict[str, str]:
    rights = r"^(chat\.events.*|sub\..*|subdead\..*)$"
    return {"configure": rights, "write": rights, "read": rights}
