"""A fresh vhost of the broker for each test that asks for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from embedded import BrokerAdministration


@dataclass(frozen=True)
class Vhost:
    """A vhost's address, its name, and the management API of its broker."""

    url: str
    name: str
    administration: BrokerAdministration


def fresh_vhost(amqp_url: str, management_url: str) -> Vhost:
    """Create an empty vhost on the broker at `amqp_url`."""
    administration = BrokerAdministration(management_url)
    name = f"t{secrets.token_hex(6)}"
    administration.create_vhost(name)
    parts = urlsplit(amqp_url)
    return Vhost(
        url=urlunsplit((parts.scheme, parts.netloc, f"/{name}", "", "")),
        name=name,
        administration=administration,
    )
