"""The index in Postgres: every method runs in the caller's transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.v1.documents import PassagesEmbedded
from postgres import Queries, Transaction
from retriever.domain import (
    CANDIDATES,
    HNSW_DIMENSIONS,
    KeywordHit,
    VectorHit,
    Weights,
    searches_exactly,
)
from retriever.language import configuration_of
from retriever.vector_text import flatten_vectors

BM25_SATURATION = 1.2
BM25_LENGTH_WEIGHT = 0.75
EF_SEARCH = 200


@dataclass(frozen=True)
class LiveVersion:
    """The version of a document that answers."""

    document_version: int
    passages: int


@dataclass(frozen=True)
class Collection:
    """What a tenant has, as of `revision` (None before anything was ever searchable)."""

    revision: int | None
    passages: int
    embedding_model: str | None
    dimensions: int | None
    any_version: bool
    weights: Weights


@dataclass(frozen=True)
class WordSearch:
    """The keyword leg, and the collection it saw."""

    collection: Collection
    hits: tuple[KeywordHit, ...]


@dataclass(frozen=True)
class VectorSearch:
    """The vector leg, and the revision it saw."""

    revision: int | None
    hits: tuple[VectorHit, ...]


@dataclass(frozen=True)
class StoredPassage:
    """A live passage with what a citation needs."""

    key: int
    passage_id: UUID
    document_id: UUID
    document_version: int
    title: str
    page: int | None
    heading: str | None
    text: str
    revision: int | None


class Store:
    """The statements of `queries.sql` with their types."""

    def __init__(self) -> None:
        self._sql = Queries("retriever")

    async def keep_tenant(
        self, tx: Transaction, tenant_id: UUID, revision: int, weights: Weights
    ) -> None:
        """Keep the weights of the newest revision."""
        await tx.execute(
            self._sql["keep_tenant"], tenant_id, revision, weights.keyword, weights.vector
        )

    async def knows_tenants(self, tx: Transaction) -> bool:
        """Whether any configuration was heard yet."""
        return bool(await tx.fetchval(self._sql["count_tenants"]))

    async def forget_tenant(self, tx: Transaction, tenant_id: UUID) -> None:
        """Take every document of the tenant away."""
        await tx.execute(self._sql["mark_tenant_removed"], tenant_id)
        await tx.execute(self._sql["retire_tenant_versions"], tenant_id)
        await self._collection_changed(tx, tenant_id)

    async def lock_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """Until the commit nobody else changes this document; True if it was removed."""
        return bool(await tx.fetchval(self._sql["lock_document"], tenant_id, document_id))

    async def live_version(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> LiveVersion | None:
        """The version that answers, if one does."""
        row = await tx.fetchrow(self._sql["live_version"], tenant_id, document_id)
        return LiveVersion(row["document_version"], row["passages"]) if row else None

    async def store_batch(self, tx: Transaction, batch: PassagesEmbedded) -> int:
        """Keep a batch aside, once; answers the version's key in this index."""
        version = await tx.fetchrow(
            self._sql["find_or_begin_version"],
            batch.tenant_id,
            batch.document_id,
            batch.document_version,
            batch.title,
            batch.language,
            configuration_of(batch.language),
            batch.embedding_model,
            batch.dimensions,
            batch.batches,
            batch.passages_total,
        )
        if version is None:
            raise LookupError("a version that was written cannot be read")
        version_id: int = version["version_id"]
        claimed = await tx.fetchval(
            self._sql["claim_batch"], version_id, batch.tenant_id, batch.batch
        )
        if claimed is not None:
            await self._store_passages(tx, batch, version_id, version["configuration"])
        return version_id

    async def _store_passages(
        self, tx: Transaction, batch: PassagesEmbedded, version_id: int, configuration: str
    ) -> None:
        passages = batch.passages
        await tx.execute(
            self._sql["store_passages"],
            batch.tenant_id,
            version_id,
            [passage.passage_id for passage in passages],
            [passage.ordinal for passage in passages],
            [passage.text for passage in passages],
            [passage.page for passage in passages],
            [passage.heading for passage in passages],
            [passage.start_offset for passage in passages],
            [passage.end_offset for passage in passages],
            [passage.token_count for passage in passages],
            [passage.sha256 for passage in passages],
            flatten_vectors((passage.vector for passage in passages), batch.dimensions),
            batch.dimensions,
            configuration,
            batch.title,
        )

    async def count_stored(
        self, tx: Transaction, tenant_id: UUID, version_id: int
    ) -> tuple[int, int]:
        """Batches that are in, and passages that have their vector."""
        row = await tx.fetchrow(self._sql["count_stored"], tenant_id, version_id)
        return (row["batches"], row["passages"]) if row else (0, 0)

    async def switch(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID, version: int, version_id: int
    ) -> None:
        """From the commit on this version answers and no older one is seen."""
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(self._sql["retire_other_versions"], tenant_id, document_id, version)
        await tx.execute(self._sql["make_live"], tenant_id, version_id)
        await tx.execute(self._sql["count_collection"], tenant_id)

    async def remove_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> int:
        """Take a document away for good; answers how many passages could be found until now."""
        await self.lock_document(tx, tenant_id, document_id)
        await tx.execute(self._sql["mark_removed"], tenant_id, document_id)
        passages: int = await tx.fetchval(self._sql["retire_versions"], tenant_id, document_id)
        await self._collection_changed(tx, tenant_id)
        return passages

    async def _collection_changed(self, tx: Transaction, tenant_id: UUID) -> None:
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(self._sql["count_collection"], tenant_id)

    async def search_words(
        self, tx: Transaction, tenant_id: UUID, question: str, limit: int = CANDIDATES
    ) -> WordSearch:
        """The passages that share the question's rare words, best first."""
        row = await tx.fetchrow(
            self._sql["search_words"],
            tenant_id,
            question,
            limit,
            BM25_SATURATION,
            BM25_LENGTH_WEIGHT,
        )
        if row is None:
            raise LookupError("an aggregate without a row")
        hits = zip(row["keys"] or (), row["scores"] or (), row["coverages"] or (), strict=True)
        return WordSearch(
            _collection(row), tuple(KeywordHit(key, score, share) for key, score, share in hits)
        )

    async def search_vectors(
        self,
        tx: Transaction,
        tenant_id: UUID,
        vector: list[float],
        collection: Collection,
        limit: int = CANDIDATES,
    ) -> VectorSearch:
        """The passages nearest to the question, best first: exact for small tenants."""
        dimensions = len(vector)
        if searches_exactly(collection.passages, dimensions):
            sql = self._sql["search_vectors_exactly"]
        else:
            await tx.fetchrow(self._sql["scan_on"], str(EF_SEARCH))
            sql = self._near(dimensions)
        row = await tx.fetchrow(
            sql, tenant_id, vector, limit, collection.embedding_model or "", dimensions
        )
        if row is None:
            raise LookupError("an aggregate without a row")
        hits = zip(row["keys"] or (), row["similarities"] or (), strict=True)
        return VectorSearch(
            row["revision"], tuple(VectorHit(key, similarity) for key, similarity in hits)
        )

    def _near(self, dimensions: int) -> str:
        if dimensions not in HNSW_DIMENSIONS:
            raise ValueError(f"no HNSW index of {dimensions} dimensions")
        return self._sql["search_vectors_near"].replace("{dimensions}", str(dimensions))

    async def read_passages(
        self, tx: Transaction, tenant_id: UUID, keys: list[int]
    ) -> dict[int, StoredPassage]:
        """The live ones among these passages."""
        rows = await tx.fetch(self._sql["read_passages"], tenant_id, keys)
        return {row["passage_key"]: _passage(row) for row in rows}

    async def hold_collection(self, tx: Transaction, tenant_id: UUID) -> None:
        """Until the commit no version is switched and no document removed for this tenant."""
        await tx.fetchval(self._sql["hold_collection"], tenant_id)

    async def clean_piece(self, tx: Transaction, rows_max: int) -> bool:
        """Delete at most so many rows of each kind of a version that is gone; False: none is."""
        version_id = await tx.fetchval(self._sql["claim_gone"])
        if version_id is None:
            return False
        left = False
        for name in ("clean_postings", "clean_vectors", "clean_passages"):
            tag = await tx.execute(self._sql[name], version_id, rows_max)
            left = left or int(tag.rpartition(" ")[2]) >= rows_max
        if not left:
            await tx.execute(self._sql["clean_version"], version_id)
        return True


def _collection(row: Any) -> Collection:
    chosen = row["keyword_weight"], row["vector_weight"]
    return Collection(
        revision=row["revision"],
        passages=row["passages"] or 0,
        embedding_model=row["embedding_model"],
        dimensions=row["dimensions"],
        any_version=row["any_version"],
        weights=Weights() if None in chosen else Weights(*chosen),
    )


def _passage(row: Any) -> StoredPassage:
    return StoredPassage(
        key=row["passage_key"],
        passage_id=row["passage_id"],
        document_id=row["document_id"],
        document_version=row["document_version"],
        title=row["title"],
        page=row["page"],
        heading=row["heading"],
        text=row["text"],
        revision=row["revision"],
    )
