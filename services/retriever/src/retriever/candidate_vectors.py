"""The stored vectors of passages: of candidates, and of a sample for measuring a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from postgres import Queries, Transaction
from retriever.byte_cache import ByteCache

_HEAD_NUMBERS = 2
_ENTRY_BYTES = 300
_CACHE_BYTES = 32 * 2**20
_SMALLEST = np.float32(1e-12)
Vector = NDArray[np.float32]
_NOTHING: Vector = np.zeros(0, np.float32)


@dataclass(frozen=True)
class StoredVector:
    """A passage's vector, unit length, and the model that made it."""

    model: str
    values: Vector


class CandidateVectors:
    """Reads vectors by key, in the caller's transaction, and those it read lately only once: the
    vector of a key never changes, and keys are never used again.
    """

    def __init__(self, cache_bytes: int = _CACHE_BYTES) -> None:
        self._sql = Queries("retriever", "candidates.sql")
        self._cache = ByteCache(cache_bytes)

    async def read(
        self, tx: Transaction, tenant_id: UUID, keys: Sequence[int]
    ) -> dict[int, StoredVector]:
        """Those of live passages; a caller asks for no others."""
        held = {key: self._cache.get((tenant_id, key)) for key in keys}
        missing = [key for key, vector in held.items() if vector is None]
        if missing:
            rows = await tx.fetch(self._sql["read_vectors"], tenant_id, missing)
            vectors = unpacked([row["packed"] for row in rows])
            for row, values in zip(rows, vectors, strict=True):
                # A copy: a row of what was unpacked together would keep all of that in memory.
                vector = StoredVector(row["embedding_model"], values.copy())
                key = row["passage_key"]
                held[key] = vector
                self._cache.put((tenant_id, key), vector, values.nbytes + _ENTRY_BYTES)
        return {key: vector for key, vector in held.items() if vector is not None}

    async def sample(
        self, tx: Transaction, tenant_id: UUID, model: str, count: int
    ) -> tuple[list[Vector], list[UUID]]:
        """At most so many of a model, and the document of each."""
        rows = await tx.fetch(self._sql["sample_vectors"], tenant_id, model, count)
        return unpacked([row["packed"] for row in rows]), [row["document_id"] for row in rows]


def unpacked(packed: Sequence[bytes]) -> list[Vector]:
    """Halfvecs in their binary form as unit vectors, those of one length all at once."""
    vectors: list[Vector] = [_NOTHING] * len(packed)
    by_size: dict[int, list[int]] = {}
    for place, one in enumerate(packed):
        by_size.setdefault(len(one), []).append(place)
    for size, places in by_size.items():
        values = np.frombuffer(b"".join(packed[place] for place in places), ">f2")
        rows = values.reshape(len(places), size // 2)[:, _HEAD_NUMBERS:].astype(np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        for place, row in zip(places, rows / np.maximum(norms, _SMALLEST), strict=True):
            vectors[place] = row
    return vectors
