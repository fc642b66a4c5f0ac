"""Every question through the search API, configuration by configuration."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatctl.evaluation import metrics
from chatctl.evaluation.collection import Query
from chatctl.evaluation.patience import patiently
from chatctl.evaluation.rankings import (
    CONFIGURATIONS,
    DEFAULT,
    STAGES,
    Configuration,
    rankings,
    reranker_of,
)
from chatctl.gateway_api import ApiProblem, GatewayApi

RERANKING_TRIES = 4

Progress = Callable[[str, int, int], None]


@dataclass
class Measured:
    """Each stage's figures of every question, in the order of the questions."""

    stages: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    degraded: int = 0
    rerankers: Counter[str] = field(default_factory=Counter)
    not_reranked: int = 0
    notes: list[str] = field(default_factory=list)

    def mean(self, stage: str) -> dict[str, float]:
        """The stage's figures over all questions."""
        return metrics.mean(self.stages[stage])

    def gains(self, stage: str) -> list[float]:
        """nDCG@10 of each question."""
        return [one[metrics.NDCG] for one in self.stages[stage]]


class Run:
    """Asks a tenant's index; `names` tells which source a document is.

    Documents without a name are none of the collection's and take no place, unless `others_count`.
    """

    def __init__(
        self,
        api: GatewayApi,
        tenant_id: str,
        queries: Sequence[Query],
        names: Mapping[str, str],
        progress: Progress,
        *,
        others_count: bool = False,
    ) -> None:
        self._api = api
        self._others_count = others_count
        self._path = f"/api/tenants/{tenant_id}/search"
        self._queries = queries
        self._names = names
        self._progress = progress

    async def all(
        self, configurations: Sequence[Configuration] = CONFIGURATIONS
    ) -> dict[str, Measured]:
        """By configuration; one that this platform refuses is left out, and named."""
        measured: dict[str, Measured] = {}
        for configuration in configurations:
            try:
                measured[configuration.name] = await self.one(configuration)
            except ApiProblem as problem:
                if problem.status != 422 or configuration is DEFAULT:
                    raise
                note = f"{configuration.name} is not known to this platform: {problem}"
                measured[DEFAULT.name].notes.append(note)
        return measured

    async def one(self, configuration: Configuration) -> Measured:
        """Ask every question in one way."""
        measured = Measured(stages={stage: [{}] * len(self._queries) for stage in STAGES})
        waiting = iter(enumerate(self._queries))
        done = 0

        async def ask() -> None:
            nonlocal done
            for place, query in waiting:
                found, milliseconds = await self._search(query, configuration)
                self._keep(measured, place, query, found)
                measured.milliseconds.append(milliseconds)
                done += 1
                self._progress(f"searching, {configuration.name}", done, len(self._queries))

        await asyncio.gather(*(ask() for _ in range(configuration.at_once)))
        return measured

    async def _search(self, query: Query, how: Configuration) -> tuple[dict[str, Any], float]:
        """Asked again when a re-ranking model was too slow: what it has read it still knows."""
        body: dict[str, Any] = {"query": query.text, "limit": how.limit, "explain": True}
        if how.tuning:
            body["tuning"] = dict(how.tuning)
        for _ in range(RERANKING_TRIES):
            started = time.perf_counter()
            found: dict[str, Any] = await patiently(lambda: self._api.post(self._path, body))
            if not reranker_of(found)[1]:
                break
        return found, (time.perf_counter() - started) * 1000

    def _keep(self, measured: Measured, place: int, query: Query, found: dict[str, Any]) -> None:
        for stage, documents in rankings(found).items():
            ranked = [
                self._names.get(one, one)
                for one in documents
                if self._others_count or one in self._names
            ]
            measured.stages[stage][place] = metrics.measure(ranked, query.grades)
        measured.degraded += bool(found.get("degraded"))
        reranker, failed = reranker_of(found)
        measured.rerankers[reranker] += not failed
        measured.not_reranked += failed
