"""What a turn knows of its conversation beside the messages: facts, a summary, misses so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Protocol

import observe
from contracts.v1.tenants import TenantSettings
from orchestrator.domain import Leased
from outbox import Outbox
from postgres import DatabaseAway, Queries

MISSES_MAX: Final = 20

_log = observe.get_logger("orchestrator.memory")


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that a prompt says of a conversation beside its messages."""

    contact_name: str | None = None
    language: str | None = None
    metadata: str | None = None
    tags: Sequence[str] = ()
    summary: str | None = None
    summary_through: int = 0
    misses: int = 0


class Remembering(Protocol):
    """Whoever knows a conversation."""

    async def of(self, leased: Leased, settings: TenantSettings) -> Memory:
        """Return what is known of a turn's conversation."""
        ...


class NoMemory:
    """Where nothing is known: a talk that is only tried."""

    async def of(self, leased: Leased, settings: TenantSettings) -> Memory:
        """Return nothing."""
        del leased, settings
        return Memory()


class ConversationMemory:
    """Reads it from the database, in one short transaction before the turn asks anybody."""

    def __init__(self, outbox: Outbox, queries: Queries) -> None:
        self._outbox = outbox
        self._queries = queries

    async def of(self, leased: Leased, settings: TenantSettings) -> Memory:
        """Return what is known; nothing for a conversation that is not kept here.

        A database that is away for moments costs the facts, not the answer.
        """
        try:
            return await self._read(leased, settings)
        except DatabaseAway as error:
            _log.info("answered without memory", reason=str(error))
            return Memory()

    async def _read(self, leased: Leased, settings: TenantSettings) -> Memory:
        ids = (leased.tenant_id, leased.conversation_id)
        async with self._outbox.transaction(leased.tenant_id) as tx:
            row = await tx.fetchrow(self._queries["turn_memory"], *ids)
            if row is None:
                return Memory()
            misses: list[bool] = []
            if settings.handoff_after_misses is not None:
                rows = await tx.fetch(
                    self._queries["recent_misses"], *ids, leased.first_seq, MISSES_MAX
                )
                misses = [one["missed"] for one in rows]
        through = row["through_seq"] or 0
        # A past turn that is tried once more knows nothing of what was said after it.
        summary = row["summary"] if through < leased.first_seq else None
        return Memory(
            contact_name=row["display_name"],
            language=row["language"],
            metadata=row["metadata"],
            tags=row["tags"] or (),
            summary=summary,
            summary_through=0 if summary is None else through,
            misses=len(list(takewhile(bool, misses))),
        )
