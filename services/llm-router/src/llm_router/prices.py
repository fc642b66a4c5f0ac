"""What models cost; None where nobody told us, never a silent zero.

Our own table stands first, then the map that litellm ships as a file (read without importing it).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from llm_router.domain import BUILTIN, Model

_MAP_FILE = "model_prices_and_context_window_backup.json"


class Price(NamedTuple):
    """US dollars for a million tokens, and for one search of a ranking model."""

    input: float
    output: float
    search: float = 0.0


FREE = Price(0.0, 0.0)
LOCAL_PROVIDERS = frozenset({BUILTIN, "ollama", "ollama_chat"})
"""Run on the operator's own machines: no money changes hands for a call."""

OWN_PRICES = {
    "openai/gpt-4o": Price(2.50, 10.00),
    "openai/gpt-4o-mini": Price(0.15, 0.60),
    "openai/gpt-4.1": Price(2.00, 8.00),
    "openai/gpt-4.1-mini": Price(0.40, 1.60),
    "openai/gpt-4.1-nano": Price(0.10, 0.40),
    "openai/gpt-5": Price(1.25, 10.00),
    "openai/gpt-5-mini": Price(0.25, 2.00),
    "openai/gpt-5-nano": Price(0.05, 0.40),
    "openai/text-embedding-3-small": Price(0.02, 0.0),
    "openai/text-embedding-3-large": Price(0.13, 0.0),
    "anthropic/claude-opus-4-1": Price(15.00, 75.00),
    "anthropic/claude-sonnet-4-5": Price(3.00, 15.00),
    "anthropic/claude-haiku-4-5": Price(1.00, 5.00),
}


class Prices:
    """Looks prices up; the map of litellm is read at the first model we do not know."""

    def __init__(self) -> None:
        self._known: dict[str, Price | None] = dict(OWN_PRICES)
        self._map: dict[str, Any] | None = None

    def cost_usd(self, model: Model, input_tokens: int, output_tokens: int) -> float | None:
        """Cost of a call in US dollars, None where the price is unknown."""
        price = self._price(model)
        if price is None:
            return None
        return round((input_tokens * price.input + output_tokens * price.output) / 1e6, 10)

    def rank_cost_usd(self, model: Model, tokens: int, searches: int) -> float | None:
        """Cost of ranking in US dollars, None where the price is unknown."""
        price = self._price(model)
        if price is None:
            return None
        return round(tokens * price.input / 1e6 + searches * price.search, 10)

    def _price(self, model: Model) -> Price | None:
        if model.provider in LOCAL_PROVIDERS:
            return FREE
        name = str(model)
        if name not in self._known:
            self._known[name] = self._from_map(model)
        return self._known[name]

    def _from_map(self, model: Model) -> Price | None:
        if self._map is None:
            self._map = _read_map()
        for name in (str(model), model.name):
            entry = self._map.get(name)
            if entry is None or entry.get("litellm_provider", model.provider) != model.provider:
                continue
            if "input_cost_per_token" in entry:
                output = entry.get("output_cost_per_token", 0.0)
                search = entry.get("input_cost_per_query", 0.0)
                return Price(entry["input_cost_per_token"] * 1e6, output * 1e6, search)
        return None


def _read_map() -> dict[str, Any]:
    found = find_spec("litellm")
    places = list(found.submodule_search_locations or []) if found else []
    for place in places:
        file = Path(place) / _MAP_FILE
        if file.is_file():
            entries: dict[str, Any] = orjson.loads(file.read_bytes())
            return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}
    return {}
