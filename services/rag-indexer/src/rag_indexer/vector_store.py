"""Vectors that were paid for, and what they cost, in Postgres; in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from postgres import Queries, Transaction


@dataclass(frozen=True)
class KeptVector:
    """Little-endian float32 values, and when they were made."""

    vector: bytes
    made_at: datetime


class VectorStore:
    """The statements of `queries.sql` about vectors, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def find(
        self,
        tx: Transaction,
        tenant_id: UUID,
        model: str,
        dimensions: int,
        text_hashes: Sequence[bytes],
    ) -> dict[bytes, KeptVector]:
        """Those of this tenant's texts that this model has read before, at this length."""
        rows = await tx.fetch(self._sql["find_vectors"], tenant_id, model, text_hashes, dimensions)
        return {row["text_sha256"]: KeptVector(row["vector"], row["made_at"]) for row in rows}

    async def keep(
        self, tx: Transaction, tenant_id: UUID, model: str, vectors: Mapping[bytes, bytes]
    ) -> None:
        """Keep new vectors by the hash of their text; those of another length give way."""
        hashes = sorted(vectors)
        await tx.execute(
            self._sql["keep_vectors"], tenant_id, model, hashes, [vectors[one] for one in hashes]
        )

    async def record_spend(
        self,
        tx: Transaction,
        tenant_id: UUID,
        model: str,
        *,
        texts: int,
        tokens: int,
        cost_usd: float | None,
    ) -> None:
        """Add to what the tenant's vectors have cost; without a price the texts are counted."""
        await tx.execute(self._sql["record_spend"], tenant_id, model, texts, tokens, cost_usd)

    async def forget_unused(self, tx: Transaction, days: float, limit: int) -> int:
        """Let go of vectors that nobody used for so long; answers how many went."""
        gone: int = await tx.fetchval(self._sql["forget_vectors"], days, limit)
        return gone
