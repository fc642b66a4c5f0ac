"""How a message came in and how its answers went out, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bus import Bus
from contracts.v1.timelines import ChannelStepsFound, GetChannelSteps, TimelineStep
from outbox import Outbox
from postgres import Queries

STEPS_MAX = 200


class MessageSteps:
    """Answers `get-channel-steps`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._queries = Queries("channel_ingress", "queries_steps.sql")

    def listen(self, bus: Bus) -> None:
        """Register the request."""
        bus.answer(GetChannelSteps, self.get)

    async def get(self, request: GetChannelSteps) -> ChannelStepsFound:
        """Every step; none of what is not the tenant's."""
        tenant_id, provider_id = request.tenant_id, request.provider_message_id
        keys = [provider_id, f"{request.contact_external_id}:{provider_id}"] if provider_id else []
        async with self._outbox.transaction(tenant_id) as tx:
            came = await tx.fetch(
                self._queries["inbound_steps"], tenant_id, request.channel_id, keys
            )
            sends = await tx.fetch(self._queries["send_steps"], tenant_id, request.send_ids)
            told = await tx.fetch(self._queries["status_steps"], tenant_id, request.send_ids)
        steps = [*_came_in(came)]
        for send in sends:
            steps += _went_out(send)
        steps += _told(told)
        steps.sort(key=lambda step: step.at)
        delivery_id = came[0]["delivery_id"] if came else None
        return ChannelStepsFound(steps=steps[:STEPS_MAX], delivery_id=delivery_id)


def _came_in(rows: list[Any]) -> Iterator[TimelineStep]:
    for row in rows:
        again = f", {row['copies']} more times" if row["copies"] else ""
        yield _step(
            row["received_at"],
            "received",
            f"It was read as {row['kind']}{again}.",
            state=row["state"],
            problem=row["problem"],
            flags=row["flags"] or None,
            copies=row["copies"],
            differing=row["differing"],
        )


def _went_out(row: Any) -> Iterator[TimelineStep]:
    ids = {"send_id": row["send_id"]}
    parts = f" in {row['part_count']} parts" if row["part_count"] > 1 else ""
    yield _step(row["planned_at"], "send_planned", f"The answer was to go out{parts}.", **ids)
    if row["ended_at"] is None:
        at = row["attempting_since"] or row["next_attempt_at"]
        why = f": {row['detail']}" if row["detail"] else ""
        words = "It is being sent" if row["attempting_since"] else "It waits to be sent"
        yield _step(at, f"send_{row['state']}", f"{words}{why}.", code=row["code"], **ids)
        return
    why = f": {row['detail'] or row['code']}" if row["code"] else ""
    again = f", tried {row['attempts']} times" if row["attempts"] > 1 else ""
    yield _step(
        row["ended_at"],
        f"send_{row['state']}",
        f"The send is {row['state']}{again}{why}.",
        (row["ended_at"] - row["planned_at"]).total_seconds() * 1000,
        attempts=row["attempts"],
        code=row["code"],
        provider_code=row["provider_code"],
        **ids,
    )


def _told(rows: list[Any]) -> Iterator[TimelineStep]:
    for row in rows:
        yield _step(
            row["received_at"],
            f"status_{row['status']}",
            f"The channel said that it is {row['status']}, at {row['at']:%H:%M:%S}.",
            provider_code=row["provider_code"],
            part=row["part"],
        )


def _step(
    at: datetime, what: str, detail: str, milliseconds: float | None = None, **facts: Any
) -> TimelineStep:
    kept = {name: value for name, value in facts.items() if value is not None}
    return TimelineStep(
        at=at,
        what=what,
        detail=detail[:512],
        milliseconds=None if milliseconds is None else max(0.0, milliseconds),
        facts=json.dumps(kept, default=str),
    )
