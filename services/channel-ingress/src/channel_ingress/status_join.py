"""Joins statuses to the sends that they are about: evidence first, then how far they have come."""

from __future__ import annotations

from itertools import groupby
from typing import Literal

from channel_ingress.domain import overall_price, overall_status, parts_after
from channel_ingress.graph import CALL_SECONDS
from channel_ingress.metrics import SENDS
from channel_ingress.said import message_sent, status_changed
from channel_ingress.send_store import SendStore
from channel_ingress.status_store import JoinableStatus, StatusStore
from channel_ingress.store import Store
from contracts.message import Event
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import Price
from outbox import Outbox
from postgres import Transaction

IN_FLIGHT_SECONDS = CALL_SECONDS + 10.0
"""An attempt older than this is not in flight: its process died or its answer was not read."""


class StatusJoin:
    """Order-free: a status may come before, during or after the call that it is about."""

    def __init__(
        self, outbox: Outbox, store: Store, statuses: StatusStore, sends: SendStore
    ) -> None:
        self._outbox, self._store, self._statuses = outbox, store, statuses
        self._sends = sends

    async def settle(
        self,
        tx: Transaction,
        message_ids: list[str] | None,
        in_flight_seconds: float = IN_FLIGHT_SECONDS,
        newest_seconds: float | None = None,
    ) -> None:
        """Join what can be joined of these messages (None: of all that are so new); the rest waits
        for its send."""
        found = await self._statuses.joinable(tx, message_ids, in_flight_seconds, newest_seconds)
        if not found:
            return
        events: list[Event] = []
        for _, group in groupby(found, key=lambda status: status.send_id):
            events += await self._settle_send(tx, list(group))
        await self._statuses.mark_joined(tx, found)
        await self._outbox.say(tx, *events)

    async def _settle_send(self, tx: Transaction, statuses: list[JoinableStatus]) -> list[Event]:
        send = statuses[0]
        command = SendMessage.hear(send.command.encode())
        before = await self._statuses.part_statuses(tx, send.send_id)
        parts = parts_after(before, ((one.part, one.status) for one in statuses))
        for part, status in {one.part: one for one in statuses}.items():
            if part not in before or parts[part] != before[part]:
                await self._statuses.keep_part_status(tx, status, parts[part] or status.status)
        events: list[Event] = []
        if send.state in ("attempting", "unknown"):
            events += await self._accept(tx, command, sorted({s.part for s in statuses}))
        overall = overall_status(parts.get(part) for part in range(send.part_count))
        price = overall_price([send.send_price, *(status.price for status in statuses)])
        if (overall, price) == (send.delivery_status, send.send_price):
            return events
        news = _news_of(overall, statuses)
        await self._statuses.set_delivery_status(
            tx, send.send_id, overall, news.provider_code, price
        )
        if overall is not None and overall != "sent":
            events.append(_changed(command, overall, news, price, send.delivery_status))
        return events

    async def _accept(self, tx: Transaction, command: SendMessage, parts: list[int]) -> list[Event]:
        """The provider had it after all, although we never read its answer."""
        state = None
        for part in parts:
            state = await self._statuses.accept_by_evidence(tx, command.send_id, part) or state
        if state != "accepted":
            return []
        SENDS.labels(command.channel_type, "accepted", "by_evidence").inc()
        ids = await self._store.provider_ids(tx, command.send_id)
        return [message_sent(command, ids, await self._sends.plan_of(tx, command.send_id))]


def _news_of(overall: str | None, statuses: list[JoinableStatus]) -> JoinableStatus:
    """The newest of those that say it, else of all."""
    saying = [status for status in statuses if status.status == overall]
    return max(saying or statuses, key=lambda status: status.at)


def _changed(
    command: SendMessage,
    overall: Literal["delivered", "read", "failed"],
    news: JoinableStatus,
    price: Price | None,
    before: str | None,
) -> Event:
    has_failed = overall == "failed"
    return status_changed(
        command,
        overall,
        provider_code=news.provider_code if has_failed else None,
        detail=news.detail if has_failed else "",
        at=news.at,
        price=price,
        is_rise=overall != before,
    )
