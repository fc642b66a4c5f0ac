"""Vectors of texts: kept ones first, the others from llm-router, at a pace that it bears."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bus import AskFailed, BrokerAway, Bus
from contracts.v1.models import EmbedTexts, TextsEmbedded
from observe import get_logger
from postgres import Database
from rag_indexer.domain import BATCH_BYTES_MAX, vector_text_bytes
from rag_indexer.metrics import EMBEDDED, RATE_LIMITED
from rag_indexer.pace import Pace
from rag_indexer.vector_store import VectorStore

TEXTS_MAX = 64
_REFUSALS = frozenset(
    {"unknown_model", "not_authorised", "bad_request", "context_too_long", "invalid_request"}
)
_AGAIN = frozenset({"rate_limited", "overloaded", "unreachable", "truncated", "cooling_down"})
_MODEL_MEMORY_SECONDS = 600.0
_MODELS_MAX = 10_000
_READY = 2
_PROBE = "Which model is this?"

log = get_logger(__name__)


class EmbedderAway(Exception):
    """The model cannot be asked now; what came back already is kept."""

    def __init__(self, code: str, reason: str, delay_seconds: float) -> None:
        super().__init__(reason)
        self.code = code
        self.delay_seconds = delay_seconds


class EmbeddingRefused(Exception):
    """The model will not do it, however often it is asked; `code` is llm-router's."""

    def __init__(self, model: str | None, code: str, reason: str) -> None:
        super().__init__(reason)
        self.model = model or "of the platform"
        self.code = code


class ModelChanged(Exception):
    """The vectors are not what was planned for: another model answers, or another length."""


@dataclass(frozen=True)
class KnownModel:
    """A model and the length of its vectors."""

    name: str
    dimensions: int


@dataclass(frozen=True)
class EmbeddingRule:
    """How to ask; `retry_seconds` is the first pause, and longer ones than `patience_seconds` are
    not sat out: the job lets go meanwhile. No pause is longer than `longest_seconds`, whatever a
    provider says.
    """

    timeout_seconds: float = 60.0
    at_once_max: int = 48
    tries: int = 4
    retry_seconds: float = 0.5
    patience_seconds: float = 5.0
    away_seconds: float = 5.0
    longest_seconds: float = 3_600.0


@dataclass(frozen=True)
class Embedded:
    """A vector a text, in order; which of them were kept from before, and what the others cost."""

    vectors: list[bytes]
    reused: list[bool]
    cost_usd: float | None


class Embedding:
    """One for the process: all its jobs share the pace."""

    def __init__(
        self, bus: Bus, database: Database, store: VectorStore, rule: EmbeddingRule
    ) -> None:
        self._bus = bus
        self._database = database
        self._store = store
        self._rule = rule
        self._pace = Pace(rule.at_once_max)
        self._models: dict[tuple[UUID | None, str | None], tuple[KnownModel, float]] = {}

    async def model_of(self, tenant_id: UUID, chosen: str | None) -> KnownModel:
        """The model that a choice means; llm-router is asked only when it is not known."""
        key = (tenant_id if chosen else None), chosen
        known = self._models.get(key)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        answer = await self._ask(tenant_id, chosen, [_PROBE], tenant_id)
        model = KnownModel(answer.model, answer.dimensions)
        if len(self._models) >= _MODELS_MAX:
            self._models.clear()
        self._models[key] = model, time.monotonic() + _MODEL_MEMORY_SECONDS
        return model

    def width(self, tenant_id: UUID, model: str) -> int:
        """How many questions to this model may be on their way now, and a few more to be ready."""
        return int(self._pace.lane((tenant_id, model)).limit) + _READY

    def forget_models(self) -> None:
        """What was known turned out to be wrong."""
        self._models.clear()

    async def vectors(
        self,
        tenant_id: UUID,
        model: KnownModel,
        texts: Sequence[str],
        *,
        since: datetime,
        correlation_id: UUID,
    ) -> Embedded:
        """A vector a text. What is paid for is kept before anything else happens.

        Reused are those made before `since`. Raises `EmbedderAway`, `EmbeddingRefused`,
        `ModelChanged`.
        """
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        async with self._database.transaction(tenant_id) as tx:
            kept = await self._store.find(
                tx, tenant_id, model.name, model.dimensions, list(set(hashes))
            )
        by_hash = dict(zip(hashes, texts, strict=True))
        missing = {one: text for one, text in by_hash.items() if one not in kept}
        reused = [one in kept and kept[one].made_at < since for one in hashes]
        found = {one: vector.vector for one, vector in kept.items()}
        cost: float | None = 0.0
        parts = _slices(list(missing.items()), model.dimensions)
        asking = [self._ask_and_keep(tenant_id, model, part, correlation_id) for part in parts]
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            found.update(result[0])
            cost = None if cost is None or result[1] is None else cost + result[1]
        EMBEDDED.labels("kept").inc(len(texts) - len(missing))
        EMBEDDED.labels("model").inc(len(missing))
        return Embedded([found[one] for one in hashes], reused, cost)

    async def _ask_and_keep(
        self,
        tenant_id: UUID,
        model: KnownModel,
        part: Sequence[tuple[bytes, str]],
        correlation_id: UUID,
    ) -> tuple[dict[bytes, bytes], float | None]:
        answer = await self._ask(tenant_id, model.name, [text for _, text in part], correlation_id)
        if (answer.model, answer.dimensions) != (model.name, model.dimensions):
            raise ModelChanged(f"{model} was asked, {answer.model}/{answer.dimensions} answered")
        vectors = {
            text_hash: base64.b64decode(vector)
            for (text_hash, _), vector in zip(part, answer.vectors, strict=True)
        }
        async with self._database.transaction(tenant_id) as tx:
            await self._store.keep(tx, tenant_id, model.name, vectors)
            await self._store.record_spend(
                tx,
                tenant_id,
                model.name,
                texts=len(part),
                tokens=answer.tokens,
                cost_usd=answer.cost_usd,
            )
        return vectors, answer.cost_usd

    async def _ask(
        self, tenant_id: UUID, model: str | None, texts: list[str], correlation_id: UUID
    ) -> TextsEmbedded:
        """Ask, and sit out what is over soon; a batch that failed is asked for again alone."""
        rule, key = self._rule, (tenant_id, model)
        for number in range(1, rule.tries + 1):
            async with self._pace.turn(key) as lane:
                pause = lane.pause_seconds()
                if pause > rule.patience_seconds:
                    raise EmbedderAway("rate_limited", "the model's rate limit", pause)
                await asyncio.sleep(max(pause, 0.0))
                started = time.monotonic()
                try:
                    answer = await self._say(tenant_id, model, texts, correlation_id)
                except AskFailed as failure:
                    delay = self._delay(model, failure, number)
                    if failure.code == "rate_limited":
                        RATE_LIMITED.inc()
                        lane.rate_limited(delay)
                    if delay > rule.patience_seconds or number == rule.tries:
                        raise EmbedderAway(failure.code, str(failure), delay) from failure
                else:
                    lane.answered(time.monotonic() - started)
                    return answer
            await asyncio.sleep(delay)
        raise EmbedderAway("timeout", "no tries are left", rule.away_seconds)

    async def _say(
        self, tenant_id: UUID, model: str | None, texts: list[str], correlation_id: UUID
    ) -> TextsEmbedded:
        seconds = self._rule.timeout_seconds
        request = EmbedTexts.make(
            tenant_id=tenant_id,
            correlation_id=correlation_id,
            purpose="passage",
            model=model,
            texts=texts,
            deadline_at=datetime.now(UTC) + timedelta(seconds=seconds),
        )
        try:
            return await self._bus.ask(request, timeout_seconds=seconds)
        except BrokerAway as away:
            raise AskFailed("broker_away", str(away)) from away

    def _delay(self, model: str | None, failure: AskFailed, number: int) -> float:
        """Seconds until it may help to ask again; raises when it never will."""
        if failure.code in _REFUSALS:
            raise EmbeddingRefused(model, failure.code, str(failure)) from failure
        told = failure.retry_after_seconds
        if told is not None:
            return min(max(told, self._rule.retry_seconds), self._rule.longest_seconds)
        if failure.code in _AGAIN:
            return float(self._rule.retry_seconds * 2 ** (number - 1))
        return max(self._rule.away_seconds, self._rule.patience_seconds + 1.0)


def _slices(missing: Sequence[tuple[bytes, str]], dimensions: int) -> list[list[tuple[bytes, str]]]:
    """Parts whose question and whose answer both fit into a message."""
    parts: list[list[tuple[bytes, str]]] = []
    asked = answered = 0
    for text_hash, text in missing:
        size = len(json.dumps(text, ensure_ascii=False).encode()) + 16
        asked, answered = asked + size, answered + vector_text_bytes(dimensions)
        full = not parts or len(parts[-1]) == TEXTS_MAX
        if full or max(asked, answered) > BATCH_BYTES_MAX:
            parts.append([])
            asked, answered = size, vector_text_bytes(dimensions)
        parts[-1].append((text_hash, text))
    return parts
