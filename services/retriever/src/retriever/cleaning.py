"""Cleans away what no search sees any more, packs and merges words: in pieces, all the time."""

import asyncio
from contextlib import suppress

from observe import get_logger
from postgres import Database, DatabaseAway
from retriever.upkeep import Upkeep

_ROWS_IN_A_PIECE = 5_000
_POLL_SECONDS = 30.0

log = get_logger(__name__)


class Cleaner:
    """`wake` says that there is work; a poll is the net below it."""

    def __init__(self, database: Database, upkeep: Upkeep, *, kept_days: float = 30.0) -> None:
        self._database = database
        self._upkeep = upkeep
        self._kept_days = kept_days
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
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
        """A short piece of one kind of work, what is quick first; False when nothing is left."""
        async with self._database.system() as tx:
            if await self._upkeep.clean_piece(tx, _ROWS_IN_A_PIECE):
                return True
        async with self._database.system() as tx:
            if await self._upkeep.merge_piece(tx):
                return True
        async with self._database.system() as tx:
            if await self._upkeep.pack_rows(tx):
                return True
        async with self._database.system() as tx:
            return await self._upkeep.end_what_is_over(tx, self._kept_days)
