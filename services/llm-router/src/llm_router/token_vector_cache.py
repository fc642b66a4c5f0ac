"""Token vectors of passages that were ranked before, so that a repeated candidate costs nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from uuid import UUID

from llm_router.late_interaction import TokenVectors

Key = tuple[UUID, bytes]


class TokenVectorCache:
    """Least recently used ones, up to so many bytes, by tenant and SHA-256 of the text."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._rows: OrderedDict[Key, TokenVectors] = OrderedDict()
        self.size_bytes = 0

    @staticmethod
    def key(tenant_id: UUID, text: str) -> Key:
        """Tenants never share an entry, so that timing tells nothing about others' texts."""
        return tenant_id, hashlib.sha256(text.encode()).digest()

    def recall(self, key: Key) -> TokenVectors | None:
        """The vectors if they are known."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def remember(self, key: Key, row: TokenVectors) -> None:
        """Keep them, dropping those unused for longest when full."""
        before = self._rows.pop(key, None)
        self.size_bytes += row.size_bytes - (before.size_bytes if before else 0)
        self._rows[key] = row
        while self.size_bytes > self._bytes_max and self._rows:
            _, dropped = self._rows.popitem(last=False)
            self.size_bytes -= dropped.size_bytes
