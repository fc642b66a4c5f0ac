"""How much of one embeddings call a provider takes, as their documentation says."""

from __future__ import annotations

from typing import NamedTuple

from llm_router.domain import Model


class CallLimits(NamedTuple):
    """The most that one call may hold."""

    texts: int
    tokens: int


_USUAL = CallLimits(256, 100_000)
_BY_PROVIDER = {
    "openai": CallLimits(2_048, 300_000),
    "azure": CallLimits(2_048, 300_000),
    "cohere": CallLimits(96, 100_000),
    "voyage": CallLimits(1_000, 120_000),
    "mistral": CallLimits(512, 16_000),
    "gemini": CallLimits(100, 20_000),
    "jina_ai": CallLimits(2_048, 300_000),
    "ollama": CallLimits(64, 30_000),
}


def call_limits(model: Model) -> CallLimits:
    """The limits of a model's provider; careful ones for a provider that is not in the table."""
    return _BY_PROVIDER.get(model.provider, _USUAL)
