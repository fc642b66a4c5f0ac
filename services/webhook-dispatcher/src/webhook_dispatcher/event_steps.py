"""What integrators were told of a conversation, and whether it reached them."""

import json
from datetime import datetime
from typing import Any

from bus import Bus
from contracts.v1.timelines import EventStepsFound, GetEventSteps, TimelineStep
from postgres import Database, Queries


class EventSteps:
    """Answers `get-event-steps`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = Queries("webhook_dispatcher", "queries_steps.sql")

    def listen(self, bus: Bus) -> None:
        """Register the request."""
        bus.answer(GetEventSteps, self.get)

    async def get(self, request: GetEventSteps) -> EventStepsFound:
        """Each event once, then each of its deliveries."""
        async with self._database.transaction(request.tenant_id) as tx:
            rows = await tx.fetch(
                self._queries["event_steps"],
                request.tenant_id,
                str(request.conversation_id),
                request.since,
                request.until,
            )
        steps: list[TimelineStep] = []
        told: set[Any] = set()
        for row in rows:
            if row["event_id"] not in told:
                told.add(row["event_id"])
                steps.append(_event(row))
            if row["endpoint_id"] is not None:
                steps.append(_delivery(row))
        steps.sort(key=lambda step: step.at)
        return EventStepsFound(steps=steps[:200])


def _event(row: Any) -> TimelineStep:
    waits = "waits for the feed" if row["unpublished"] else "is on the feed"
    detail = f"The event {row['event_type']} {waits}."
    return _step(row["logged_at"], "event_said", detail, event_id=row["event_id"])


def _delivery(row: Any) -> TimelineStep:
    at: datetime = row["settled_at"] or row["created_at"]
    tries = f" after {row['failures']} failures" if row["failures"] else ""
    detail = f"The webhook of {row['event_type']} is {row['state']}{tries}."
    return _step(
        at,
        f"webhook_{row['state']}",
        detail,
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
    )


def _step(at: datetime, what: str, detail: str, **facts: Any) -> TimelineStep:
    return TimelineStep(
        at=at, what=what, detail=detail, milliseconds=None, facts=json.dumps(facts, default=str)
    )
