"""Goes on with what turns left: gathers unanswered questions, writes summaries and briefs.

Woken by commits, and by itself from time to time: what a process that died had begun goes on.
"""

import asyncio
from typing import Final

import observe
from orchestrator.unanswered import UnansweredQuestions
from orchestrator.writing import Writing
from postgres import Database, DatabaseAway, Queries

_TENANTS_AT_ONCE: Final = 20

_log = observe.get_logger("orchestrator.upkeep")


class Upkeep:
    """One loop of the process."""

    def __init__(
        self,
        database: Database,
        queries: Queries,
        look_every_seconds: float,
    ) -> None:
        self._database = database
        self._queries = queries
        self._look_every_seconds = look_every_seconds
        self._due = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._due.set()

    async def run(self, unanswered: UnansweredQuestions, writing: Writing) -> None:
        """Work until cancelled."""
        while True:
            try:
                while await self.once(unanswered, writing):
                    pass
            except DatabaseAway as error:
                _log.info("the database is away", reason=str(error))
            except Exception:  # noqa: BLE001 - one bad row may not stop the others
                # Whatever it was comes again with the next look; turns do not depend on it.
                _log.exception("upkeep failed")
            try:
                async with asyncio.timeout(self._look_every_seconds):
                    await self._due.wait()
            except TimeoutError:
                continue
            finally:
                self._due.clear()

    async def once(self, unanswered: UnansweredQuestions, writing: Writing) -> int:
        """Do what is there; answers how much it was."""
        async with self._database.system() as tx:
            rows = await tx.fetch(self._queries["tenants_with_loose_questions"], _TENANTS_AT_ONCE)
        done = 0
        for row in rows:
            done += await unanswered.gather(row["tenant_id"])
        return done + await writing.write_some()
