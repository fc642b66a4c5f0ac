"""The processes of the platform and the names that follow from a service's name."""

from __future__ import annotations

from dataclasses import dataclass

from contracts import naming


@dataclass(frozen=True)
class Service:
    """One service: `channel-ingress` is the module `channel_ingress`, `CHAT_CHANNEL_INGRESS_…`."""

    name: str

    @property
    def module(self) -> str:
        """Import name."""
        return self.name.replace("-", "_")

    @property
    def prefix(self) -> str:
        """First part of its environment variables."""
        return f"CHAT_{self.module.upper()}"

    @property
    def database(self) -> str:
        """Name of its database."""
        return f"chat_{self.module}"

    @property
    def owner_role(self) -> str:
        """Login role that owns the tables and migrates."""
        return f"{self.module}_owner"

    @property
    def app_role(self) -> str:
        """Login role of the running service."""
        return self.module


SERVICES = tuple(Service(name) for name in naming.SERVICES)
# Beside them in development: stand-ins for Meta and for the model providers.
SIMULATORS = ("meta-simulator", "provider-simulator")
