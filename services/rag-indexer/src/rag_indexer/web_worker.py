"""Works on looks, a while at each under leases; a killed worker's look is taken up by the next."""

import asyncio
from dataclasses import dataclass

from observe import get_logger
from postgres import Database, DatabaseAway
from rag_indexer.rounds import Rounds
from rag_indexer.web_hosts import SiteBusy
from rag_indexer.web_looks import Looks
from rag_indexer.web_metrics import LOOKS
from rag_indexer.web_store import Look, SourceLost, WebStore

log = get_logger(__name__)

_FORGET_SECONDS = 3_600.0


@dataclass(frozen=True)
class LookRule:
    """How long a look is ours, how long it works until others have their turn, how often to see
    whether one is due."""

    lease_seconds: float = 90.0
    slice_seconds: float = 30.0
    poll_seconds: float = 5.0
    busy_seconds: float = 3.0


class WebWorker:
    """`wake` says that there may be a look to make; a poll is the net below it."""

    def __init__(self, database: Database, store: WebStore, looks: Looks, rule: LookRule) -> None:
        self._database = database
        self._store = store
        self._looks = looks
        self._rule = rule
        self._rounds = Rounds("web", rule.poll_seconds)

    def wake(self) -> None:
        """There may be a look now."""
        self._rounds.wake()

    async def work(self) -> None:
        """For ever; several of these may run in one process and in many."""
        await self._rounds.run(self.work_once)

    async def forget(self) -> None:
        """For ever: sites that were not called for long."""
        while True:
            try:
                async with self._database.system() as tx:
                    await self._store.forget_hosts(tx)
            except DatabaseAway as away:
                log.warning("web_worker_without_database", reason=str(away))
            await asyncio.sleep(_FORGET_SECONDS)

    async def work_once(self) -> bool:
        """Take one look and work on it for a while; False when there was none."""
        async with self._database.system() as tx:
            look = await self._store.claim(tx, self._rule.lease_seconds)
        if look is None:
            return False
        try:
            outcome = await self._settle(look)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(look, 0.0, was_no_try=True))
            raise
        LOOKS.labels(outcome).inc()
        return True

    async def _settle(self, look: Look) -> str:
        """Every way in which it can end has its place."""
        try:
            outcome = await self._leased(look)
        except SiteBusy as busy:
            log.info("site_busy", source_id=str(look.source_id), host=str(busy))
            await self._let_go(look, self._rule.busy_seconds, was_no_try=True)
            return "busy"
        except SourceLost:
            log.info("look_lost", source_id=str(look.source_id))
            await self._let_go(look, 0.0, was_no_try=True)
            return "lost"
        except DatabaseAway:
            raise
        except Exception:
            log.exception("look_failed", source_id=str(look.source_id), tries=look.tries)
            await self._let_go(look, self._rule.busy_seconds * look.tries, was_no_try=False)
            return "again"
        if outcome == "yielded":
            await self._let_go(look, 0.0, was_no_try=True)
        return outcome

    async def _leased(self, look: Look) -> str:
        """The look, for as long as the lease is ours."""
        renewing = asyncio.create_task(self._keep_lease(look))
        running = asyncio.create_task(self._looks.run(look, self._rule.slice_seconds))
        try:
            await asyncio.wait({renewing, running}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise SourceLost(str(look.source_id))
            return await running
        finally:
            for task in (renewing, running):
                task.cancel()
            await asyncio.gather(renewing, running, return_exceptions=True)

    async def _keep_lease(self, look: Look) -> None:
        """Ends when the lease is not ours any more, or nothing may be fetched."""
        while True:
            await asyncio.sleep(self._rule.lease_seconds / 3)
            try:
                async with self._database.system() as tx:
                    if not await self._store.renew(tx, look, self._rule.lease_seconds):
                        return
            except DatabaseAway as away:
                log.warning("lease_not_renewed", reason=str(away))

    async def _let_go(self, look: Look, delay_seconds: float, *, was_no_try: bool) -> None:
        async with self._database.system() as tx:
            await self._store.let_go(tx, look, delay_seconds, was_no_try=was_no_try)
