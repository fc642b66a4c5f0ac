"""Compares sentences in meaning where words do not decide: one call for embeddings a turn."""

import base64
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import observe
from bus import AskFailed
from contracts.v1.models import EmbedTexts
from orchestrator.grounding import Grounding, Judged
from orchestrator.likeness import Vector, cosine
from orchestrator.searching import Asking
from orchestrator.support import Support

ALIKE: Final[Mapping[str, float]] = {"builtin/minilm": 0.62}
"""From this cosine on, a sentence says what another says; measured (README)."""
_UNLIKE_BELOW: Final = 0.25
"""So far under it, it says something else."""
_TEXTS_MAX: Final = 64
_CHARACTERS_MAX: Final = 1_000
_SENTENCES_MAX: Final = 12
_NEAREST_MAX: Final = 4

_log = observe.get_logger("orchestrator.meaning")


class Meaning:
    """Asks llm-router for vectors; where it cannot, what is undecided stays so."""

    def __init__(self, bus: Asking, seconds: float = 2.0) -> None:
        self._bus = bus
        self._seconds = seconds

    async def vectors(
        self, tenant_id: UUID, correlation_id: UUID, texts: Sequence[str], model: str | None
    ) -> tuple[str, list[Vector]] | None:
        """Return (model, one vector a text); None where nobody could say."""
        request = EmbedTexts.make(
            tenant_id=tenant_id,
            correlation_id=correlation_id,
            purpose="query",
            model=model,
            texts=[text[:_CHARACTERS_MAX] for text in texts],
            deadline_at=datetime.now(UTC) + timedelta(seconds=self._seconds),
        )
        try:
            embedded = await self._bus.ask(request, timeout_seconds=self._seconds)
        except AskFailed as error:
            _log.info("no vectors to compare with", code=error.code)
            return None
        return embedded.model, [decoded(vector) for vector in embedded.vectors]

    async def of_all(
        self, tenant_id: UUID, correlation_id: UUID, texts: Sequence[str]
    ) -> tuple[str, list[Vector]] | None:
        """The same for any number of texts; None unless all were embedded by one model."""
        model, vectors = "", list[Vector]()
        for start in range(0, len(texts), _TEXTS_MAX):
            part = texts[start : start + _TEXTS_MAX]
            answer = await self.vectors(tenant_id, correlation_id, part, None)
            if answer is None or (model and answer[0] != model):
                return None
            model = answer[0]
            vectors += answer[1]
        return (model, vectors) if model else None

    async def decide(
        self, grounding: Grounding, tenant_id: UUID, turn_id: UUID, floor: float | None
    ) -> Grounding:
        """Decide what words did not; `floor` counts where the model was not measured."""
        asked = grounding.arguable
        pairs = _pairs(asked[:_SENTENCES_MAX])
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))[:_TEXTS_MAX]
        if not texts:
            return grounding
        answer = await self.vectors(tenant_id, turn_id, texts, None)
        if answer is None:
            return grounding
        model, vectors = answer
        alike = ALIKE.get(model, floor)
        if alike is None:
            return grounding
        by_text = dict(zip(texts, vectors, strict=True))
        return grounding.decided(_decided(asked, by_text, alike))


def decoded(vector: str) -> Vector:
    """Read a vector as it travels: little-endian float32, base64."""
    values = array("f")
    values.frombytes(base64.b64decode(vector))
    return values


def _pairs(asked: Sequence[Judged]) -> list[tuple[str, str]]:
    return [
        (one.sentence.words, text)
        for one in asked
        if one.support
        for text in one.support.nearest[:_NEAREST_MAX]
    ]


def _decided(
    asked: Sequence[Judged], vectors: Mapping[str, Sequence[float]], alike: float
) -> dict[int, Support]:
    """Return what similarity says of each sentence, by its start."""
    decided: dict[int, Support] = {}
    for one in asked:
        support, words = one.support, one.sentence.words
        if support is None or words not in vectors:
            continue
        near = [
            cosine(vectors[words], vectors[text]) for text in support.nearest if text in vectors
        ]
        best = max(near, default=alike)
        if best >= alike:
            decided[one.sentence.start] = replace(support, verdict="supported", by=("meaning",))
        elif best < alike - _UNLIKE_BELOW:
            decided[one.sentence.start] = replace(support, verdict="unsupported")
    return decided
