"""What a turn leaves beside its words: a question unanswered, an answer used, a summary wanted."""

from collections.abc import Callable
from typing import Any

from contracts.v1.tenants import TenantSettings
from orchestrator.answering import Draft
from orchestrator.domain import Leased
from orchestrator.prompt import search_query
from orchestrator.summaries import wanted_through
from orchestrator.unanswered import UnansweredQuestions
from postgres import Queries, Transaction


class TurnNotes:
    """Notes it in the commit of the turn, and wakes whoever goes on with it."""

    def __init__(
        self, queries: Queries, unanswered: UnansweredQuestions, wake: Callable[[], None]
    ) -> None:
        self._queries = queries
        self._unanswered = unanswered
        self._wake = wake

    async def note(
        self, tx: Transaction, leased: Leased, settings: TenantSettings, draft: Draft
    ) -> None:
        """Note what follows from a turn that is said now."""
        ids = (leased.tenant_id, leased.conversation_id)
        noted = False
        if draft.curated_answer_id is not None:
            await tx.execute(
                self._queries["count_curated_use"], leased.tenant_id, draft.curated_answer_id
            )
        if draft.missed is not None:
            question = _understood(draft.evidence) or search_query(leased.unanswered)
            noted = await self._unanswered.keep(tx, (leased.turn_id, *ids), question, draft.missed)
        through = _summary_through(leased, settings, draft.evidence)
        if through is not None:
            noted = True
            await tx.execute(
                self._queries["want_writing"],
                leased.conversation_id,
                leased.tenant_id,
                "summary",
                through,
            )
        if noted:
            tx.after_commit.append(self._wake)


def _understood(evidence: dict[str, Any]) -> str | None:
    understood = evidence.get("understood") or {}
    if understood.get("by") == "model":
        return str(understood.get("searched") or "") or None
    return None


def _summary_through(
    leased: Leased, settings: TenantSettings, evidence: dict[str, Any]
) -> int | None:
    """Up to which place a summary is wanted; None where the prompt held nearly everything."""
    if settings.summarise_history is False or "history_messages" not in evidence:
        return None
    return wanted_through(
        leased.first_seq, evidence["history_messages"], evidence.get("summary_through", 0)
    )
