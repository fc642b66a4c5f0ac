"""Forgetting what was kept long enough: raw webhook bodies, answers of repeats, visitors' files,
uploads that nobody goes on with.
"""

import asyncio
from typing import Final

from gateway.resumable_pieces import Pieces
from observe import get_logger
from postgres import Database, DatabaseAway, Queries

_PAUSE_SECONDS: Final = 3600.0
_BATCH: Final = 5000
_log = get_logger("housekeeping")


async def keep_house(
    database: Database, queries: Queries, ledger_days: int, pieces: Pieces
) -> None:
    """Forget in small steps, every hour, for as long as the process lives."""
    while True:
        try:
            deliveries = await _forget(database, queries["forget_old_deliveries"], ledger_days)
            answers = await _forget(database, queries["forget_old_idempotent"])
            media = await _forget(database, queries["forget_old_media"])
            uploads = await _forget_uploads(pieces)
            _log.info(
                "forgot old rows", deliveries=deliveries, answers=answers, media=media,
                uploads=uploads,
            )  # fmt: skip
        except (DatabaseAway, OSError) as error:
            _log.warning("nothing could be forgotten now", reason=type(error).__name__)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _forget_uploads(pieces: Pieces) -> int:
    try:
        return await pieces.forget_expired()
    except DatabaseAway:
        raise
    except Exception as error:  # noqa: BLE001 - a store of blobs fails in its own ways
        _log.warning("uploads could not be forgotten now", reason=type(error).__name__)
        return 0


async def _forget(database: Database, sql: str, *args: object) -> int:
    forgotten = 0
    while True:
        async with database.system() as tx:
            count = int((await tx.execute(sql, *args)).rpartition(" ")[2])
        forgotten += count
        if count < _BATCH:
            return forgotten
