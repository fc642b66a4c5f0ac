"""What was heard of tenants and documents, in Postgres; all run in the caller's transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.v1.documents import (
    ChunkingRule,
    DocumentConfigured,
    DocumentReplaced,
    DocumentSearchable,
    DocumentUploaded,
)
from contracts.v1.tenants import TenantConfigured
from postgres import Queries, Transaction
from rag_indexer.chunk_rules import SplitSettings
from rag_indexer.domain import TenantChoice

DocumentKey = tuple[UUID, int]
"""Document and version."""

FRESH, LATER = 0, 1
"""Priorities: somebody waits for it; everything is redone."""


@dataclass(frozen=True)
class LatestJob:
    """What a document is, or is becoming."""

    state: str
    is_read: bool
    embedding_model: str | None
    chunking: ChunkingRule | None
    code: str | None
    repairs: int


@dataclass(frozen=True)
class SaidVersion:
    """What was said to the index of a version, and what is shown of its document."""

    state: str
    passages_total: int | None
    latest_version: int
    latest_state: str
    live_version: int
    live_at: datetime | None


@dataclass(frozen=True)
class Confirmed:
    """The index has the version; `live` it answers, `shown` people see it as ready."""

    message: DocumentSearchable
    live: bool
    shown: bool


class Store:
    """The statements of `queries.sql` about tenants and documents, with their types."""

    def __init__(self) -> None:
        self._sql = Queries("rag_indexer")

    async def keep_tenant(
        self, tx: Transaction, message: TenantConfigured
    ) -> tuple[TenantChoice | None, bool]:
        """Keep the newest settings; what there was before, and whether these are newer."""
        row = await tx.fetchrow(self._sql["lock_tenant"], message.tenant_id)
        settings = message.settings
        newer = await tx.fetchval(
            self._sql["keep_tenant"],
            message.tenant_id,
            message.revision,
            settings.language,
            settings.embedding_model,
            settings.chunk_tokens,
            settings.chunk_overlap_tokens,
            settings.chunking.model_dump_json() if settings.chunking else None,
            settings.quota_passages,
        )
        return (choice_of(row) if row else None), bool(newer)

    async def choice(self, tx: Transaction, tenant_id: UUID) -> TenantChoice:
        """What a tenant's documents follow; defaults where nothing was heard yet."""
        row = await tx.fetchrow(self._sql["find_choice"], tenant_id)
        return choice_of(row) if row else TenantChoice()

    async def choices(
        self, tx: Transaction, tenant_id: UUID, document_ids: Sequence[UUID]
    ) -> dict[UUID, TenantChoice]:
        """The same for each of these documents, with its own rule if it has one."""
        choice = await self.choice(tx, tenant_id)
        rows = await tx.fetch(self._sql["find_own_rules"], tenant_id, document_ids)
        own = {row["document_id"]: rule_of(row["chunking"]) for row in rows}
        return {
            one: replace(choice, own_chunking=own[one]) if one in own else choice
            for one in document_ids
        }

    async def other_passages(
        self, tx: Transaction, tenant_id: UUID, document_ids: Sequence[UUID]
    ) -> int:
        """What all documents but these take up, or will when they are whole."""
        passages: int = await tx.fetchval(
            self._sql["count_other_passages"], tenant_id, document_ids
        )
        return passages

    async def knows_tenants(self, tx: Transaction) -> bool:
        """Whether any configuration was heard yet."""
        return bool(await tx.fetchval(self._sql["count_tenants"]))

    async def remove_tenant(self, tx: Transaction, tenant_id: UUID) -> None:
        """Everything of the tenant goes."""
        await tx.execute(self._sql["remove_tenant_documents"], tenant_id)
        await tx.execute(self._sql["remove_tenant_rest"], tenant_id)

    async def request_reindexing(self, tx: Transaction, tenant_id: UUID, reason: str) -> None:
        """Have all documents looked at, from the first one on."""
        await tx.execute(self._sql["request_reindexing"], tenant_id, reason)

    async def lock_documents(self, tx: Transaction, document_ids: Iterable[UUID]) -> set[UUID]:
        """Until the commit nobody else changes these; answers those that were removed."""
        wanted = list(document_ids)
        await tx.execute(self._sql["lock_documents"], wanted)
        return {row["document_id"] for row in await tx.fetch(self._sql["find_removed"], wanted)}

    async def lock_document(self, tx: Transaction, document_id: UUID) -> bool:
        """The same for one; True if it was removed."""
        return bool(await self.lock_documents(tx, [document_id]))

    async def add_documents(
        self, tx: Transaction, uploads: Sequence[DocumentUploaded]
    ) -> set[UUID]:
        """Keep uploaded documents, each with its first job; answers those that are new."""
        rows = await tx.fetch(
            self._sql["add_documents"],
            [one.document_id for one in uploads],
            [one.tenant_id for one in uploads],
            [one.title for one in uploads],
            [one.file_name for one in uploads],
            [one.size_bytes for one in uploads],
            [one.sha256 for one in uploads],
            [one.language for one in uploads],
            [one.document_kind or "file" for one in uploads],
            [one.source_url for one in uploads],
            [one.declared_type for one in uploads],
        )
        return {row["document_id"] for row in rows}

    async def replace_bytes(self, tx: Transaction, message: DocumentReplaced) -> bool:
        """Keep where the newest bytes are; False when these are late."""
        replaced = await tx.fetchval(
            self._sql["replace_bytes"],
            message.tenant_id,
            message.document_id,
            message.replacement,
            message.title,
            message.file_name,
            message.size_bytes,
            message.sha256,
            message.language,
            message.declared_type,
        )
        return bool(replaced)

    async def add_version(
        self,
        tx: Transaction,
        tenant_id: UUID,
        document_id: UUID,
        *,
        priority: int = FRESH,
        repairs: int = 0,
    ) -> int | None:
        """Begin the next version; older ones that are not searchable yet stop. None: unknown."""
        await tx.execute(self._sql["supersede_jobs"], tenant_id, document_id)
        await tx.execute(self._sql["drop_all_chunks"], tenant_id, document_id)
        version: int | None = await tx.fetchval(self._sql["next_version"], tenant_id, document_id)
        if version is not None:
            await tx.execute(self._sql["add_job"], tenant_id, document_id, priority, repairs)
        return version

    async def keep_properties(
        self, tx: Transaction, configured: Sequence[DocumentConfigured]
    ) -> set[UUID]:
        """Keep what was chosen for documents; answers those whose chunking changed."""
        rows = await tx.fetch(
            self._sql["keep_properties"],
            [one.tenant_id for one in configured],
            [one.document_id for one in configured],
            [one.revision for one in configured],
            [one.enabled for one in configured],
            [one.expires_at for one in configured],
            [json.dumps(one.tags) for one in configured],
            [json.dumps([entry.model_dump() for entry in one.metadata]) for one in configured],
            [one.chunking.model_dump_json() if one.chunking else None for one in configured],
            [one.external_id for one in configured],
            [one.document_kind for one in configured],
            [one.source_url for one in configured],
        )
        return {row["document_id"] for row in rows}

    async def latest_job(
        self, tx: Transaction, tenant_id: UUID, document_id: UUID
    ) -> LatestJob | None:
        """The newest version of a document; None for one that is unknown."""
        row = await tx.fetchrow(self._sql["find_latest_job"], tenant_id, document_id)
        if row is None:
            return None
        return LatestJob(
            row["state"],
            row["is_read"],
            row["embedding_model"],
            rule_of(row["chunking"]),
            row["code"],
            row["repairs"],
        )

    async def remove_document(self, tx: Transaction, tenant_id: UUID, document_id: UUID) -> None:
        """Take the document away for good, whether it was heard of or not."""
        await tx.execute(self._sql["mark_removed"], tenant_id, document_id)
        await tx.execute(self._sql["remove_jobs"], tenant_id, document_id)
        await tx.execute(self._sql["remove_document"], tenant_id, document_id)

    async def fail(
        self, tx: Transaction, tenant_id: UUID, key: DocumentKey, code: str, detail: str
    ) -> None:
        """The version will not be; an older one that answers goes on answering."""
        await tx.execute(self._sql["fail_job"], *key, code)
        await tx.execute(self._sql["drop_chunks"], tenant_id, *key)
        await tx.execute(self._sql["show_failure"], tenant_id, *key, code, detail)

    async def said_versions(
        self, tx: Transaction, messages: Sequence[DocumentSearchable]
    ) -> dict[DocumentKey, SaidVersion]:
        """What was said of these versions to the index."""
        rows = await tx.fetch(
            self._sql["find_said"],
            [one.tenant_id for one in messages],
            [one.document_id for one in messages],
            [one.document_version for one in messages],
        )
        return {
            (row["document_id"], row["document_version"]): SaidVersion(
                row["state"],
                row["passages_total"],
                row["latest_version"],
                row["latest_state"],
                row["live_version"],
                row["live_at"],
            )
            for row in rows
        }

    async def finish(self, tx: Transaction, confirmed: Sequence[Confirmed]) -> None:
        """The index has these versions (one a document)."""
        await tx.execute(
            self._sql["finish_jobs"],
            [one.message.document_id for one in confirmed],
            [one.message.document_version for one in confirmed],
            [one.message.occurred_at if one.live else None for one in confirmed],
        )
        live = [one for one in confirmed if one.live]
        await tx.execute(
            self._sql["show_live"],
            [one.message.document_id for one in live],
            [one.message.document_version for one in live],
            [one.message.occurred_at for one in live],
            [one.shown for one in live],
        )

    async def describe(self, tx: Transaction, keys: Sequence[DocumentKey]) -> None:
        """Let people see what the content of these versions turned out to be."""
        await tx.execute(
            self._sql["describe_documents"], [one for one, _ in keys], [two for _, two in keys]
        )


def choice_of(row: Any) -> TenantChoice:
    """A tenant's settings as `find_choice` and `lock_tenant` give them; null: never heard."""
    if row["chunk_tokens"] is None:
        split = SplitSettings()
    else:
        split = SplitSettings(
            row["chunk_tokens"], row["chunk_overlap_tokens"], rule_of(row["chunking"])
        )
    return TenantChoice(
        split=split,
        language=row["language"],
        embedding_model=row["embedding_model"],
        quota_passages=row["quota_passages"],
    )


def rule_of(text: str | None) -> ChunkingRule | None:
    """A rule as it is kept, or None."""
    return ChunkingRule.model_validate_json(text) if text else None
