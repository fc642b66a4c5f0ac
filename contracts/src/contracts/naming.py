"""How a message class becomes an address, an exchange and queue names: written once, here."""

import re

SERVICES = (
    "gateway",
    "channel-ingress",
    "orchestrator",
    "rag-indexer",
    "retriever",
    "llm-router",
    "webhook-dispatcher",
)

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def address_of(class_name: str, owner: str, version: int) -> str:
    """`MessageReceived`, `channel-ingress`, 1 -> `channel-ingress.message-received.v1`."""
    return f"{owner}.{_WORD.sub('-', class_name).lower()}.v{version}"


def listener_queue(listener: str, address: str) -> str:
    """Queue in which `listener` keeps the events of one address."""
    return f"{listener}.on.{address}"


def dead_queue(service: str) -> str:
    """Queue where the broker leaves what `service` could not take off its queues."""
    return f"{service}.dead"
