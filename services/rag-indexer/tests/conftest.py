"""The indexer in this process, and makers of foreign files, for its tests."""

import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import numpy as np
import pytest
import pytest_asyncio

from blobs import Blobs
from contracts.v1.documents import (
    Document,
    DocumentConfigured,
    DocumentReplaced,
    DocumentSearchable,
    DocumentUploaded,
    DocumentVersion,
    GetDocument,
    GetKnowledgeUse,
    KnowledgeUsed,
    ListVersions,
    PassagesEmbedded,
    ReindexDocument,
)
from contracts.v1.models import EmbedTexts, TextsEmbedded
from contracts.v1.tenants import TenantConfigured, TenantSettings
from postgres import Database
from rag_indexer.answering import Answering
from rag_indexer.document_views import DocumentViews
from rag_indexer.embedding import Embedding, EmbeddingRule
from rag_indexer.handlers import Handlers
from rag_indexer.indexing import Indexing, IndexingLimits
from rag_indexer.job_store import Job, JobStore
from rag_indexer.parser_process import ParserLimits
from rag_indexer.reading import Reader
from rag_indexer.reconciler import Reconciler, RepairRule
from rag_indexer.records import Records
from rag_indexer.reindexing import Reindexer, ReindexRule
from rag_indexer.repair_store import RepairStore
from rag_indexer.store import Store
from rag_indexer.vector_store import VectorStore
from rag_indexer.worker import Worker, WorkerRule

from .foreign_files import docx_of, pdf_of


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    return pdf_of


@pytest.fixture
def make_docx() -> Callable[..., bytes]:
    return docx_of


TENANT_SETTINGS: dict[str, Any] = {
    "bot_name": "Bot",
    "system_prompt": "",
    "language": "en",
    "rag_enabled": True,
    "model": None,
    "fallback_models": [],
    "embedding_model": None,
    "handoff_keywords": [],
    "handoff_reply": "",
    "failure_reply": "",
    "coalesce_milliseconds": 0,
    "history_messages_max": 10,
    "prompt_tokens_max": 4_000,
    "reply_tokens_max": 500,
    "keyword_weight": 0.5,
    "vector_weight": 0.5,
    "passages_max": 5,
    "chunk_tokens": 256,
    "chunk_overlap_tokens": 32,
}


class KeepingOutbox:
    """An outbox that opens real transactions and keeps what was said in those that committed."""

    def __init__(self, database: Database) -> None:
        self.transaction = database.transaction
        self.said: list[Any] = []

    async def say(self, tx: Any, *messages: Any, delay_seconds: float = 0) -> None:
        tx.after_commit.append(lambda: self.said.extend(messages))


class FakeRouter:
    """Answers every text with a vector; `answers_left` makes it go away in the middle."""

    def __init__(self) -> None:
        self.dimensions = 384
        self.answers_left: int | None = None
        self.failure: Exception | None = None
        self.asked: list[EmbedTexts] = []
        self.model = "builtin/minilm"
        self.cost_usd: float | None = None

    async def ask(self, request: EmbedTexts, *, timeout_seconds: float) -> TextsEmbedded:
        if self.answers_left is not None:
            if self.answers_left == 0 and self.failure:
                raise self.failure
            self.answers_left -= 1
        self.asked.append(request)
        vector = np.full(self.dimensions, self.dimensions**-0.5, dtype="<f4").tobytes()
        return TextsEmbedded(
            model=request.model or self.model,
            dimensions=self.dimensions,
            vectors=[base64.b64encode(vector).decode()] * len(request.texts),
            tokens=1,
            cost_usd=self.cost_usd,
        )

    def texts(self) -> list[str]:
        """What was asked for, without the looks for which model there is."""
        return [text for one in self.asked if one.model for text in one.texts]


class IndexerInProcess:
    """The indexer without a broker: handlers and worker over a real database."""

    def __init__(self, database: Database, blobs: Blobs, rule: WorkerRule) -> None:
        self.database = database
        self.blobs = blobs
        self.outbox = KeepingOutbox(database)
        self.router = FakeRouter()
        self.store, self.jobs = Store(), JobStore()
        self.tenant_id = uuid4()
        outbox: Any = self.outbox
        router: Any = self.router
        vectors, repairs = VectorStore(), RepairStore()
        asking = EmbeddingRule(5.0, retry_seconds=0.01, patience_seconds=0.1)
        self.embedding = Embedding(router, database, vectors, asking)
        self.reader = Reader(blobs, ParserLimits(wall_seconds=30), 2)
        limits = IndexingLimits(passages_max=1_000)
        parts = outbox, self.store, self.jobs, self.reader, self.embedding, limits
        self.indexing, self.records = Indexing(*parts), Records(*parts)
        self.worker = self.another_worker(rule)
        self.reindexer = Reindexer(
            database,
            outbox,
            self.store,
            repairs,
            self.embedding,
            ReindexRule(at_once=2),
            self.worker.wake,
        )
        self.reconciler = Reconciler(
            database, outbox, self.store, repairs, vectors, RepairRule(), self.worker.wake
        )
        self.handlers = Handlers(
            outbox, self.store, self.worker.wake, self.reindexer.wake, file_bytes_max=1_000_000
        )
        self.answering = Answering(database, DocumentViews())

    def another_worker(self, rule: WorkerRule) -> Worker:
        outbox: Any = self.outbox
        return Worker(
            self.database,
            outbox,
            self.store,
            self.jobs,
            self.indexing,
            self.records,
            self.embedding,
            rule,
        )

    async def claim(self, lease_seconds: float) -> Job | None:
        """One job, as a worker would take it."""
        async with self.database.system() as tx:
            jobs = await self.jobs.claim(tx, lease_seconds, 60.0)
        return jobs[0] if jobs else None

    async def claim_together(self) -> list[Job]:
        """A handful of small records, as a worker would take them."""
        async with self.database.system() as tx:
            return await self.jobs.claim(tx, 60.0, 60.0, records_max=32)

    async def hear(self, handler: Callable[..., Any], message: Any) -> None:
        async with self.database.transaction(message.tenant_id) as tx:
            await handler(message, tx)

    async def hear_together(self, handler: Callable[..., Any], *messages: Any) -> None:
        async with self.database.system() as tx:
            await handler(list(messages), tx)

    async def upload(self, content: bytes, name: str = "a.txt", **details: Any) -> UUID:
        sha256 = await self.blobs.put(content)
        fields = {
            "document_id": uuid4(),
            "title": name,
            "file_name": name,
            "declared_type": None,
            "size_bytes": len(content),
            "sha256": sha256,
            "language": None,
            **details,
        }
        message = DocumentUploaded.make(tenant_id=self.tenant_id, **fields)
        await self.hear_together(self.handlers.documents_uploaded, message)
        return message.document_id

    async def replace(
        self, document_id: UUID, content: bytes, number: int, name: str = "a.txt", **details: Any
    ) -> None:
        fields = {
            "document_id": document_id,
            "replacement": number,
            "title": name,
            "file_name": name,
            "declared_type": None,
            "size_bytes": len(content),
            "sha256": await self.blobs.put(content),
            "language": None,
            **details,
        }
        message = DocumentReplaced.make(tenant_id=self.tenant_id, **fields)
        await self.hear(self.handlers.document_replaced, message)

    async def configure(self, document_id: UUID, revision: int, **details: Any) -> None:
        fields = {
            "document_id": document_id,
            "revision": revision,
            "enabled": True,
            "expires_at": None,
            "tags": [],
            "metadata": [],
            "chunking": None,
            "external_id": None,
            "document_kind": "file",
            "source_url": None,
            **details,
        }
        message = DocumentConfigured.make(tenant_id=self.tenant_id, **fields)
        await self.hear_together(self.handlers.documents_configured, message)

    async def ready(self, content: bytes, name: str = "a.txt", **details: Any) -> UUID:
        """A document that was uploaded, worked on and confirmed by the index."""
        document_id = await self.upload(content, name, **details)
        await self.work()
        await self.confirm(document_id)
        return document_id

    async def confirm(self, document_id: UUID) -> None:
        """As the index does once it has all that was said last of a document."""
        said = [one for one in self.batches() if one.document_id == document_id][-1]
        await self.searchable(document_id, said.document_version, said.passages_total)

    async def versions(self, document_id: UUID) -> list[DocumentVersion]:
        request = ListVersions.make(tenant_id=self.tenant_id, document_id=document_id)
        return (await self.answering.list_versions(request)).versions

    async def configure_tenant(
        self, revision: int, state: Literal["active", "removed"] = "active", **settings: Any
    ) -> None:
        """As gateway says a tenant's settings; what is not given is as always."""
        message = TenantConfigured.make(
            tenant_id=self.tenant_id,
            revision=revision,
            slug="acme",
            name="Acme",
            state=state,
            settings=TenantSettings(**{**TENANT_SETTINGS, **settings}),
        )
        await self.hear(self.handlers.tenant_configured, message)

    async def use(self) -> KnowledgeUsed:
        request = GetKnowledgeUse.make(tenant_id=self.tenant_id)
        return await self.answering.get_knowledge_use(request)

    async def execute(self, sql: str, *args: object) -> None:
        """As time, an accident or a person would change it."""
        async with self.database.system() as tx:
            await tx.execute(sql, *args)

    async def work(self) -> None:
        """Every job that is due, until there is none."""
        while await self.worker.work_once():
            continue

    def searchable_message(
        self, document_id: UUID, version: int, passages: int
    ) -> DocumentSearchable:
        return DocumentSearchable.make(
            tenant_id=self.tenant_id,
            document_id=document_id,
            document_version=version,
            passages=passages,
        )

    async def searchable(self, document_id: UUID, version: int, passages: int) -> None:
        message = self.searchable_message(document_id, version, passages)
        await self.hear_together(self.handlers.documents_searchable, message)

    async def reindex(self, document_id: UUID) -> None:
        message = ReindexDocument.make(tenant_id=self.tenant_id, document_id=document_id)
        await self.hear(self.handlers.reindex_document, message)

    async def document(self, document_id: UUID) -> Document:
        request = GetDocument.make(tenant_id=self.tenant_id, document_id=document_id)
        return (await self.answering.get_document(request)).document

    async def due_now(self) -> None:
        """Let delayed jobs be due, as time would."""
        async with self.database.system() as tx:
            await tx.execute("update jobs set run_after = now(), lease_until = null")

    def batches(self) -> list[PassagesEmbedded]:
        return [one for one in self.outbox.said if isinstance(one, PassagesEmbedded)]


@pytest_asyncio.fixture
async def indexer(
    service_database: Callable[..., Any], tmp_path: Path
) -> AsyncIterator[IndexerInProcess]:
    """An indexer with an empty database."""
    database = await Database.connect(service_database("rag_indexer").url, name="indexer-test")
    blobs = Blobs.open(f"file://{tmp_path}/blobs")
    yield IndexerInProcess(database, blobs, WorkerRule(lease_seconds=5.0))
    await database.close()
