"""Vectors of texts that were asked for before, so that a question is embedded once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from uuid import UUID

from llm_router.domain import Model

Key = tuple[UUID, str, bytes]


class VectorCache:
    """Least recently used vectors by tenant, model and SHA-256 of the text."""

    def __init__(self, size: int = 8_192) -> None:
        self._size = size
        self._rows: OrderedDict[Key, bytes] = OrderedDict()

    @staticmethod
    def key(tenant_id: UUID, model: Model, text: str) -> Key:
        """Tenants never share an entry, so that timing tells nothing about others' texts."""
        return tenant_id, str(model), hashlib.sha256(text.encode()).digest()

    def recall(self, key: Key) -> bytes | None:
        """The vector (float32 bytes) if it is known."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def remember(self, key: Key, row: bytes) -> None:
        """Keep a vector, dropping the one unused for longest when full."""
        self._rows[key] = row
        self._rows.move_to_end(key)
        if len(self._rows) > self._size:
            self._rows.popitem(last=False)
