"""Measures how alike unrelated passages are in a model that nobody measured before.

Done once for a tenant and model, beside the search that met it, and again after a day: the tenant's
own index shows what "has nothing to do with it" looks like in this model (`relevance.py`).
"""

import asyncio
import time
from uuid import UUID

import numpy as np

from observe import get_logger
from postgres import Database, DatabaseAway
from retriever.candidate_vectors import CandidateVectors
from retriever.relevance import COSINE_FLOORS, floor_of_unrelated

SAMPLE = 200
_AGAIN_AFTER_SECONDS = 86_400.0
_TOO_FEW_AGAIN_AFTER_SECONDS = 300.0
_KNOWN_MAX = 10_000

log = get_logger(__name__)


class Calibration:
    """Floors by tenant and model; asking never waits."""

    def __init__(self, database: Database, vectors: CandidateVectors) -> None:
        self._database = database
        self._vectors = vectors
        self._known: dict[tuple[UUID, str], tuple[float, float | None]] = {}
        self._running: dict[tuple[UUID, str], asyncio.Task[None]] = {}

    def floor(self, tenant_id: UUID, model: str) -> float | None:
        """What was measured; begins to measure where nothing was, or long ago."""
        key = (tenant_id, model)
        if model in COSINE_FLOORS:
            return None
        until, similarity = self._known.get(key, (0.0, None))
        if time.monotonic() >= until and key not in self._running:
            task = asyncio.create_task(self._measure_quietly(tenant_id, model))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return similarity

    async def settled(self) -> None:
        """Wait for the measurements that have begun."""
        await asyncio.gather(*self._running.values())

    async def _measure_quietly(self, tenant_id: UUID, model: str) -> None:
        try:
            await self.measure(tenant_id, model)
        except DatabaseAway as away:
            log.warning("model_not_calibrated", reason=str(away), model=model)
        except Exception:
            # No search may begin it anew each time; without a floor nothing is hidden.
            log.exception("model_cannot_be_calibrated", model=model)
            self._known[tenant_id, model] = (time.monotonic() + _AGAIN_AFTER_SECONDS, None)

    async def measure(self, tenant_id: UUID, model: str) -> float | None:
        """Measure now."""
        async with self._database.transaction(tenant_id) as tx:
            vectors, documents = await self._vectors.sample(tx, tenant_id, model, SAMPLE)
        similarity = floor_of_unrelated(np.stack(vectors), documents) if vectors else None
        again = _TOO_FEW_AGAIN_AFTER_SECONDS if similarity is None else _AGAIN_AFTER_SECONDS
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[tenant_id, model] = (time.monotonic() + again, similarity)
        if similarity is not None:
            log.info("model_calibrated", model=model, floor=round(similarity, 3))
        return similarity
