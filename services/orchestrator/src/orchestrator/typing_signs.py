"""Shows the customer that an answer is being made, where the channel can show it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import observe
from bus import Bus
from contracts.v1.sending import TypingShown
from orchestrator.domain import Leased
from orchestrator.runs import RunCut
from orchestrator.telling import typing_shown

REPEAT_SECONDS: Final = 20.0
"""Providers take the sign away after 25 seconds."""

_log = observe.get_logger("orchestrator.typing")


class TypingSigns:
    """Says `typing-shown` while a turn lasts; a reply that is there at once needs none.

    It ends with the reply, or by itself; where somebody takes over, it is taken away.

    The widget needs none of it: gateway shows typing by `turn-started`.
    """

    def __init__(self, bus: Bus, after_seconds: float) -> None:
        self._bus, self._after_seconds = bus, after_seconds

    @asynccontextmanager
    async def during(self, leased: Leased) -> AsyncIterator[None]:
        """Show it until the block ends."""
        if leased.channel_type == "webchat":
            yield
            return
        showing = asyncio.create_task(self._show(leased))
        try:
            yield
        except RunCut as cut:
            if cut.why == "taken_over":
                await self._say(typing_shown(leased, ended=True))
            raise
        finally:
            showing.cancel()

    async def _show(self, leased: Leased) -> None:
        await asyncio.sleep(self._after_seconds)
        while True:
            await self._say(typing_shown(leased))
            await asyncio.sleep(REPEAT_SECONDS)

    async def _say(self, shown: TypingShown) -> None:
        try:
            await self._bus.stream(shown)
        except Exception:  # noqa: BLE001 - a sign may be lost, the answer may not
            _log.warning("typing could not be shown", exc_info=True)
