"""What webhooks tell of health: that a channel is alive, and what Meta says of its account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from channel_ingress.effects import NewItem
from channel_ingress.health import notice_finding
from channel_ingress.health_book import HealthBook
from channel_ingress.items import Item, Update
from channel_ingress.store import Channel
from contracts.message import Message
from contracts.v1.channel_health import HealthFinding
from contracts.v1.channels import ChannelWebhookReceived
from postgres import Transaction


class HealthEffect:
    """Notes the last event of each channel, and findings from account notices."""

    def __init__(self, book: HealthBook) -> None:
        self._book = book
        self._heard: dict[UUID, Channel] = {}

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Note it; changes of health are said by the book itself."""
        if items:
            heard = {channel.channel_id: channel for _, channel in items}
            tx.after_commit.append(lambda: self._heard.update(heard))
        for item, channel in items:
            finding = notice_of(item, cause.occurred_at)
            if finding is not None:
                await self._book.note(tx, channel, [finding])
        return []

    def heard_again(self, channels: Sequence[Channel]) -> None:
        """What was taken could not be kept."""
        self._heard = {channel.channel_id: channel for channel in channels} | self._heard

    def take_heard(self) -> list[Channel]:
        """Channels that said something since the last call: a write a message would cost much."""
        heard, self._heard = self._heard, {}
        return [heard[key] for key in sorted(heard)]


def notice_of(item: Item, at: datetime) -> HealthFinding | None:
    """The finding in a notice about an account or number, if there is one."""
    if not isinstance(item.payload, Update) or item.payload.kind != "account":
        return None
    try:
        change: Any = orjson.loads(item.raw)
    except orjson.JSONDecodeError:
        return None
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        return None
    return notice_finding(str(change.get("field")), value, at)
