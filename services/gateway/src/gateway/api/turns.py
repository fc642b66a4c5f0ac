"""Turns: why the bot said that, or nothing. orchestrator keeps the evidence, here it is read."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.v1.conversations import ListTurns, Turn
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import With

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations/{conversation_id}/turns",
    tags=["conversations"],
    route_class=GuardedRoute,
)


class TurnShown(BaseModel):
    """A turn with everything that led to its answer."""

    turn_id: UUID
    conversation_id: UUID
    first_seq: int = Field(description="First message it answers.")
    last_seq: int = Field(description="Last message it answers.")
    attempt: int = Field(description="Which try.")
    outcome: str = Field(description="answered, failed_politely, suppressed, handed_off, retrying.")
    message_id: UUID | None = Field(description="The answer, if one was made.")
    started_at: datetime
    ended_at: datetime | None
    evidence: dict[str, Any] = Field(
        description="The question as understood, searches with every candidate and the rule that "
        "cut it, passages, prompt, model and tool calls, durations."
    )
    left_out: list[str] = Field(description="Parts of the evidence that were too large.")


class TurnsShown(BaseModel):
    """Turns, the newest first."""

    items: list[TurnShown]


@router.get("")
async def list_turns(
    tenant_id: UUID,
    conversation_id: UUID,
    parts: With,
    turn_id: Annotated[UUID | None, Query(description="Only this turn.")] = None,
    message_id: Annotated[
        UUID | None, Query(description="Only the turn that wrote this answer.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=20, description="At most so many.")] = 5,
) -> TurnsShown:
    """Why did the bot say that, or nothing? Each turn with its whole evidence."""
    request = ListTurns.make(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        recorded_message_id=message_id,
        limit=limit,
    )
    answer = await parts.ask(request)
    return TurnsShown(items=[_shown(turn) for turn in answer.turns])


def _shown(turn: Turn) -> TurnShown:
    return TurnShown(
        **turn.model_dump(exclude={"evidence", "recorded_message_id"}),
        message_id=turn.recorded_message_id,
        evidence=json.loads(turn.evidence),
    )
