"""Gauges every few seconds, forgetting every hour."""

import asyncio
from typing import Final

from observe import get_logger
from postgres import Database, DatabaseAway
from webhook_dispatcher import metrics
from webhook_dispatcher.store import Store

_GAUGES_SECONDS: Final = 10.0
_FORGET_SECONDS: Final = 3_600.0
_FORGET_BATCH: Final = 2_000

_log = get_logger("tidying")


async def tidy_forever(database: Database, store: Store, keep_days: int) -> None:
    """Measure the backlog and forget old events, in small transactions."""
    forget_in = 0.0
    while True:
        try:
            await _measure(database, store)
            if forget_in <= 0:
                await _forget(database, store, keep_days)
                forget_in = _FORGET_SECONDS
        except DatabaseAway as error:
            _log.info("tidying waits for the database", reason=str(error))
        except Exception:  # noqa: BLE001 - what cannot be forgotten must not stop deliveries
            _log.exception("a round of tidying failed")
        forget_in -= _GAUGES_SECONDS
        await asyncio.sleep(_GAUGES_SECONDS)


async def _measure(database: Database, store: Store) -> None:
    async with database.system() as tx:
        counts = await store.backlog(tx)
    metrics.PENDING.set(counts.get("pending", 0))
    metrics.EVENTS_UNPUBLISHED.set(counts.get("unpublished", 0))
    metrics.ENDPOINTS.labels("enabled").set(counts.get("enabled", 0))
    metrics.ENDPOINTS.labels("disabled").set(counts.get("disabled", 0))


async def _forget(database: Database, store: Store, keep_days: int) -> None:
    forgotten = _FORGET_BATCH
    while forgotten == _FORGET_BATCH:
        async with database.system() as tx:
            forgotten = await store.forget_old(tx, keep_days, _FORGET_BATCH)
