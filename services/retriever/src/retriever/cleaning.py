"""Cleans away what no search sees any more, in pieces that hold no lock for long."""

import asyncio
from contextlib import suppress

from observe import get_logger
from postgres import Database, DatabaseAway
from retriever.store import Store

_ROWS_IN_A_PIECE = 5_000
_POLL_SECONDS = 30.0

log = get_logger(__name__)


class Cleaner:
    """`wake` says that a version is gone; a poll is the net below it."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to clean away."""
        self._woken.set()

    async def clean(self) -> None:
        """For ever; several processes share the work."""
        while True:
            self._woken.clear()
            try:
                while await self.clean_piece():
                    continue
            except DatabaseAway as away:
                log.warning("cleaner_without_database", reason=str(away))
            except Exception:
                # What is gone can wait; searches, which end with this task, cannot.
                log.exception("cleaning_failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _POLL_SECONDS)

    async def clean_piece(self) -> bool:
        """One transaction; False when nothing is left."""
        async with self._database.system() as tx:
            return await self._store.clean_piece(tx, _ROWS_IN_A_PIECE)
