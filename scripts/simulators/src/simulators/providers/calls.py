"""What the simulated provider was asked, kept for tests to look at."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

_KEPT_HEADERS = ("authorization", "x-api-key", "anthropic-version", "traceparent", "user-agent")


class Calls:
    """The latest calls, newest last, and counters over all of them."""

    def __init__(self, kept: int = 1000) -> None:
        self._calls: deque[dict[str, Any]] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()
        self.number = 0
        self.asides = 0
        """Questions about models that a client asks beside its calls."""

    def add(
        self, provider: str, path: str, headers: Any, body: dict[str, Any], kind: str
    ) -> dict[str, Any]:
        """Record one call; returns the record, whose `ended` the player sets."""
        self.number += 1
        self._counts[f"{provider}:{kind}"] += 1
        call = {
            "number": self.number,
            "provider": provider,
            "path": path,
            "at": time.time(),
            "kind": kind,
            "headers": {name: headers[name] for name in _KEPT_HEADERS if name in headers},
            "body": body,
            "ended": "open",
        }
        self._calls.append(call)
        return call

    def forget(self) -> None:
        """Drop every record."""
        self._calls.clear()
        self._counts.clear()
        self.number = self.asides = 0

    def report(self, limit: int) -> dict[str, Any]:
        """The newest `limit` calls and the totals."""
        newest = list(self._calls)[-limit:] if limit else []
        return {
            "total": self.number,
            "asides": self.asides,
            "counts": dict(self._counts),
            "calls": newest,
        }
