"""Rounds of work for ever: while there is some at once, else at a word or after a while."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from observe import get_logger
from postgres import DatabaseAway

log = get_logger(__name__)


class Rounds:
    """`wake` says that there may be work; a poll is the net below it."""

    def __init__(self, name: str, poll_seconds: float) -> None:
        self._name = name
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be work now."""
        self._woken.set()

    async def run(self, work_once: Callable[[], Awaitable[bool]]) -> None:
        """For ever; `work_once` says whether it worked. Nothing that it raises ends the rounds."""
        while True:
            self._woken.clear()
            worked = False
            try:
                worked = await work_once()
            except DatabaseAway as away:
                log.warning("worker_without_database", worker=self._name, reason=str(away))
            except Exception:
                # What was taken in hand is taken up again when its lease runs out; a process that
                # ends here would take its neighbours' work along.
                log.exception("worker_round_failed", worker=self._name)
            if not worked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._poll_seconds)
