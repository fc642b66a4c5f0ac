"""What gateway does when it hears something from another service."""

from contracts.v1.tenants import RepeatConfiguration
from gateway.store import ChannelStore, TenantStore
from observe import get_logger
from outbox import Outbox
from postgres import Transaction

_TOGETHER = 200
_log = get_logger("handlers")


class Handlers:
    """Commands to gateway that change or tell what it owns."""

    def __init__(self, outbox: Outbox, tenants: TenantStore, channels: ChannelStore) -> None:
        self._outbox = outbox
        self._tenants = tenants
        self._channels = channels

    def listen(self) -> None:
        """Register the handlers."""
        self._outbox.hear(RepeatConfiguration, self.repeat_configuration)

    async def repeat_configuration(self, command: RepeatConfiguration, tx: Transaction) -> None:
        """A service with an empty database hears every tenant and channel again."""
        tenants = await self._tenants.every(tx)
        channels = await self._channels.every(tx)
        said = [
            *(tenant.configured() for tenant in tenants),
            *(channel.configured() for channel in channels),
        ]
        for start in range(0, len(said), _TOGETHER):
            await self._outbox.say(tx, *said[start : start + _TOGETHER])
        _log.info(
            "configuration said again",
            asked_by=command.service,
            tenants=len(tenants),
            channels=len(channels),
        )
