"""Replays: past turns answered once more with other settings, side by side."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from contracts.v1.trying import (
    GetReplay,
    ListReplays,
    ListReplayTurns,
    Replay,
    ReplayTurn,
    StartReplay,
    StopReplay,
)
from gateway.api.chat import overrides_of
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, PageCursor, PageLimit, Shape, With
from gateway.api.tenants import SettingsChange
from gateway.words import Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/replays", tags=["trying"], route_class=GuardedRoute
)


class NewReplay(Shape):
    """Which turns, and which settings."""

    name: Name = Field(description="What it tries.")
    settings: SettingsChange | None = Field(
        None,
        description="Settings that differ; absent: today's settings and today's documents, to see "
        "what changed since.",
    )
    since: AwareDatetime | None = Field(None, description="Turns from here on.")
    until: AwareDatetime | None = Field(None, description="Turns up to here.")
    conversation_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)] | None = Field(
        None, description="Only of these conversations."
    )
    turns_max: Annotated[int, Field(ge=1, le=1_000)] = Field(100, description="The newest so many.")
    budget_usd: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="It stops when it has cost so much."
    )


class ReplaysShown(BaseModel):
    """The newest 50 replays."""

    items: list[Replay]


class ReplayTurnsShown(BaseModel):
    """Turns of a replay, those that differ most first."""

    items: list[ReplayTurn]
    next_cursor: str | None


@router.post("", status_code=201)
async def start_replay(tenant_id: UUID, body: NewReplay, parts: With, who: Caller) -> Replay:
    """Answer past turns once more, in the background; nothing is sent."""
    request = StartReplay.make(
        tenant_id=tenant_id,
        name=body.name,
        overrides=overrides_of(body.settings) or "{}",
        since=body.since,
        until=body.until,
        conversation_ids=body.conversation_ids,
        turns_max=body.turns_max,
        budget_usd=body.budget_usd,
    )
    replay = (await parts.ask(request)).replay
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx, tenant_id, who, "replay.started", replay.replay_id, name=body.name
        )
    return replay


@router.get("")
async def list_replays(tenant_id: UUID, parts: With) -> ReplaysShown:
    """The newest replays with their numbers so far."""
    return ReplaysShown(items=(await parts.ask(ListReplays.make(tenant_id=tenant_id))).replays)


@router.get("/{replay_id}")
async def get_replay(tenant_id: UUID, replay_id: UUID, parts: With) -> Replay:
    """How far it is, and what its numbers say."""
    return (await parts.ask(GetReplay.make(tenant_id=tenant_id, replay_id=replay_id))).replay


@router.get("/{replay_id}/turns")
async def list_replay_turns(
    tenant_id: UUID, replay_id: UUID, parts: With, cursor: PageCursor = None, limit: PageLimit = 20
) -> ReplayTurnsShown:
    """Each past turn beside what would be said now; a page holds 20 at most."""
    name = f"replay-turns:{tenant_id}:{replay_id}"
    request = ListReplayTurns.make(
        tenant_id=tenant_id,
        replay_id=replay_id,
        cursor=parts.cursors.read(name, cursor),
        limit=limit,
    )
    answer = await parts.ask(request)
    return ReplayTurnsShown(
        items=answer.turns, next_cursor=parts.cursors.sign(name, answer.next_cursor)
    )


@router.post("/{replay_id}/stop")
async def stop_replay(tenant_id: UUID, replay_id: UUID, parts: With, who: Caller) -> Replay:
    """Replay no further; what is done stays."""
    request = StopReplay.make(tenant_id=tenant_id, replay_id=replay_id)
    replay = (await parts.ask(request)).replay
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, "replay.stopped", replay_id)
    return replay
