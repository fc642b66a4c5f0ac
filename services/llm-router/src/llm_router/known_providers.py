"""Names of providers, from the list that litellm ships as a file (read without importing it)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson

_LIST_FILE = "provider_endpoints_support_backup.json"
_ALWAYS = frozenset({"builtin", "openai", "anthropic", "ollama", "cohere"})


@cache
def known_providers() -> frozenset[str]:
    """Every provider that a route may name."""
    found = find_spec("litellm")
    for place in list(found.submodule_search_locations or []) if found else []:
        file = Path(place) / _LIST_FILE
        if file.is_file():
            return _ALWAYS | frozenset(orjson.loads(file.read_bytes())["providers"])
    return _ALWAYS
