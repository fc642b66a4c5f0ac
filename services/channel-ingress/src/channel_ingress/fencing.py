"""Answers who took a conversation over and waits for the bot's silence."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from bus import Bus
from channel_ingress.store import Store
from contracts.v1.sending import ConversationFenced, FenceConversation
from outbox import Outbox
from postgres import Queries

WAIT_SECONDS: Final = 2.0
"""A call that takes longer is told of, and not waited for."""
LOOK_SECONDS: Final = 0.02


class Fencing:
    """Raises a conversation's fencing number, and waits for the call that had left before."""

    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store
        self._queries = Queries("channel_ingress", "queries_sending.sql")

    def listen(self, bus: Bus) -> None:
        """Register what is answered here."""
        bus.answer(FenceConversation, self.fence)

    async def fence(self, request: FenceConversation) -> ConversationFenced:
        """After this answer no call with a lower number begins; `in_flight`: one has no end yet."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            in_flight = await self._look(request)
            if not in_flight or time.monotonic() >= deadline:
                return ConversationFenced(in_flight=in_flight)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, request: FenceConversation) -> bool:
        ids = (request.conversation_id, request.tenant_id)
        async with self._outbox.transaction(request.tenant_id) as tx:
            await self._store.raise_ownership(tx, *ids, request.ownership_number)
            return bool(
                await tx.fetchval(
                    self._queries["has_stale_call"],
                    request.conversation_id,
                    request.ownership_number,
                    WAIT_SECONDS * 10,
                )
            )
