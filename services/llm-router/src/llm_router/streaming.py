"""A streamed answer on its way to a widget, in pieces that a person cannot tell from single words.

The first words go at once; after that a piece goes every 40 ms or when it has grown long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from contracts.v1.models import GenerateReply
from contracts.v1.turns import ReplyDelta
from llm_router import metrics
from llm_router.held_back import HeldBack
from observe import afailpoint, get_logger

PIECE_SECONDS = 0.04
PIECE_CHARACTERS = 240
_DELTA_CHARACTERS_MAX = 8_000
MID_STREAM = "llm-router.mid_stream"

Stream = Callable[[ReplyDelta], Awaitable[None]]

_log = get_logger("llm-router")


class Deltas:
    """Joins words to pieces and says them in order; a lost piece harms nothing."""

    def __init__(self, request: GenerateReply, stream: Stream) -> None:
        self._request = request
        self._stream = stream
        target = request.stream
        self._held = HeldBack((target.stop_at if target else None) or ())
        self._waiting: list[str] = []
        self._characters = 0
        self._index = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._sender = asyncio.create_task(self._send_pieces())

    def push(self, words: str) -> None:
        """Take the next words."""
        words = self._held.take(words)
        if not words:
            return
        self._waiting.append(words)
        self._characters += len(words)
        if self._index == 0 or self._characters >= PIECE_CHARACTERS:
            self._wake.set()

    async def close(self) -> None:
        """Say what is left and end; nothing comes after the answer."""
        if rest := self._held.rest():
            self._waiting.append(rest)
        self._closed = True
        self._wake.set()
        await self._sender

    async def cancel(self) -> None:
        """End without saying the rest."""
        self._sender.cancel()
        await asyncio.wait([self._sender])

    async def _send_pieces(self) -> None:
        await self._wake.wait()
        while True:
            await self._send_waiting()
            if self._closed and not self._waiting:
                return
            self._wake.clear()
            if self._characters < PIECE_CHARACTERS and not self._closed:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _send_waiting(self) -> None:
        text, self._waiting, self._characters = "".join(self._waiting), [], 0
        for start in range(0, len(text), _DELTA_CHARACTERS_MAX):
            await self._say(text[start : start + _DELTA_CHARACTERS_MAX])

    async def _say(self, text: str) -> None:
        target = self._request.stream
        if target is None:
            return
        delta = ReplyDelta.after(
            self._request,
            channel_id=target.channel_id,
            visitor_id=target.visitor_id,
            turn_id=target.turn_id,
            attempt=target.attempt,
            index=self._index,
            text=text,
        )
        self._index += 1
        try:
            await self._stream(delta)
        except Exception as error:  # noqa: BLE001 - the final message carries every word
            _log.warning("a piece of a streamed answer was lost", reason=str(error))
        else:
            metrics.DELTAS.inc()
        await afailpoint(MID_STREAM)
