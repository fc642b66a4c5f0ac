"""The stored vectors of passages: of candidates, and of a sample for measuring a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from postgres import Queries, Transaction

_HEAD_BYTES = 4
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class StoredVector:
    """A passage's vector, unit length, and the model that made it."""

    model: str
    values: Vector


class CandidateVectors:
    """Reads vectors by key, in the caller's transaction."""

    def __init__(self) -> None:
        self._sql = Queries("retriever", "candidates.sql")

    async def read(
        self, tx: Transaction, tenant_id: UUID, keys: Sequence[int]
    ) -> dict[int, StoredVector]:
        """Those of live passages."""
        if not keys:
            return {}
        rows = await tx.fetch(self._sql["read_vectors"], tenant_id, list(keys))
        return {
            row["passage_key"]: StoredVector(row["embedding_model"], unpacked(row["packed"]))
            for row in rows
        }

    async def sample(
        self, tx: Transaction, tenant_id: UUID, model: str, count: int
    ) -> tuple[list[Vector], list[UUID]]:
        """At most so many of a model, and the document of each."""
        rows = await tx.fetch(self._sql["sample_vectors"], tenant_id, model, count)
        return [unpacked(row["packed"]) for row in rows], [row["document_id"] for row in rows]


def unpacked(packed: bytes) -> Vector:
    """A halfvec in its binary form as a unit vector."""
    values = np.frombuffer(packed, ">f2", offset=_HEAD_BYTES).astype(np.float32)
    length = float(np.linalg.norm(values))
    return values / np.float32(length) if length > 0 else values
