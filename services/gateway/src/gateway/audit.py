"""The audit log: who changed what, when, from where; never a secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from gateway.door import Principal
from observe import current_trace_id
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A line of the log."""

    audit_id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    address: str | None
    trace_id: str | None

    @property
    def created_at(self) -> datetime:
        """As lists are ordered."""
        return self.at


class Audit:
    """Appends rows in the transaction that makes the change; reads them page by page."""

    def __init__(self, queries: Queries) -> None:
        self._insert = queries["insert_audit"]
        self._list = queries["list_audit"]

    async def page(
        self, tx: Transaction, tenant_id: UUID, before: tuple[datetime, str] | None, limit: int
    ) -> list[AuditRow]:
        """The newest lines before a position."""
        at, last = before or (None, None)
        rows = await tx.fetch(self._list, tenant_id, at, UUID(last) if last else None, limit)
        return [AuditRow(**{**row, "detail": orjson.loads(row["detail"])}) for row in rows]

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
