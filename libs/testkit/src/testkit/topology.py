"""Declaring the catalogue's exchanges, queues and bindings in a vhost."""

from __future__ import annotations

from typing import Any

from contracts.definitions import INTERNAL, definitions
from testkit.vhosts import Vhost

KINDS = ("exchanges", "queues", "bindings")


def declare_topology(vhost: Vhost, *, like: str = INTERNAL) -> None:
    """Import into the vhost what the catalogue declares in the vhost `like`."""
    vhost.administration.import_definitions(vhost_definitions(like), vhost.name)


def vhost_definitions(like: str) -> dict[str, list[dict[str, Any]]]:
    """Return one vhost's part of the generated definitions, without the vhost's name."""
    whole = definitions()
    return {
        kind: [
            {key: value for key, value in entry.items() if key != "vhost"}
            for entry in whole[kind]
            if entry["vhost"] == like
        ]
        for kind in KINDS
    }
