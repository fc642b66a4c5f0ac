"""Which web origins may speak to this edge: our own, and the pages of the tenants' widgets."""

import asyncio
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from gateway.store import ChannelStore
from observe import get_logger
from postgres import Database, DatabaseAway

_RELOAD_SECONDS: Final = 10.0
_log = get_logger("origins")


class WidgetOrigins:
    """The set of allowed origins, in memory, because Engine.IO asks without waiting."""

    def __init__(self, database: Database, channels: ChannelStore, own_origin: str) -> None:
        self._database = database
        self._channels = channels
        self._own = own_origin
        self._known: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def is_own(self, origin: str, host: str | None) -> bool:
        """Whether the page came from this edge itself, as the widget's frame does."""
        return origin == self._own or (host is not None and urlsplit(origin).netloc == host)

    def is_known(self, origin: str, host: str | None) -> bool:
        """Whether it is our own or some tenant's."""
        return self.is_own(origin, host) or origin in self._known

    def learn(self, origins: frozenset[str]) -> None:
        """A channel was just read: its origins count from now on."""
        if not origins <= self._known:
            self._known |= origins

    def forget(self) -> None:
        """A channel was just changed: read all of them again."""
        self._changed.set()

    async def follow(self) -> None:
        """Keep the set fresh, for as long as the process lives."""
        while True:
            self._changed.clear()
            try:
                async with self._database.system() as tx:
                    self._known = await self._channels.widget_origins(tx)
            except (DatabaseAway, OSError) as error:
                _log.warning("widget origins stay as they were", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_RELOAD_SECONDS):
                    await self._changed.wait()
