"""Asks llm-router for the vector of a question; away means away, never an error."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bus import AskFailed, AskTimeout, BrokerAway, Bus
from contracts.v1.models import EmbedTexts
from observe import get_logger
from retriever.vector_text import InvalidVector, decode_vector

_OF_EVERYBODY = frozenset({"no_responder", "broker_away", "internal_error"})
"""Codes that say something of llm-router; its other refusals speak of one tenant's model."""

_HOPELESS = frozenset({"unknown_model", "not_authorised"})
_PAUSES_MAX = 10_000

log = get_logger(__name__)


@dataclass(frozen=True)
class QuestionVector:
    """A question as a model sees it."""

    model: str
    values: list[float]


@dataclass(frozen=True)
class Away:
    """No vector of this model now; `hopeless` when only a person can change that."""

    code: str
    hopeless: bool = False
    everybody: bool = True
    """Whether no model can be asked, and not only this one."""


class Embedder:
    """After a question stayed unanswered, the next ones do not wait for `pause_seconds`."""

    def __init__(self, bus: Bus, *, timeout_seconds: float, pause_seconds: float) -> None:
        self._bus = bus
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._away_until = 0.0
        self._paused: dict[tuple[UUID, str | None], tuple[float, Away]] = {}

    async def embed_each(
        self, cause: UUID, tenant_id: UUID, question: str, models: Iterable[str | None]
    ) -> Mapping[str, QuestionVector | Away]:
        """By model, its vector or why there is none; None among `models` is the default one."""
        wanted = list(dict.fromkeys(models))
        answers = await asyncio.gather(
            *(self.embed(cause, tenant_id, question, model) for model in wanted)
        )
        return {
            answer.model if isinstance(answer, QuestionVector) else model or "": answer
            for model, answer in zip(wanted, answers, strict=True)
        }

    async def embed(
        self, cause: UUID, tenant_id: UUID, question: str, model: str | None
    ) -> QuestionVector | Away:
        """The vector, or why there is none now."""
        now = time.monotonic()
        until, away = self._paused.get((tenant_id, model), (0.0, None))
        if away is not None and now < until:
            return away
        if now < self._away_until:
            return Away("away")
        request = EmbedTexts.make(
            tenant_id=tenant_id,
            correlation_id=cause,
            purpose="query",
            model=model,
            texts=[question],
            deadline_at=datetime.now(UTC) + timedelta(seconds=self._timeout_seconds),
        )
        try:
            answer = await self._bus.ask(request, timeout_seconds=self._timeout_seconds)
            values = decode_vector(answer.vectors[0], answer.dimensions)
        except (AskFailed, BrokerAway, InvalidVector) as failure:
            return self._away(tenant_id, model, failure)
        return QuestionVector(answer.model, values.tolist())

    def _away(self, tenant_id: UUID, model: str | None, failure: Exception) -> Away:
        """A refusal of one tenant's model must not silence everybody's."""
        code = failure.code if isinstance(failure, AskFailed) else type(failure).__name__
        unanswered = isinstance(failure, AskTimeout | BrokerAway)
        away = Away(code, code in _HOPELESS, everybody=unanswered or code in _OF_EVERYBODY)
        until = time.monotonic() + self._pause_seconds
        if not away.everybody:
            if len(self._paused) >= _PAUSES_MAX:
                self._paused.clear()
            self._paused[tenant_id, model] = (until, away)
        else:
            self._away_until = until
        log.warning("question_not_embedded", reason=str(failure), model=model)
        return away
