"""Prices that we keep ourselves, in US dollars, as the providers publish them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple


class Price(NamedTuple):
    """US dollars for a million tokens, an image, a minute of audio, one search of a ranking model.

    None is unknown. Tokens from a provider's cache cost as others do where no discount is known.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    image: Decimal | None = None
    audio_minute: Decimal | None = None
    search: Decimal | None = None


_ZERO: Final = Decimal(0)
FREE: Final = Price(*(_ZERO for _ in Price._fields))


def _chat(input_: str, output: str, cached: str, write: str | None = None) -> Price:
    """A model that reads and writes; OpenAI's providers write to their caches for nothing more."""
    return Price(
        input=Decimal(input_),
        output=Decimal(output),
        cached_input=Decimal(cached),
        cache_write=Decimal(input_ if write is None else write),
        image=_ZERO,
    )


def _reads(input_: str) -> Price:
    return Price(input=Decimal(input_), output=_ZERO)


def _hears(minute: str) -> Price:
    return Price(audio_minute=Decimal(minute))


def _ranks(search: str) -> Price:
    return Price(input=_ZERO, search=Decimal(search))


OWN_PRICES: Final = {
    "openai/gpt-4o": _chat("2.50", "10.00", "1.25"),
    "openai/gpt-4o-mini": _chat("0.15", "0.60", "0.075"),
    "openai/gpt-4.1": _chat("2.00", "8.00", "0.50"),
    "openai/gpt-4.1-mini": _chat("0.40", "1.60", "0.10"),
    "openai/gpt-4.1-nano": _chat("0.10", "0.40", "0.025"),
    "openai/gpt-5": _chat("1.25", "10.00", "0.125"),
    "openai/gpt-5-mini": _chat("0.25", "2.00", "0.025"),
    "openai/gpt-5-nano": _chat("0.05", "0.40", "0.005"),
    "openai/text-embedding-3-small": _reads("0.02"),
    "openai/text-embedding-3-large": _reads("0.13"),
    "openai/whisper-1": _hears("0.006"),
    "openai/gpt-4o-transcribe": _hears("0.006"),
    "openai/gpt-4o-mini-transcribe": _hears("0.003"),
    "anthropic/claude-opus-4-1": _chat("15.00", "75.00", "1.50", "18.75"),
    "anthropic/claude-sonnet-4-5": _chat("3.00", "15.00", "0.30", "3.75"),
    "anthropic/claude-haiku-4-5": _chat("1.00", "5.00", "0.10", "1.25"),
    "cohere/rerank-v3.5": _ranks("0.002"),
}
"""By `provider/name`. Images of these chat models are billed as the tokens that they take."""
