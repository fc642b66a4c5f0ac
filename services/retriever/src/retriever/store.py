"""What changes the index in Postgres: every method runs in the caller's transaction."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.v1.documents import DocumentConfigured, IndexedPassage, PassagesEmbedded
from postgres import Queries, Transaction
from retriever.index_types import TenantSearch
from retriever.language import configuration_of
from retriever.segment import PackedSegment, Passage, pack_passages
from retriever.vector_text import flatten_vectors

_CHARACTERS_LISTED = 400_000


@dataclass(frozen=True)
class LiveVersion:
    """The version of a document that answers."""

    version_id: int
    document_version: int
    passages: int


@dataclass(frozen=True)
class LockedDocument:
    """A document nobody else changes until the commit."""

    removed: bool
    newest_version: int
    """The newest that ever answered."""


class Store:
    """The statements of `queries.sql` that write, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("retriever")

    async def keep_tenant(
        self, tx: Transaction, tenant_id: UUID, revision: int, search: TenantSearch
    ) -> None:
        """Keep how the newest revision wants to be searched."""
        chosen = {
            "fusion": search.fusion,
            "reranker": search.reranker,
            "expansion": search.expansion,
            "minimum_similarity": search.minimum_similarity,
            "multi_query": search.multi_query,
        }
        await tx.execute(
            self._sql["keep_tenant"],
            tenant_id,
            revision,
            search.keyword_weight,
            search.vector_weight,
            json.dumps(chosen),
        )

    async def knows_tenants(self, tx: Transaction) -> bool:
        """Whether any configuration was heard yet."""
        return bool(await tx.fetchval(self._sql["count_tenants"]))

    async def forget_tenant(self, tx: Transaction, tenant_id: UUID) -> None:
        """Take every document of the tenant away."""
        await tx.execute(self._sql["mark_tenant_removed"], tenant_id)
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(self._sql["retire_tenant_versions"], tenant_id)
        await tx.execute(self._sql["forget_tenant_properties"], tenant_id)
        await tx.execute(self._sql["count_collection"], tenant_id)

    async def lock_document(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> LockedDocument:
        """Until the commit nobody else changes this document."""
        row = await tx.fetchrow(self._sql["lock_document"], tenant_id, document_id)
        if row is None:
            raise LookupError("a document that was written cannot be read")
        return LockedDocument(row["removed"], row["newest_version"])

    async def live_version(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> LiveVersion | None:
        """The version that answers, if one does."""
        return _version(await tx.fetchrow(self._sql["live_version"], tenant_id, document_id))

    async def store_batch(self, tx: Transaction, batch: PassagesEmbedded) -> int | None:
        """Keep a batch aside, once; answers the version's key, None if it is aside no more."""
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
        if version["state"] != "aside":
            return None
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
        """The passages and vectors, and their words as a segment of its own."""
        given = batch.passages
        rows = await tx.fetch(
            self._sql["store_passages"],
            batch.tenant_id,
            version_id,
            [passage.passage_id for passage in given],
            [passage.ordinal for passage in given],
            [passage.text for passage in given],
            [passage.page for passage in given],
            [passage.heading for passage in given],
            [passage.start_offset for passage in given],
            [passage.end_offset for passage in given],
            [passage.token_count for passage in given],
            [passage.sha256 for passage in given],
            flatten_vectors((passage.vector for passage in given), batch.dimensions),
            batch.dimensions,
            configuration,
            batch.title,
            [passage.parent_start for passage in given],
            [passage.parent_end for passage in given],
        )
        passages = [
            Passage(
                row["passage_key"],
                version_id,
                dict(zip(row["terms"] or (), row["frequencies"] or (), strict=True)),
            )
            for row in rows
        ]
        terms = sum(sum(passage.terms.values()) for passage in passages)
        await tx.execute(
            self._sql["count_words"], batch.tenant_id, version_id, len(passages), terms
        )
        await self.add_segment(
            tx, batch.tenant_id, configuration, pack_passages(passages), [version_id]
        )

    async def add_segment(
        self,
        tx: Transaction,
        tenant_id: UUID,
        configuration: str,
        packed: PackedSegment,
        versions: list[int],
    ) -> None:
        """Searches see it when they see its versions."""
        await tx.execute(
            self._sql["add_segment"],
            tenant_id,
            configuration,
            packed.passages,
            packed.postings,
            versions,
            [page.first_term for page in packed.pages],
            packed.roll,
            [page.data for page in packed.pages],
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
        """From the commit on this version answers; the one that did is kept."""
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(
            self._sql["retire_older_versions"], tenant_id, document_id, version, version_id
        )
        await tx.execute(self._sql["make_live"], tenant_id, version_id)
        await tx.execute(self._sql["note_newest_version"], tenant_id, document_id, version)
        await tx.execute(self._sql["count_collection"], tenant_id)

    async def find_kept(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID, version: int | None
    ) -> LiveVersion | None:
        """A version that can be brought back: this one, or the one that answered last."""
        return _version(await tx.fetchrow(self._sql["find_kept"], tenant_id, document_id, version))

    async def bring_back(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID, kept: LiveVersion
    ) -> None:
        """From the commit on a kept version answers, and the one that did is kept."""
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(self._sql["supersede_live"], tenant_id, document_id)
        await tx.execute(self._sql["make_live"], tenant_id, kept.version_id)
        await tx.execute(self._sql["count_collection"], tenant_id)

    async def remove_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> int:
        """Take a document away for good; answers how many passages could be found until now."""
        await self.lock_document(tx, tenant_id, document_id)
        await tx.execute(self._sql["lock_collection"], tenant_id)
        await tx.execute(self._sql["mark_removed"], tenant_id, document_id)
        await tx.execute(self._sql["forget_properties"], tenant_id, document_id)
        passages: int = await tx.fetchval(self._sql["retire_versions"], tenant_id, document_id)
        await tx.execute(self._sql["count_collection"], tenant_id)
        return passages

    async def keep_properties(self, tx: Transaction, chosen: DocumentConfigured) -> bool:
        """Searches that begin after the commit follow it; False for news that come late."""
        tenant_id, document_id = chosen.tenant_id, chosen.document_id
        if (await self.lock_document(tx, tenant_id, document_id)).removed:
            return False
        if await self.live_version(tx, tenant_id, document_id) is not None:
            await tx.execute(self._sql["lock_collection"], tenant_id)
        kept = await tx.fetchval(
            self._sql["keep_properties"],
            tenant_id,
            document_id,
            chosen.revision,
            chosen.enabled,
            chosen.expires_at,
            chosen.tags,
            json.dumps({entry.name: entry.value for entry in chosen.metadata}),
            chosen.document_kind,
            chosen.source_url,
            chosen.external_id,
        )
        return kept is not None

    async def is_document_known(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> bool:
        """Whether it was ever heard of here, and not removed."""
        return bool(await tx.fetchval(self._sql["is_document_known"], tenant_id, document_id))

    async def list_passages(
        self, tx: Transaction, tenant_id: UUID, version_id: int, first: int, limit: int
    ) -> list[IndexedPassage]:
        """Passages of a version from an ordinal on; fewer when their words are long."""
        rows = await tx.fetch(
            self._sql["list_passages"], tenant_id, version_id, first, limit, _CHARACTERS_LISTED
        )
        return [IndexedPassage(**dict(row)) for row in rows]


def _version(row: Any) -> LiveVersion | None:
    if row is None:
        return None
    return LiveVersion(row["version_id"], row["document_version"], row["passages"])
