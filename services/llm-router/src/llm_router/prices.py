"""What models cost; None where nobody told us, never a silent zero.

The operator's file stands first (contracts differ), then our own table, then the map that litellm
ships as a file (read without importing it). Money is Decimal from here to the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson

from llm_router.domain import BUILTIN, Model
from llm_router.price_table import FREE, OWN_PRICES, Price

_MAP_FILE = "model_prices_and_context_window_backup.json"
LOCAL_PROVIDERS = frozenset({BUILTIN, "ollama", "ollama_chat"})
"""Run on the operator's own machines: no money changes hands for a call."""

_MILLION: Final = Decimal(1_000_000)
_SMALLEST: Final = Decimal("0.0000000001")
_MAP_FIELDS: Final = {
    "input": ("input_cost_per_token", _MILLION),
    "output": ("output_cost_per_token", _MILLION),
    "cached_input": ("cache_read_input_token_cost", _MILLION),
    "cache_write": ("cache_creation_input_token_cost", _MILLION),
    "image": ("input_cost_per_image", Decimal(1)),
    "audio_minute": ("input_cost_per_second", Decimal(60)),
    "search": ("input_cost_per_query", Decimal(1)),
}


class InvalidPrices(ValueError):
    """The operator's file of prices cannot be read; says where."""


class Prices:
    """Looks prices up; the map of litellm is read at the first model that nobody else knows."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._changed_at = 0.0
        self._overrides: dict[str, Mapping[str, Decimal | None]] = {}
        self._known: dict[str, Price] = {}
        self._map: dict[str, Any] | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Read the operator's file again if it changed. Raises InvalidPrices, the old ones stay."""
        if self._file is None:
            return False
        try:
            changed_at = self._file.stat().st_mtime
            if changed_at == self._changed_at:
                return False
            overrides = read_overrides(self._file.read_bytes())
        except OSError as error:
            raise InvalidPrices(f"{self._file}: {error.strerror or error}") from error
        self._overrides, self._changed_at = overrides, changed_at
        self._known.clear()
        return True

    def price(self, model: Model) -> Price:
        """All prices of a model; fields are None where they are unknown."""
        name = str(model)
        if name not in self._known:
            self._known[name] = self._found(model)
        return self._known[name]

    def cost_usd(
        self,
        model: Model,
        input_tokens: int,
        output_tokens: int,
        *,
        cached_tokens: int = 0,
        cache_write_tokens: int = 0,
        images: int = 0,
    ) -> Decimal | None:
        """Cost of a call, None where it is unknown.

        `input_tokens` holds all that was read, cached and newly cached tokens among them.
        """
        price = self.price(model)
        if price.input is None:
            return None
        plain = max(0, input_tokens - cached_tokens - cache_write_tokens)
        cached = price.input if price.cached_input is None else price.cached_input
        return _summed(
            _cost(plain, price.input, _MILLION),
            _cost(output_tokens, price.output, _MILLION),
            _cost(cached_tokens, cached, _MILLION),
            _cost(cache_write_tokens, price.cache_write, _MILLION),
            _cost(images, price.image or Decimal(0)),
        )

    def at_most_usd(self, model: Model, input_tokens: int, output_tokens: int) -> Decimal | None:
        """What a chat costs at most: all that is read may have to be written to a cache."""
        price = self.price(model)
        if price.input is None:
            return None
        dearest = max(price.input, price.cache_write or Decimal(0))
        return _summed(
            _cost(input_tokens, dearest, _MILLION), _cost(output_tokens, price.output, _MILLION)
        )

    def rank_cost_usd(self, model: Model, tokens: int, searches: int) -> Decimal | None:
        """Cost of ranking, None where it is unknown; by search where a search has a price."""
        price = self.price(model)
        searched = Decimal(0) if price.search is None and price.input else price.search
        return _summed(_cost(tokens, price.input, _MILLION), _cost(searches, searched))

    def audio_cost_usd(self, model: Model, seconds: float | None) -> Decimal | None:
        """Cost of writing down a recording, None where price or length is unknown."""
        price = self.price(model).audio_minute
        if price == 0:
            return Decimal(0)
        if price is None or seconds is None:
            return None
        return (Decimal(repr(seconds)) / 60 * price).quantize(_SMALLEST, ROUND_HALF_EVEN)

    def _found(self, model: Model) -> Price:
        known = FREE if model.provider in LOCAL_PROVIDERS else OWN_PRICES.get(str(model))
        if known is None:
            known = self._from_map(model)
        for name in (f"{model.provider}/*", str(model)):
            known = known._replace(**self._overrides.get(name, {}))
        return known

    def _from_map(self, model: Model) -> Price:
        if self._map is None:
            self._map = read_map()
        for name in (str(model), model.name):
            entry = self._map.get(name)
            if entry is None or entry.get("litellm_provider", model.provider) != model.provider:
                continue
            found = {
                field: Decimal(repr(entry[key])) * factor
                for field, (key, factor) in _MAP_FIELDS.items()
                if isinstance(entry.get(key), int | float)
            }
            # The map says 0 for models of which it knows no price.
            return Price(**found) if any(found.values()) else Price()
        return Price()


def read_overrides(text: bytes) -> dict[str, Mapping[str, Decimal | None]]:
    """The operator's prices: `{"openai/gpt-4o": {"input": 2.1, "output": null}, "mine/*": …}`."""
    try:
        entries = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise InvalidPrices(f"the file of prices is no JSON: {error}") from error
    if not isinstance(entries, dict):
        raise InvalidPrices("the file of prices holds no object")
    return {name: _override(name, entry) for name, entry in entries.items()}


def _override(name: str, entry: Any) -> dict[str, Decimal | None]:
    if entry is None:
        return dict.fromkeys(Price._fields)
    if "/" not in name or not isinstance(entry, dict):
        raise InvalidPrices(f"{name!r}: wants `provider/name` and an object, or null")
    unknown = set(entry) - set(Price._fields)
    if unknown:
        raise InvalidPrices(f"{name!r}: there are only {', '.join(Price._fields)}")
    return {field: _decimal(name, field, value) for field, value in entry.items()}


def _decimal(name: str, field: str, value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if isinstance(value, bool) or not price.is_finite() or price < 0:
        raise InvalidPrices(f"{name!r}: {field} is no price: {value!r}")
    return price


def _cost(amount: int, price: Decimal | None, each: Decimal | None = None) -> Decimal | None:
    if not amount:
        return Decimal(0)
    if price is None:
        return None
    return amount * price if each is None else amount * price / each


def _summed(*costs: Decimal | None) -> Decimal | None:
    """The sum in whole ten-billionths of a dollar, as the ledger keeps it."""
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    return sum(known, Decimal(0)).quantize(_SMALLEST, ROUND_HALF_EVEN)


def read_map() -> dict[str, Any]:
    """What litellm knows of models, by name; empty where it is not installed."""
    found = find_spec("litellm")
    places = list(found.submodule_search_locations or []) if found else []
    for place in places:
        file = Path(place) / _MAP_FILE
        if file.is_file():
            entries: dict[str, Any] = orjson.loads(file.read_bytes())
            return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}
    return {}
