"""RabbitMQ definitions: two vhosts, the catalogue's topology, a user and rights per service.

Passwords are not here: whoever imports the definitions (compose's entry script, `chatctl up`, the
Kubernetes job) adds the users' hashes.
"""

import re
from typing import Any

from contracts.naming import SERVICES
from contracts.topology import EXCHANGES, permissions, queues, topic_permissions

INTERNAL = "chat"
PUBLIC = "events"
PUBLIC_EXCHANGE = "chat.events"
UNROUTABLE_EXCHANGE = "chat.events.unroutable"
"""Nothing is bound to it: an event without a subscription is normal, and the log keeps it."""

TOOLS_EXCHANGE = "chat.tools"
"""Calls of tenants' tools, `<tenant slug>.<tool>`; a call that nobody takes comes back at once."""
TOOL_ANSWERS_EXCHANGE = "chat.tools.answers"
"""Their answers, under the call's `reply_to`, which begins with the tenant's slug."""
TOOL_ANSWERS_QUEUE = "tools.answers"
"""First part of the names of the queues, one a process, in which orchestrator takes answers."""


def definitions() -> dict[str, Any]:
    """Everything but the users' passwords."""
    return {
        "vhosts": [{"name": INTERNAL}, {"name": PUBLIC}],
        "users": [{"name": service, "tags": ""} for service in SERVICES],
        "permissions": [
            *({"user": s, "vhost": INTERNAL, **permissions(s)} for s in SERVICES),
            {"user": "webhook-dispatcher", "vhost": PUBLIC, **_public_rights()},
            {"user": "orchestrator", "vhost": PUBLIC, **_tool_rights()},
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
            _exchange(PUBLIC, TOOLS_EXCHANGE, "topic"),
            _exchange(PUBLIC, TOOL_ANSWERS_EXCHANGE, "topic"),
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


def _tool_rights() -> dict[str, str]:
    rights = r"^(chat\.tools|chat\.tools\.answers|tools\.answers\..*)$"
    return {"configure": rights, "write": rights, "read": rights}


def tool_consumer(slug: str) -> dict[str, Any]:
    """What one tenant's server needs to answer calls of its tools, the password left to add.

    It may read its own queue and answer in its own name; nothing else on the broker is there for
    it. Its queue keeps no more than a thousand calls, and none longer than a minute.
    """
    user, queue = f"tools-{slug}", f"tools.{slug}"
    own = re.escape(slug)
    arguments = {"x-queue-type": "classic", "x-max-length": 1_000, "x-message-ttl": 60_000}
    return {
        "users": [{"name": user, "tags": "", "limits": {"max-connections": 5}}],
        "permissions": [
            {
                "user": user,
                "vhost": PUBLIC,
                "configure": "^$",
                "write": f"^{re.escape(TOOL_ANSWERS_EXCHANGE)}$",
                "read": rf"^tools\.{own}$",
            }
        ],
        "topic_permissions": [
            {
                "user": user,
                "vhost": PUBLIC,
                "exchange": TOOL_ANSWERS_EXCHANGE,
                "write": rf"^{own}\.[0-9a-f]+$",
                "read": "^$",
            }
        ],
        "queues": [
            {
                "name": queue,
                "vhost": PUBLIC,
                "durable": True,
                "auto_delete": False,
                "arguments": arguments,
            }
        ],
        "bindings": [_binding(PUBLIC, TOOLS_EXCHANGE, queue, f"{slug}.*")],
    }
