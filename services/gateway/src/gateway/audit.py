"""The audit log: who changed what, when, from where; never a secret."""

from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from gateway.door import Principal
from observe import current_trace_id
from postgres import Queries, Transaction


class Audit:
    """Appends rows in the transaction that makes the change."""

    def __init__(self, queries: Queries) -> None:
        self._insert = queries["insert_audit"]

    async def note(
        self,
        tx: Transaction,
        tenant_id: UUID,
        who: Principal,
        action: str,
        subject: object,
        **detail: Any,
    ) -> None:
        """`note(tx, tenant, who, "channel.updated", channel_id, changed=["name"])`."""
        await tx.execute(
            self._insert,
            uuid7(),
            tenant_id,
            who.actor,
            action,
            str(subject),
            orjson.dumps(detail, default=str).decode(),
            who.address,
            current_trace_id() or None,
        )
