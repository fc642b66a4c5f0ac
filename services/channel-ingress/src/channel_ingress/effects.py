"""What new items do beside being kept and said: each concern has an effect of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from channel_ingress.items import Item
from channel_ingress.store import Channel
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from postgres import Transaction

NewItem: TypeAlias = tuple[Item, Channel]
"""An item that was not kept before, with its channel."""


class Effect(Protocol):
    """Hears new items of one body, in the transaction that keeps them, in their order."""

    async def apply(
        self, tx: Transaction, cause: ChannelWebhookReceived, items: Sequence[NewItem]
    ) -> Sequence[Message]:
        """Do it; answers what is to be said, after the items themselves. Ignore what you do not
        know: every effect sees every new item."""
        ...
