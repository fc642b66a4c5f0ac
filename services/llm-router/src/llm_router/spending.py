"""The spend ledger's writer: every call a row, many rows a commit.

Rows that cost money (or whose price is unknown) are committed before the answer goes out. Free
calls of local models wait for company up to a second, and their events are said as sums.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from llm_router import metrics
from llm_router.domain import Spend
from observe import get_logger

FREE_WAIT_SECONDS = 1.0
_COMMIT_WAIT_SECONDS = 2.0
_ROWS_MAX = 500
_PENDING_MAX = 100_000

Save = Callable[[Sequence[Spend]], Awaitable[None]]

_log = get_logger("llm-router")


@dataclass(eq=False, slots=True)
class _Row:
    """A call that waits for its commit."""

    spend: Spend
    committed: asyncio.Future[None] | None


class Ledger:
    """Collects spends and saves them in groups; one writer a process."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._pending: list[_Row] = []
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write())

    async def record(self, spend: Spend) -> None:
        """Keep one call; returns after its commit if money was spent.

        When the database stays away the answer goes out all the same and the row waits here.
        """
        if spend.cost_usd is None:
            metrics.UNPRICED.labels(*metrics.labels_of(spend.model)).inc()
        elif spend.cost_usd:
            metrics.COST.labels(*metrics.labels_of(spend.model)).inc(float(spend.cost_usd))
        if spend.cost_usd == 0:
            self.note(spend)
            return
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(spend, committed)
        self._wake.set()
        try:
            async with asyncio.timeout(_COMMIT_WAIT_SECONDS):
                await asyncio.shield(committed)
        except TimeoutError:
            _log.warning("the ledger is behind, the answer goes out before its row")

    def note(self, spend: Spend) -> None:
        """Keep one call without waiting for its commit; what was held for it is given back soon."""
        self._add(spend, None)
        if spend.month is not None or len(self._pending) >= _ROWS_MAX:
            self._wake.set()

    async def close(self) -> None:
        """Write what is left."""
        self._closed = True
        self._wake.set()
        if self._writer is not None:
            await self._writer

    def _add(self, spend: Spend, committed: asyncio.Future[None] | None) -> None:
        if len(self._pending) >= _PENDING_MAX:
            _log.error("spend row dropped, the ledger is full", model=str(spend.model))
            return
        self._pending.append(_Row(spend, committed))
        metrics.LEDGER_PENDING.set(len(self._pending))

    async def _write(self) -> None:
        while not (self._closed and not self._pending):
            try:
                async with asyncio.timeout(FREE_WAIT_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._pending and not await self._write_some():
                if self._closed:
                    _log.error("spend rows lost, the database is away", rows=len(self._pending))
                    return
                await asyncio.sleep(FREE_WAIT_SECONDS)
            if len(self._pending) >= _ROWS_MAX or self._closed:
                self._wake.set()

    async def _write_some(self) -> bool:
        """Commit the oldest rows; False where they are to be tried again."""
        taken = self._pending[:_ROWS_MAX]
        try:
            await self._save([row.spend for row in taken])
        except Exception as error:  # noqa: BLE001 - kept, and tried again
            _log.warning("the ledger cannot write", reason=f"{type(error).__name__}: {error}")
            return _is_of_a_row(error) and await self._write_apart(taken)
        self._done(taken)
        return True

    async def _write_apart(self, taken: Sequence[_Row]) -> bool:
        """One commit a row: one that can never be written must not keep back everybody's."""
        done: list[_Row] = []
        try:
            for row in taken:
                try:
                    await self._save([row.spend])
                except Exception as error:  # noqa: BLE001 - said and left out, or tried again
                    if not _is_of_a_row(error):
                        return False
                    metrics.LEDGER_REFUSED.inc()
                    _log.error("spend row dropped, it cannot be written", reason=str(error))
                done.append(row)
            return True
        finally:
            self._done(done)

    def _done(self, rows: Sequence[_Row]) -> None:
        gone = set(map(id, rows))
        self._pending = [row for row in self._pending if id(row) not in gone]
        metrics.LEDGER_PENDING.set(len(self._pending))
        for row in rows:
            if row.committed is not None and not row.committed.done():
                row.committed.set_result(None)


def _is_of_a_row(error: Exception) -> bool:
    """Whether the values of a row are to blame (SQLSTATE 22, 23), and no later try can help."""
    told = getattr(error, "sqlstate", None) or ""
    return isinstance(error, ValueError | ArithmeticError) or told[:2] in ("22", "23")
