"""Which models can see, as far as litellm's map (a file, read without importing litellm) says."""

from __future__ import annotations

import asyncio
from functools import cache

from llm_router.domain import Model
from llm_router.prices import read_map

_CHATS = frozenset({"chat", "responses"})


async def can_see(model: Model) -> bool | None:
    """Whether a model takes images; None where nobody told us."""
    known = await asyncio.to_thread(_sighted)
    for name in (str(model), model.name):
        if name in known:
            return known[name]
    return None


@cache
def _sighted() -> dict[str, bool]:
    return {
        name: bool(entry.get("supports_vision"))
        for name, entry in read_map().items()
        if entry.get("mode") in _CHATS
    }
