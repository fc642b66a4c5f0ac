"""Turns at a site: one request at a time from all processes, with a pause after each."""

import asyncio
from typing import Final

from postgres import Database
from rag_indexer.web_store import WebStore

_LOOK_AGAIN_SECONDS: Final = 0.25
_WAIT_SECONDS_MAX: Final = 1.0


class SiteBusy(Exception):
    """Somebody else has the site for long: do something else meanwhile."""


class HostTurn:
    """At most one site at a time is held; used as a context, it lets go at the end."""

    def __init__(
        self, database: Database, store: WebStore, hold_seconds: float, patience_seconds: float
    ) -> None:
        self._database = database
        self._store = store
        self._hold_seconds = hold_seconds
        self._patience_seconds = patience_seconds
        self._host: str | None = None
        self.pause_seconds = 0.0

    async def __aenter__(self) -> "HostTurn":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.let_go()

    async def at(self, host: str) -> None:
        """Wait for the site's turn, after letting go of another one; raises `SiteBusy`."""
        if host == self._host:
            return
        await self.let_go()
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        while True:
            async with self._database.system() as tx:
                wait = await self._store.take_host(tx, host, self._hold_seconds)
            if wait is None:
                self._host = host
                return
            if asyncio.get_running_loop().time() + wait > deadline:
                raise SiteBusy(host)
            await asyncio.sleep(min(max(wait, _LOOK_AGAIN_SECONDS), _WAIT_SECONDS_MAX))

    async def let_go(self) -> None:
        """The next one may come after the pause."""
        if self._host is not None:
            async with self._database.system() as tx:
                await self._store.free_host(tx, self._host, self.pause_seconds)
            self._host = None
