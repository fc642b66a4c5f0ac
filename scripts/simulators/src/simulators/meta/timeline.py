"""Everything that happened between business and customers, in order, for who watches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import islice
from typing import Any

KEPT = 20_000


class Timeline:
    """Happenings with growing numbers; readers can wait for the next one."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._total = 0
        self._news = asyncio.Event()
        self._customers: dict[str, str] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._customers.clear()
        self._total = 0

    def add(self, what: str, customer: str = "", **fields: Any) -> None:
        """Note a happening: `send`, `status`, `read`, `typing`, `inbound`, `template` …"""
        entry = {"index": self._total, "what": what, "customer": customer, "at": time.time()}
        self._kept.append({**entry, **fields})
        self._total += 1
        self._news.set()

    def wrote(self, message_id: str, customer: str, sender: str) -> None:
        """A customer's message, so that a read mark finds its reader."""
        self._customers[message_id] = customer
        if len(self._customers) > KEPT:
            del self._customers[next(iter(self._customers))]
        self.add("inbound", customer, sender=sender, message_id=message_id)

    def writer_of(self, message_id: str) -> str:
        """Who wrote a message; empty when nobody knows."""
        return self._customers.get(message_id, "")

    def after(self, index: int, customer: str = "") -> list[dict[str, Any]]:
        """Happenings from a number on, of one customer or of all."""
        oldest = self._total - len(self._kept)
        found = islice(self._kept, max(0, index - oldest), None)
        return [entry for entry in found if customer in ("", entry["customer"])]

    @property
    def total(self) -> int:
        """The number that the next happening gets."""
        return self._total

    async def wait(self, index: int, customer: str, seconds: float) -> list[dict[str, Any]]:
        """Like `after`, but waits until there is one or the time is over."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (found := self.after(index, customer)):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                break
        return found
