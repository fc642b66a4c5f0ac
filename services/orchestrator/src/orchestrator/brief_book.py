"""Briefs of conversations: made in the commit of a handoff, made better when a model has time."""

import json
from collections.abc import Callable
from typing import Final
from uuid import UUID

from contracts.message import Message
from contracts.v1.shapes import HandoffBrief
from contracts.v1.turns import HandoffRequested
from orchestrator.briefs import brief_by_rules
from orchestrator.storable import storable_json
from orchestrator.summaries import Line
from postgres import Queries, Transaction

LINES_MAX: Final = 40
_TURNS_MAX: Final = 5
_PARTS: Final = ("understood", "passages", "tool_calls", "decision", "confidence")


class BriefBook:
    """Makes a brief from rows; whoever hands a conversation over asks for it in the same commit."""

    def __init__(self, queries: Queries, wake: Callable[[], None]) -> None:
        self._queries = queries
        self._wake = wake

    async def at_handoff(
        self,
        tx: Transaction,
        tenant_id: UUID,
        conversation_id: UUID,
        keyword: str | None = None,
    ) -> HandoffBrief:
        """Make and keep the brief; a turn that ends in this very commit is kept before it."""
        lines, rules = await self.by_rules(tx, tenant_id, conversation_id, keyword)
        await self.keep(tx, tenant_id, conversation_id, rules)
        await tx.execute(self._queries["await_person"], tenant_id, conversation_id)
        last_seq = lines[-1].seq if lines else 0
        await tx.execute(
            self._queries["want_writing"], conversation_id, tenant_id, "brief", last_seq
        )
        return rules

    async def told(self, tx: Transaction, said: Message) -> Message:
        """Return what is said with its brief, if it asks for a person; else as it is."""
        if not isinstance(said, HandoffRequested):
            return said
        keyword = said.detail if said.reason == "keyword" else None
        brief = await self.at_handoff(tx, said.tenant_id, said.conversation_id, keyword)
        tx.after_commit.append(self._wake)
        return said.model_copy(update={"brief": brief})

    async def by_rules(
        self,
        tx: Transaction,
        tenant_id: UUID,
        conversation_id: UUID,
        keyword: str | None = None,
    ) -> tuple[list[Line], HandoffBrief]:
        """Return the last words, oldest first, and the brief that rules make of everything."""
        ids = (tenant_id, conversation_id)
        rows = await tx.fetch(self._queries["lines_for_brief"], *ids, LINES_MAX)
        lines = [Line(row["seq"], row["role"], row["text"]) for row in reversed(rows)]
        turns = [
            {part: None if row[part] is None else json.loads(row[part]) for part in _PARTS}
            for row in reversed(await tx.fetch(self._queries["turns_for_brief"], *ids, _TURNS_MAX))
        ]
        summary = await tx.fetchrow(self._queries["find_summary"], *ids)
        told = "" if summary is None else summary["text"]
        return lines, brief_by_rules(lines, turns, told, keyword)

    async def keep(
        self, tx: Transaction, tenant_id: UUID, conversation_id: UUID, brief: HandoffBrief
    ) -> None:
        """Keep it with the conversation."""
        text = storable_json(brief.model_dump_json())
        await tx.execute(self._queries["keep_brief"], tenant_id, conversation_id, text)
