"""Bursts: what tells how long a turn waits for the rest of what a customer is saying."""

from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

from bus import Bus
from contracts.v1.channels import MediaFailed, MediaStored, MessageReceived
from contracts.v1.tenants import TenantSettings
from contracts.v1.turns import VisitorTyping
from orchestrator.coalescing import Burst, wait_seconds
from orchestrator.running import Running
from orchestrator.tenant_rules import RuleBook
from outbox import Outbox
from postgres import Queries, Transaction


class Bursts:
    """Moves the moment when a waiting turn begins."""

    def __init__(self, outbox: Outbox, rules: RuleBook, runner: Running) -> None:
        self._outbox, self._rules, self._runner = outbox, rules, runner
        self._queries = Queries("orchestrator", "queries_turns.sql")

    def listen(self, bus: Bus) -> None:
        """Register what is heard of customers beside their messages."""
        bus.hear_stream(VisitorTyping, self.on_typing)

    async def wait_seconds(
        self, tx: Transaction, heard: MessageReceived, settings: TenantSettings
    ) -> float:
        """How long this message's turn waits for more; its conversation is locked."""
        if settings.coalesce_milliseconds == 0:
            return 0.0
        row = await self._burst(tx, heard.tenant_id, heard.conversation_id)
        ages = [0.0, *row["ages_seconds"]]
        media = heard.content.media
        pending = row["media_pending"] or (media is not None and media.state == "pending")
        return wait_seconds(
            settings,
            Burst(heard.content.text or "", row["waited_seconds"], _gaps(ages), pending),
        )

    async def on_typing(self, heard: VisitorTyping) -> None:
        """Somebody types whose words wait for an answer: there is more to come."""
        async with self._outbox.transaction(heard.tenant_id) as tx:
            who = (None, heard.channel_id, heard.visitor_id)
            await self._move(tx, heard.tenant_id, who, typing=True)

    async def on_media_settled(self, tx: Transaction, heard: MediaStored | MediaFailed) -> None:
        """A file that a turn may have waited for is here, or never will be."""
        who = (heard.conversation_id, None, None)
        await self._move(tx, heard.tenant_id, who, typing=False)

    async def _move(
        self,
        tx: Transaction,
        tenant_id: UUID,
        who: tuple[UUID | None, UUID | None, str | None],
        *,
        typing: bool,
    ) -> None:
        waiting = await tx.fetchrow(self._queries["lock_waiting"], tenant_id, *who)
        if waiting is None:
            return
        rules = await self._rules.of(tx, tenant_id, waiting["revision"])
        if rules.settings.coalesce_milliseconds == 0:
            return
        conversation_id = waiting["conversation_id"]
        row = await self._burst(tx, tenant_id, conversation_id)
        burst = Burst(
            row["text"] or "",
            row["waited_seconds"],
            _gaps(row["ages_seconds"]),
            row["media_pending"],
            typing,
        )
        seconds = wait_seconds(rules.settings, burst)
        await tx.execute(self._queries["move_due"], tenant_id, conversation_id, seconds)
        wake = partial(self._runner.wake, tenant_id, conversation_id, seconds)
        tx.after_commit.append(wake)

    async def _burst(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> Any:
        return await tx.fetchrow(self._queries["find_burst"], tenant_id, conversation_id)


def _gaps(ages_seconds: list[float]) -> list[float]:
    """Return the seconds between messages, of their ages, newest first."""
    return [older - newer for newer, older in pairwise(ages_seconds)]
