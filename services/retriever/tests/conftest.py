"""Index making for the retriever's tests: passages with vectors that a test can foresee."""

import base64
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4, uuid5

import numpy as np
import pytest
import pytest_asyncio

from bus import AskTimeout
from contracts.v1.documents import DocumentConfigured, EmbeddedPassage, PassagesEmbedded
from contracts.v1.models import EmbedTexts, PassagesRanked, RankPassages, TextsEmbedded
from postgres import Database
from retriever.cleaning import Cleaner
from retriever.found import SearchOutcome
from retriever.handlers import Handlers
from retriever.index import Index as SearchIndex
from retriever.index_types import StoredPassage, TenantSearch
from retriever.question_vector import Embedder
from retriever.reranking import RankingModel
from retriever.search import Search
from retriever.search_plan import Wish
from retriever.segment import Page
from retriever.store import Store
from retriever.upkeep import Upkeep

MODEL = "test/words"
DIMENSIONS = 384
BATCH = 16


def words_vector(text: str) -> np.ndarray:
    """A bag of words thrown onto 384 places: texts that share words are near each other."""
    vector = np.zeros(DIMENSIONS, dtype="<f4")
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        vector += rng.standard_normal(DIMENSIONS).astype("<f4")
    length = float(np.linalg.norm(vector))
    return vector / length if length else np.full(DIMENSIONS, DIMENSIONS**-0.5, dtype="<f4")


def on_wire(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def embed_passages(
    tenant_id: UUID,
    document_id: UUID,
    version: int,
    texts: Sequence[str],
    *,
    title: str = "Handbook",
    language: str = "en",
    vectors: Sequence[np.ndarray] | None = None,
    model: str = MODEL,
    spans: Sequence[tuple[int, int]] | None = None,
    parents: Sequence[tuple[int, int]] | None = None,
) -> list[PassagesEmbedded]:
    """All the batches that rag-indexer would say of one document version."""
    chosen = vectors if vectors is not None else [words_vector(text) for text in texts]
    passages = [
        EmbeddedPassage(
            passage_id=uuid5(document_id, f"{version}:{ordinal}"),
            ordinal=ordinal,
            text=text,
            page=ordinal + 1,
            heading=None,
            start_offset=spans[ordinal][0] if spans else 0,
            end_offset=spans[ordinal][1] if spans else len(text),
            token_count=max(1, len(text.split())),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            vector=on_wire(vector),
            parent_start=parents[ordinal][0] if parents else None,
            parent_end=parents[ordinal][1] if parents else None,
        )
        for ordinal, (text, vector) in enumerate(zip(texts, chosen, strict=True))
    ]
    groups = [passages[place : place + BATCH] for place in range(0, len(passages), BATCH)]
    return [
        PassagesEmbedded.make(
            tenant_id=tenant_id,
            correlation_id=document_id,
            document_id=document_id,
            document_version=version,
            title=title,
            language=language,
            embedding_model=model,
            dimensions=len(chosen[0]),
            batch=number,
            batches=len(groups),
            passages_total=len(passages),
            passages=group,
        )
        for number, group in enumerate(groups, start=1)
    ]


class WordsOutbox:
    """An outbox that only opens transactions and keeps what is said."""

    def __init__(self, database: Database) -> None:
        self.transaction = database.transaction
        self.said: list[Any] = []

    async def say(self, tx: object, *messages: Any, delay_seconds: float = 0) -> None:
        self.said.extend(messages)


class WordsBus:
    """Answers with word vectors; `away` makes it silent as a stopped llm-router is."""

    def __init__(self) -> None:
        self.away: Exception | None = None
        self.model = MODEL
        self.vector: Callable[[str], np.ndarray] = words_vector
        self.asked: list[EmbedTexts] = []
        self.vector_of: dict[str, Callable[[str], np.ndarray]] = {}
        self.without: dict[str, Exception] = {}
        self.rank: Callable[[RankPassages], list[float]] | None = None

    async def ask(self, request: Any, *, timeout_seconds: float) -> Any:
        if isinstance(request, RankPassages):
            return self._ranked(request)
        self.asked.append(request)
        if self.away:
            raise self.away
        if request.model in self.without:
            raise self.without[request.model]
        vector = self.vector_of.get(request.model or "", self.vector)
        vectors = [vector(text) for text in request.texts]
        return TextsEmbedded(
            model=request.model or self.model,
            dimensions=len(vectors[0]),
            vectors=[on_wire(vector) for vector in vectors],
            tokens=1,
            cost_usd=None,
        )

    def _ranked(self, request: RankPassages) -> PassagesRanked:
        if self.rank is None:
            raise AskTimeout(request.address, 1)
        scores = self.rank(request)
        return PassagesRanked(model=request.model, scores=scores, tokens=1, cost_usd=None)


class Index:
    """The retriever without a broker: its handlers over a real database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.bus = WordsBus()
        self.outbox = WordsOutbox(database)
        self.store = Store()
        embedder = Embedder(self.bus, timeout_seconds=1, pause_seconds=0)  # type: ignore[arg-type]
        self.index = SearchIndex()
        ranking_model = RankingModel(self.bus, timeout_seconds=1)  # type: ignore[arg-type]
        self.search = Search(database, self.index, embedder, ranking_model)
        self.upkeep = Upkeep(self.store)
        self.cleaner = Cleaner(database, self.upkeep)
        self.handlers = Handlers(self.outbox, self.store, self.search, self.cleaner)  # type: ignore[arg-type]

    async def hear(self, batch: PassagesEmbedded) -> None:
        async with self.database.transaction(batch.tenant_id) as tx:
            await self.handlers.passages_embedded(batch, tx)

    async def add(
        self, tenant_id: UUID, texts: Sequence[str], *, version: int = 1, **details: Any
    ) -> UUID:
        document_id: UUID = details.pop("document_id", None) or uuid4()
        for batch in embed_passages(tenant_id, document_id, version, texts, **details):
            await self.hear(batch)
        return document_id

    async def find(
        self, tenant_id: UUID, question: str, limit: int = 5, **others: Any
    ) -> SearchOutcome:
        return await self.search.find(uuid4(), tenant_id, Wish(question, limit, **others))

    async def configure(
        self, tenant_id: UUID, document_id: UUID, revision: int, **chosen: Any
    ) -> None:
        """What gateway says when a tenant changed a document's properties."""
        usual: dict[str, Any] = {
            "enabled": True,
            "expires_at": None,
            "tags": [],
            "metadata": [],
            "chunking": None,
            "external_id": None,
            "document_kind": "file",
            "source_url": None,
        }
        message = DocumentConfigured.make(
            tenant_id=tenant_id, document_id=document_id, revision=revision, **{**usual, **chosen}
        )
        async with self.database.transaction(tenant_id) as tx:
            await self.handlers.document_configured(message, tx)

    async def choose(self, tenant_id: UUID, **chosen: Any) -> None:
        """How a tenant wants to be searched."""
        async with self.database.transaction(tenant_id) as tx:
            await self.store.keep_tenant(tx, tenant_id, time.time_ns(), TenantSearch(**chosen))

    async def words(self, tenant_id: UUID, question: str) -> Any:
        """The keyword leg alone, with its scope."""
        async with self.database.transaction(tenant_id) as tx:
            scope = await self.index.scope(tx, tenant_id, question)
            return scope, await self.index.search_words(tx, scope)

    async def stored_terms(self, tx: Any) -> set[str]:
        """Every term of every segment that is in use."""
        pages = await tx.fetch(
            "select data from segment_pages join segments using (segment_id)"
            " where replaced_at is null"
        )
        return {term for row in pages for term in Page(row["data"]).terms}

    async def texts(self, tenant_id: UUID, question: str, limit: int = 5) -> list[str]:
        outcome = await self.find(tenant_id, question, limit)
        return [found.passage.text for found in outcome.found]


@pytest_asyncio.fixture
async def index(service_database: Callable[..., Any]) -> AsyncIterator[Index]:
    """An empty index in a fresh database."""
    database = await Database.connect(service_database("retriever").url, name="retriever-test")
    yield Index(database)
    await database.close()


@pytest.fixture
def batches_of() -> Callable[..., list[PassagesEmbedded]]:
    """Gives the batches of a document version."""
    return embed_passages


@pytest.fixture
def words_bus() -> WordsBus:
    """Word vectors for questions, as llm-router would give them."""
    return WordsBus()


@pytest.fixture
def make_passage() -> Callable[..., StoredPassage]:
    """`make_passage(7, "words", page=2)`: a stored passage."""
    return _passage


def _passage(key: int, text: str, **others: object) -> StoredPassage:
    fields: dict[str, object] = {
        "key": key,
        "passage_id": None,
        "document_id": None,
        "document_version": 1,
        "version_id": 1,
        "title": "T",
        "ordinal": key,
        "page": None,
        "heading": None,
        "text": text,
        "start_offset": 0,
        "end_offset": len(text),
        "token_count": 1,
        "parent_start": None,
        "parent_end": None,
        "document_kind": "file",
        "source_url": None,
        "revision": 1,
    }
    return StoredPassage(**(fields | others))  # type: ignore[arg-type]
