"""Writes what nobody waits for: summaries of long conversations, and better briefs.

What is due stands in a table, so that a crash loses nothing; no call is made while a customer
waits for it, and where only the built-in model is there, rules write instead.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import observe
from bus import AskFailed
from contracts.v1.models import ChatMessage, GenerateReply, ReplyGenerated
from contracts.v1.turns import ConversationUpdated
from orchestrator.brief_book import BriefBook
from orchestrator.briefs import brief_prompt, brief_read
from orchestrator.searching import Asking
from orchestrator.storable import storable_text
from orchestrator.summaries import (
    MESSAGES_MAX,
    Line,
    summary_by_rules,
    summary_prompt,
    summary_read,
)
from outbox import Outbox
from postgres import Database, Queries

_AT_ONCE: Final = 8
_LEASE_SECONDS: Final = 90.0
_TRIES_MAX: Final = 4
_SECONDS: Final = 30.0
_TOKENS_MAX: Final = 400
_BUILTIN: Final = "builtin/"

_log = observe.get_logger("orchestrator.writing")


@dataclass(frozen=True, slots=True)
class Due:
    """Something to write about a conversation, up to a place."""

    tenant_id: UUID
    conversation_id: UUID
    kind: str
    through_seq: int
    tries: int


class Writing:
    """Takes what is due, asks a model outside any transaction, and keeps what came."""

    def __init__(
        self, database: Database, outbox: Outbox, bus: Asking, queries: Queries, briefs: BriefBook
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._bus = bus
        self._queries = queries
        self._briefs = briefs

    async def write_some(self) -> int:
        """Write what is due now; answers how many were taken."""
        async with self._database.system() as tx:
            rows = await tx.fetch(self._queries["take_writing"], _AT_ONCE, _LEASE_SECONDS)
        for row in rows:
            due = Due(**dict(row))
            try:
                await (self._sum_up(due) if due.kind == "summary" else self._brief(due))
            except Exception:  # noqa: BLE001 - one bad row may not stop the others
                # It comes again by itself; what cannot be written at all is given up below.
                _log.exception("could not write", kind=due.kind, tries=due.tries)
                if due.tries >= _TRIES_MAX:
                    await self._done(due)
        return len(rows)

    async def _sum_up(self, due: Due) -> None:
        ids = (due.tenant_id, due.conversation_id)
        async with self._outbox.transaction(due.tenant_id) as tx:
            known = await tx.fetchrow(self._queries["find_summary"], *ids)
            through, before = (0, "") if known is None else (known["through_seq"], known["text"])
            rows = await tx.fetch(
                self._queries["words_to_sum_up"], *ids, through, due.through_seq, MESSAGES_MAX
            )
        lines = [Line(row["seq"], row["role"], row["text"]) for row in reversed(rows)]
        if not lines:
            await self._done(due)
            return
        reply = await self._ask(due, summary_prompt(before, lines))
        text, by = summary_by_rules(before, lines), "rules"
        told = None if reply is None else summary_read(storable_text(reply.text))
        if reply is not None and told is not None:
            text, by = told, reply.model
        async with self._outbox.transaction(due.tenant_id) as tx:
            await tx.execute(
                self._queries["keep_summary"],
                due.conversation_id,
                due.tenant_id,
                due.through_seq,
                text,
                by,
            )
            await tx.execute(self._queries["writing_done"], *ids, due.kind, due.through_seq)

    async def _brief(self, due: Due) -> None:
        ids = (due.tenant_id, due.conversation_id)
        async with self._outbox.transaction(due.tenant_id) as tx:
            lines, rules = await self._briefs.by_rules(tx, *ids)
        reply = await self._ask(due, brief_prompt(lines, rules)) if lines else None
        better = (
            None if reply is None else brief_read(storable_text(reply.text), reply.model, rules)
        )
        if better is None:
            await self._done(due)
            return
        async with self._outbox.transaction(due.tenant_id) as tx:
            stands = await tx.fetchrow(self._queries["standing_for_brief"], *ids)
            if stands is not None and stands["owner_kind"] == "human":
                await self._briefs.keep(tx, *ids, better)
                await self._outbox.say(tx, _updated(due, stands, better))
            await tx.execute(self._queries["writing_done"], *ids, due.kind, due.through_seq)

    async def _ask(self, due: Due, messages: list[ChatMessage]) -> ReplyGenerated | None:
        """Ask a model; None where only the built-in one answers, or none."""
        request = GenerateReply.make(
            tenant_id=due.tenant_id,
            correlation_id=due.conversation_id,
            purpose="summary",
            conversation_id=due.conversation_id,
            model=None,
            messages=messages,
            tools=[],
            passages=[],
            reply_tokens_max=_TOKENS_MAX,
            deadline_at=datetime.now(UTC) + timedelta(seconds=_SECONDS),
            stream=None,
        )
        try:
            reply = await self._bus.ask(request, timeout_seconds=_SECONDS)
        except AskFailed as error:
            _log.info("no model wrote", kind=due.kind, code=error.code)
            return None
        return None if reply.model.startswith(_BUILTIN) else reply

    async def _done(self, due: Due) -> None:
        async with self._outbox.transaction(due.tenant_id) as tx:
            await tx.execute(
                self._queries["writing_done"],
                due.tenant_id,
                due.conversation_id,
                due.kind,
                due.through_seq,
            )


def _updated(due: Due, stands: Any, brief: Any) -> ConversationUpdated:
    return ConversationUpdated.make(
        tenant_id=due.tenant_id,
        correlation_id=due.conversation_id,
        conversation_id=due.conversation_id,
        channel_id=stands["channel_id"],
        channel_type=stands["channel_type"],
        contact_external_id=stands["contact_external_id"],
        status=stands["status"],
        owner_kind=stands["owner_kind"],
        assignee=stands["assignee"],
        ownership_number=stands["ownership_number"],
        brief=brief,
    )
