"""Read marks and typing indicators while an answer is made: best effort, beside the sends."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from uuid import UUID

from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.graph import Answered, GraphClient
from channel_ingress.known_channels import KnownChannels
from channel_ingress.metrics import TYPING
from channel_ingress.parking import Park, Parking
from channel_ingress.reading import Json
from channel_ingress.store import SendingChannel
from contracts.v1.sending import TypingShown
from observe import get_logger
from postgres import Database, DatabaseAway, Transaction

WAITING_MAX = 48
AT_ONCE = 16
"""Calls in flight; with those that wait 64. The pool of connections is the sends' first."""
FREE_SECONDS = 5.0
"""How long a channel that was not parked is taken for free: an indicator more or less."""
KEPT_MAX = 10_000
SHOW_SECONDS = 5.0
"""An indicator that takes longer is of no use."""

_log = get_logger("typing")


class TypingMarks:
    """Shows that we type; the oldest that wait are dropped when there are too many."""

    def __init__(
        self,
        database: Database,
        channels: KnownChannels,
        parking: Parking,
        credentials: Credentials,
        graph: GraphClient,
    ) -> None:
        self._database, self._channels, self._parking = database, channels, parking
        self._credentials, self._graph = credentials, graph
        self._waiting: deque[TypingShown] = deque()
        self._news = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._free_until: dict[UUID, float] = {}

    async def hear(self, shown: TypingShown) -> None:
        """Take it; never waits."""
        if shown.channel_type == "webchat":
            return
        if len(self._waiting) >= WAITING_MAX:
            dropped = self._waiting.popleft()
            TYPING.labels(dropped.channel_type, "dropped").inc()
        self._waiting.append(shown)
        self._news.set()

    async def run(self) -> None:
        """Make the calls until cancelled."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting and len(self._calls) < AT_ONCE:
                    call = asyncio.create_task(self._show(self._waiting.popleft()))
                    self._calls.add(call)
                    call.add_done_callback(self._done)
        finally:
            for call in self._calls:
                call.cancel()

    async def park_changed(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, park: Park | None
    ) -> None:
        """This process parked a channel, or set it free: look again."""
        del tx, tenant_id, park
        self._free_until.pop(channel_id, None)

    def _done(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._news.set()

    async def _show(self, shown: TypingShown) -> None:
        outcome = "failed"
        try:
            async with asyncio.timeout(SHOW_SECONDS):
                outcome = await self._call(shown)
        except (TimeoutError, DatabaseAway, CredentialsUnreadable) as error:
            _log.info("typing was not shown", reason=f"{type(error).__name__}: {error}")
        except Exception:  # noqa: BLE001 - an indicator; counted, and the answer itself follows
            _log.exception("typing was not shown")
        TYPING.labels(shown.channel_type, outcome).inc()

    async def _call(self, shown: TypingShown) -> str:
        channel = self._channels.kept(shown.channel_id, shown.tenant_id)
        if channel is None or self._free_until.get(shown.channel_id, 0.0) <= time.monotonic():
            channel = await self._free(shown)
        if channel is None or channel.state != "active":
            return "skipped"
        bodies = typing_bodies(channel, shown)
        token = self._credentials.access_token(channel)
        for body in bodies:
            path = f"{channel.external_id}/messages"
            answer = await self._graph.call("POST", path, token, body=body)
            if not isinstance(answer, Answered):
                _log.info("typing was not shown", reason=str(answer)[:300])
                return "failed"
        return "shown" if bodies else "skipped"

    async def _free(self, shown: TypingShown) -> SendingChannel | None:
        """The channel, if it is not parked; looked up now."""
        async with self._database.transaction(shown.tenant_id) as tx:
            channel = await self._channels.of_tenant(tx, shown.channel_id, shown.tenant_id)
            if channel is None or await self._parking.state(tx, channel.channel_id) is not None:
                return None
        if len(self._free_until) >= KEPT_MAX:
            self._free_until.clear()
        self._free_until[channel.channel_id] = time.monotonic() + FREE_SECONDS
        return channel


def typing_bodies(channel: SendingChannel, shown: TypingShown) -> list[Json]:
    """The calls that mark the customer's message as read and show that we type.

    WhatsApp's is about a message: without one there is none, and nothing takes it away again.
    """
    if channel.channel_type == "messenger":
        recipient = {"id": shown.contact_external_id}
        actions = ("typing_off",) if shown.ended else ("mark_seen", "typing_on")
        return [{"recipient": recipient, "sender_action": action} for action in actions]
    if shown.provider_message_id is None or shown.ended:
        return []
    return [
        {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": shown.provider_message_id,
            "typing_indicator": {"type": "text"},
        }
    ]
