"""Past turns as they were: what was asked, what had been said, and what was answered."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from contracts.v1.shapes import Citation
from contracts.v1.trying import TriedAnswer
from orchestrator.domain import Leased, StoredMessage, Trial
from orchestrator.trial_numbers import Side
from orchestrator.trying import confidence_of, names_of_tools
from orchestrator.turn_store import MESSAGES_READ_MAX, stored_message
from postgres import Queries, Transaction

_CITATIONS: Final = TypeAdapter(list[Citation])
_SIDES: Final[dict[str, Side]] = {
    "answered": "answered",
    "handed_off": "handed_off",
    "failed_politely": "failed",
}


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A turn that ended."""

    leased: Leased
    question: str
    answer: TriedAnswer
    side: Side


async def past_turn(
    tx: Transaction, queries: Queries, tenant_id: UUID, turn_id: UUID, trial: Trial
) -> PastTurn | None:
    """Load a turn as its worker saw it; None where it is gone."""
    row = await tx.fetchrow(queries["past_turn"], tenant_id, turn_id, MESSAGES_READ_MAX)
    if row is None or row["outcome"] not in _SIDES:
        return None
    messages = [stored_message(*fields) for fields in json.loads(row["messages"] or "[]")]
    settings = await tx.fetchrow(queries["tenant_settings"], tenant_id)
    if settings is None or not messages:
        return None
    leased = _leased(tenant_id, turn_id, row, settings, messages, trial)
    question = "\n".join(message.text for message in leased.unanswered if message.text)
    return PastTurn(leased, question, _said(row), _SIDES[row["outcome"]])


def _leased(
    tenant_id: UUID,
    turn_id: UUID,
    row: Any,
    settings: Any,
    messages: list[StoredMessage],
    trial: Trial,
) -> Leased:
    return Leased(
        tenant_id=tenant_id,
        conversation_id=row["conversation_id"],
        channel_id=row["channel_id"],
        channel_type=row["channel_type"],
        contact_external_id=row["contact_external_id"],
        ownership_number=1,
        lease_epoch=1,
        attempt=1,
        first_seq=row["first_seq"],
        last_seq=row["last_seq"],
        tenant_revision=settings["revision"],
        leased_at=datetime.now(UTC),
        leased_monotonic=monotonic(),
        turn_id=turn_id,
        messages=messages,
        own_revision=settings["own_revision"],
        trial=trial,
    )


def _said(row: Any) -> TriedAnswer:
    """Put together what was answered then, from the message and the turn's evidence."""
    calls = json.loads(row["model_calls"] or "[]") or []
    costs = [call.get("cost_usd") for call in calls]
    seconds = (row["ended_at"] - row["started_at"]).total_seconds()
    decision = json.loads(row["decision"] or "null")
    evidence = {
        "confidence": json.loads(row["confidence"] or "null"),
        "tool_calls": json.loads(row["tool_calls"] or "[]"),
    }
    return TriedAnswer(
        text=row["text"] or "",
        citations=_CITATIONS.validate_json(row["citations"]) if row["citations"] else [],
        decision=decision or _SIDES[row["outcome"]],
        confidence=confidence_of(evidence),
        model=calls[-1].get("model") if calls else None,
        input_tokens=sum(call.get("input_tokens", 0) for call in calls),
        output_tokens=sum(call.get("output_tokens", 0) for call in calls),
        cost_usd=None if None in costs else sum(costs),
        milliseconds=max(0, round(seconds * 1000)),
        tool_calls=names_of_tools(evidence),
    )
