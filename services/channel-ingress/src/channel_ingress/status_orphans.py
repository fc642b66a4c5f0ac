"""Shows statuses whose send never came: a lost send, or somebody else who uses the number."""

from __future__ import annotations

from uuid import uuid5

from channel_ingress.metrics import ORPHANS
from channel_ingress.status_store import OrphanedStatuses, StatusStore
from contracts.v1.channels import UpdateReceived
from outbox import Outbox
from postgres import Transaction


class StatusOrphans:
    """Says each message once; its statuses stay, and are joined if the send comes after all."""

    def __init__(self, outbox: Outbox, store: StatusStore, orphan_after_seconds: float) -> None:
        self._outbox, self._store = outbox, store
        self._orphan_after_seconds = orphan_after_seconds

    async def sweep(self, tx: Transaction) -> None:
        """Say those that have waited for too long."""
        found = await self._store.take_orphaned(tx, self._orphan_after_seconds)
        if found:
            ORPHANS.labels("status").inc(len(found))
            await self._outbox.say(tx, *(_orphaned(orphan) for orphan in found))


def _orphaned(orphan: OrphanedStatuses) -> UpdateReceived:
    name = f"status-orphaned:{orphan.provider_message_id}"
    return UpdateReceived.make(
        tenant_id=orphan.tenant_id,
        message_id=uuid5(orphan.channel_id, name),
        channel_id=orphan.channel_id,
        channel_type=orphan.channel_type,
        conversation_id=None,
        update_kind="status_orphaned",
        provider_message_id=orphan.provider_message_id,
        data=orphan.statuses,
        severity="warning",
    )
