"""How much of each endpoint's work this process holds, and how many POSTs run at once.

An endpoint that answers quickly is given more deliveries at a time, so that a claim and a commit
serve many of them; one that is slow or fails is given only as many as run at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

HELD_WHEN_QUICK: Final = 64
HELD_IN_ALL_MAX: Final = 1_000
QUICK_MILLISECONDS: Final = 500


@dataclass(slots=True)
class _Place:
    gate: asyncio.Semaphore
    allowance: int
    held: int = 0


class EndpointPlaces:
    """Counts what is held for each endpoint; forgets endpoints that nothing is held for."""

    def __init__(self, *, per_endpoint: int, in_all: int) -> None:
        self._per_endpoint = per_endpoint
        self._gate = asyncio.Semaphore(in_all)
        self._places: dict[UUID, _Place] = {}
        self._held = 0

    def room(self) -> int:
        """How many more deliveries may be held in all."""
        return max(0, HELD_IN_ALL_MAX - self._held)

    def room_of_known(self) -> dict[UUID, int]:
        """How many more may be held for endpoints seen lately; others may have the usual few."""
        return {
            endpoint_id: max(0, place.allowance - place.held)
            for endpoint_id, place in self._places.items()
        }

    def hold(self, endpoint_id: UUID) -> None:
        """A delivery was claimed."""
        place = self._places.get(endpoint_id)
        if place is None:
            gate = asyncio.Semaphore(self._per_endpoint)
            place = self._places[endpoint_id] = _Place(gate, self._per_endpoint)
        place.held += 1
        self._held += 1

    @asynccontextmanager
    async def posting(self, endpoint_id: UUID) -> AsyncIterator[None]:
        """Wait for a free place at the endpoint and in all."""
        async with self._places[endpoint_id].gate, self._gate:
            yield

    def release(self, endpoint_id: UUID, *, quick: bool) -> None:
        """A delivery was recorded or given up; quick endpoints are given more from now on."""
        place = self._places[endpoint_id]
        place.held -= 1
        self._held -= 1
        place.allowance = HELD_WHEN_QUICK if quick else self._per_endpoint
        if place.held == 0 and not quick:
            del self._places[endpoint_id]

    def forget_idle(self) -> None:
        """Forget endpoints that nothing is held for."""
        idle = [key for key, place in self._places.items() if place.held == 0]
        for key in idle:
            del self._places[key]
