"""When customers wrote last: what opens the windows in which they may be written to freely."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from channel_ingress.contact_book import Known
from channel_ingress.items import Change, CustomerMessage, Item, Update
from channel_ingress.send_store import SendStore
from channel_ingress.store import Channel
from postgres import Transaction

HeardItem: TypeAlias = tuple[Item, Channel, Known | None]
"""A new item, its channel, and the person whom it names."""


class Windows:
    """Opens a contact's window by what they did."""

    def __init__(self, sends: SendStore) -> None:
        self._sends = sends

    async def notice(
        self, tx: Transaction, heard: Sequence[HeardItem], received_at: datetime
    ) -> None:
        """Keep when each customer wrote last; imported history opens nothing."""
        latest: dict[UUID, tuple[UUID, UUID, datetime, bool]] = {}
        for item, channel, known in heard:
            opened = _opened(item, channel, known, received_at)
            if opened is None:
                continue
            conversation_id, at, is_referred = opened
            before = latest.get(conversation_id)
            if before is not None:
                at, is_referred = max(at, before[2]), is_referred or before[3]
            latest[conversation_id] = (conversation_id, channel.tenant_id, at, is_referred)
        if latest:
            await self._sends.open_windows(tx, list(latest.values()))


def _opened(
    item: Item, channel: Channel, known: Known | None, received_at: datetime
) -> tuple[UUID, datetime, bool] | None:
    """Conversation, moment, and whether an ad led here; None for what opens no window.

    WhatsApp: messages only. Messenger: also reactions and referrals.
    """
    payload = item.payload
    if channel.channel_type == "webchat":
        return None
    if isinstance(payload, CustomerMessage) and known is not None and not payload.is_imported:
        is_referred = channel.channel_type == "whatsapp" and payload.content.referral is not None
        return known.conversation_id, payload.sent_at, is_referred
    if channel.channel_type != "messenger":
        return None
    if isinstance(payload, Change) and known is not None:
        opens = payload.what == "reaction" and payload.by == "customer" and payload.emoji
        return (known.conversation_id, payload.at, False) if opens else None
    if isinstance(payload, Update) and payload.kind == "referral" and known is not None:
        return known.conversation_id, received_at, False
    return None
