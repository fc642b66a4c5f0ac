"""The way of one message through every service, put together from what each of them tells."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bus import AskFailed
from contracts.v1.model_routes import ListModelCalls
from contracts.v1.timelines import (
    ConversationStepsFound,
    GetChannelSteps,
    GetConversationSteps,
    GetEventSteps,
    TimelineStep,
)
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Parts, With
from postgres import Queries

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/conversations/{conversation_id}/messages/{message_id}",
    tags=["conversations"],
    route_class=GuardedRoute,
)

_QUERIES: Final = Queries("gateway", "queries_steps.sql")
_BEFORE: Final = timedelta(seconds=2)
_AFTER: Final = timedelta(minutes=2)
"""Events are logged a moment after what they tell of; a delivery takes its time."""


class StepShown(BaseModel):
    """Something that a service did."""

    at: datetime
    service: str
    what: str = Field(description="A stable word: accepted, received, placed, model_called …")
    detail: str = Field(description="One sentence for a person.")
    milliseconds: float | None = Field(description="How long it took, where that is known.")
    facts: dict[str, Any] = Field(description="Codes, counts, models, money.")


class TimelineShown(BaseModel):
    """Every step, in order."""

    items: list[StepShown]
    turn_ids: list[UUID] = Field(description="`…/turns?turn_id=` has the whole evidence.")
    trace_ids: list[str] = Field(description="W3C trace ids, to be found in logs and traces.")
    missing: list[str] = Field(description="Services that could not be asked just now.")


@router.get("/timeline")
async def show_timeline(
    tenant_id: UUID, conversation_id: UUID, message_id: UUID, parts: With
) -> TimelineShown:
    """What became of a message, across all services: the customer's, or one of ours."""
    request = GetConversationSteps.make(
        tenant_id=tenant_id, conversation_id=conversation_id, recorded_message_id=message_id
    )
    found = await parts.ask(request)
    missing: list[str] = []
    channel, models, events = await asyncio.gather(
        _told("channel-ingress", missing, _channel_steps(parts, tenant_id, found)),
        _told("llm-router", missing, _model_steps(parts, tenant_id, found)),
        _told("webhook-dispatcher", missing, _event_steps(parts, tenant_id, found)),
    )
    steps = [*_shown("orchestrator", found.steps), *channel, *models, *events]
    steps.sort(key=lambda step: step.at)
    return TimelineShown(
        items=steps, turn_ids=found.turn_ids, trace_ids=found.trace_ids, missing=sorted(missing)
    )


async def _told(
    service: str, missing: list[str], asking: Coroutine[Any, Any, list[StepShown]]
) -> list[StepShown]:
    """A service that is away leaves a gap that is said, not an error."""
    try:
        return await asking
    except AskFailed:
        missing.append(service)
        return []


async def _channel_steps(
    parts: Parts, tenant_id: UUID, found: ConversationStepsFound
) -> list[StepShown]:
    request = GetChannelSteps.make(
        tenant_id=tenant_id,
        channel_id=found.channel_id,
        provider_message_id=found.provider_message_id,
        contact_external_id=found.contact_external_id,
        send_ids=found.send_ids,
    )
    answer = await parts.ask(request)
    steps = _shown("channel-ingress", answer.steps)
    if answer.delivery_id is not None:
        steps += await _accepted(parts, tenant_id, answer.delivery_id)
    return steps


async def _accepted(parts: Parts, tenant_id: UUID, delivery_id: UUID) -> list[StepShown]:
    """When the body came through our own door."""
    async with parts.database.system() as tx:
        row = await tx.fetchrow(_QUERIES["accepted_body"], tenant_id, delivery_id)
    if row is None:
        return []
    return [
        StepShown(
            at=row["received_at"],
            service="gateway",
            what="accepted",
            detail=f"The body from {row['source']} was written down and acknowledged.",
            milliseconds=None,
            facts={"delivery_id": str(delivery_id), "size_bytes": row["size_bytes"]},
        )
    ]


async def _model_steps(
    parts: Parts, tenant_id: UUID, found: ConversationStepsFound
) -> list[StepShown]:
    asked = [
        parts.ask(ListModelCalls.make(tenant_id=tenant_id, turn_id=turn_id, conversation_id=None))
        for turn_id in found.turn_ids
    ]
    return [
        StepShown(
            at=call.at,
            service="llm-router",
            what="paid",
            detail=f"{call.model} ({call.purpose}) was {call.outcome}: {_price(call.cost_usd)}.",
            milliseconds=call.milliseconds,
            facts=call.model_dump(mode="json", exclude={"at", "milliseconds", "conversation_id"}),
        )
        for answer in await asyncio.gather(*asked)
        for call in answer.calls
    ]


async def _event_steps(
    parts: Parts, tenant_id: UUID, found: ConversationStepsFound
) -> list[StepShown]:
    request = GetEventSteps.make(
        tenant_id=tenant_id,
        conversation_id=found.conversation_id,
        since=found.began_at - _BEFORE,
        until=found.ended_at + _AFTER,
    )
    return _shown("webhook-dispatcher", (await parts.ask(request)).steps)


def _shown(service: str, steps: Sequence[TimelineStep]) -> list[StepShown]:
    return [
        StepShown(
            at=step.at,
            service=service,
            what=step.what,
            detail=step.detail,
            milliseconds=step.milliseconds,
            facts=json.loads(step.facts),
        )
        for step in steps
    ]


def _price(cost_usd: float | None) -> str:
    return "its price is unknown" if cost_usd is None else f"{cost_usd:.6f} USD"
