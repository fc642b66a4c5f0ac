"""Asks llm-router for the vector of a question; away means away, never an error."""

import time
from dataclasses import dataclass
from uuid import UUID

from bus import AskFailed, BrokerAway, Bus
from contracts.v1.models import EmbedTexts
from observe import get_logger
from retriever.vector_text import InvalidVector, decode_vector

log = get_logger(__name__)


@dataclass(frozen=True)
class QuestionVector:
    """A question as a model sees it."""

    model: str
    values: list[float]


class Embedder:
    """After a question stayed unanswered, the next ones do not wait for `pause_seconds`."""

    def __init__(self, bus: Bus, *, timeout_seconds: float, pause_seconds: float) -> None:
        self._bus = bus
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._away_until = 0.0

    async def embed(
        self, cause: UUID, tenant_id: UUID, question: str, model: str | None
    ) -> QuestionVector | None:
        """The vector, or None while the embedder is away."""
        if time.monotonic() < self._away_until:
            return None
        request = EmbedTexts.make(
            tenant_id=tenant_id,
            correlation_id=cause,
            purpose="query",
            model=model,
            texts=[question],
        )
        try:
            answer = await self._bus.ask(request, timeout_seconds=self._timeout_seconds)
            values = decode_vector(answer.vectors[0], answer.dimensions)
        except (AskFailed, BrokerAway, InvalidVector) as failure:
            self._away_until = time.monotonic() + self._pause_seconds
            log.warning("question_not_embedded", reason=str(failure))
            return None
        return QuestionVector(answer.model, values.tolist())
