"""Hybrid search beside its own vector leg, plain pgvector, GIN ranking and LangChain.

`CHAT_BENCH_PASSAGES=1000000` measures ten times as many; `CHAT_BENCH_ROWS=1` also measures the
postings as rows that the packed ones took the place of.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import numpy as np
import pytest
from report import ratio, write_section
from search_data import MODEL, NAMESPACE, Passage, Question, passages_of, sources, tenants_of
from search_rivals import GIN_OR, PLAIN, ROWS, LangChain, make_rivals, make_rows
from search_server import connect_admin, load, pack_words, start_server

from contracts.v1.models import EmbedTexts, TextsEmbedded
from postgres import Database
from retriever.index import Index
from retriever.question_vector import Embedder
from retriever.reranking import RankingModel
from retriever.search import Search
from retriever.search_plan import Wish
from testkit.service_databases import ServiceDatabases

PASSAGES = int(os.environ.get("CHAT_BENCH_PASSAGES", "100000"))
WITH_ROWS = os.environ.get("CHAT_BENCH_ROWS") == "1"
WARMED = 60
SLOW_QUESTIONS = 12
TURNS = 3
ALIKE_PASSAGES = 5_000
Timed = Callable[[UUID, Question], Awaitable[float]]

pytestmark = pytest.mark.timeout(7_200)


class QuestionBus:
    """Stands for llm-router: the vector of each question is known and costs nothing."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._vectors = {one.text: one.vector for one in questions}

    async def ask(self, request: EmbedTexts, *, timeout_seconds: float) -> TextsEmbedded:
        import base64

        vectors = [self._vectors[text].astype("<f4").tobytes() for text in request.texts]
        return TextsEmbedded(
            model=MODEL,
            dimensions=384,
            vectors=[base64.b64encode(vector).decode() for vector in vectors],
            tokens=1,
            cost_usd=None,
        )


@dataclass
class Field:
    """Everything that searches the same passages."""

    admin: Any
    database: Database
    index: Index
    search: Search
    langchain: LangChain
    questions: list[Question]
    tenants: dict[UUID, int]
    vectors: dict[UUID, np.ndarray]
    keys: dict[UUID, np.ndarray]
    one_document: UUID
    many_documents: UUID
    built: dict[str, float]


@pytest.fixture
async def field() -> AsyncIterator[Field]:
    given = sources()
    folder = Path(tempfile.mkdtemp(prefix="chat-bench-search-"))
    server = await asyncio.to_thread(start_server, folder)
    databases = ServiceDatabases(server.url())
    try:
        made = await asyncio.to_thread(databases.fresh, "outbox", "retriever")
        admin_url = server.url(made.name)
        admin = await connect_admin(admin_url)
        running = await _fill(given, made.url, admin_url, admin)
        yield running
        running.langchain.close()
        await running.database.close()
        await admin.close()
    finally:
        await asyncio.to_thread(server.forget)
        shutil.rmtree(folder, ignore_errors=True)


async def _fill(given: Any, url: str, admin_url: str, admin: Any) -> Field:
    tenants = tenants_of(PASSAGES)
    documents = list(passages_of(given, tenants))
    one, many = uuid5(NAMESPACE, "one"), uuid5(NAMESPACE, "many")
    alike = [passage for document in documents for passage in document][:ALIKE_PASSAGES]
    documents.append([Passage(one, passage.text, passage.vector) for passage in alike])
    documents += [[Passage(many, passage.text, passage.vector)] for passage in alike]
    database = await Database.connect(url, name="bench", size_max=4)
    built = {"hnsw_seconds": await load(admin, documents)}
    built["words_seconds"] = await pack_words(admin, database, [*tenants, one, many])
    for name, tables in (
        ("words_bytes", ("segments", "segment_pages")),
        ("vector_bytes", ("vectors",)),
    ):
        built[name] = sum(
            [await admin.fetchval("select pg_total_relation_size($1::text::regclass)", table)
             for table in tables]
        )  # fmt: skip
    built["hnsw_bytes"] = await admin.fetchval("select pg_relation_size('vectors_near_384')")
    await make_rivals(admin)
    if WITH_ROWS:
        await make_rows(admin, _three(tenants))
    vectors, keys, key = {}, {}, 0
    for tenant_id, count in tenants.items():
        keys[tenant_id] = np.arange(key + 1, key + count + 1)
        key += count
    flat = np.array([passage.vector for document in documents for passage in document][:key])
    for tenant_id, own in keys.items():
        vectors[tenant_id] = flat[own - 1]
    bus: Any = QuestionBus(given.questions)
    index = Index()
    search = Search(
        database,
        index,
        Embedder(bus, timeout_seconds=1, pause_seconds=0),
        RankingModel(bus, timeout_seconds=1),
    )
    langchain = await asyncio.to_thread(LangChain, admin_url)
    return Field(
        admin, database, index, search, langchain, given.questions, tenants, vectors, keys,
        one, many, built,
    )  # fmt: skip


def _three(tenants: dict[UUID, int]) -> list[UUID]:
    return list(tenants)[:3]


async def test_search(field: Field) -> None:
    ways: dict[str, Timed] = {
        "**hybrid search, whole**": lambda t, q: _hybrid(field, t, q),
        "its keyword leg": lambda t, q: _words(field, t, q),
        "its vector leg": lambda t, q: _vectors(field, t, q),
        "pgvector alone, filter afterwards": lambda t, q: _statement(field, PLAIN, t, q.vector),
    }
    slow: dict[str, Timed] = {
        "GIN, OR query, ts_rank": lambda t, q: _statement(field, GIN_OR, t, q.text)
    }
    if not field.langchain.why_not:
        slow["LangChain PGVectorStore, hybrid"] = lambda t, q: asyncio.to_thread(
            field.langchain.ask, t, q
        )
    if WITH_ROWS:
        ways["postings as rows in SQL"] = lambda t, q: _statement(field, ROWS, t, q.text)
    three = _three(field.tenants)
    for question in field.questions[:WARMED]:
        for tenant_id in three:
            for way in ways.values():
                await way(tenant_id, question)
    measured = await _measure({**ways, **slow}, slow, three, field.questions[WARMED:])
    recall = {
        name: [await _recall(field, name, tenant_id) for tenant_id in three]
        for name in ("its vector leg", "pgvector alone, filter afterwards")
    }
    alike = await _measure(
        {"hybrid": ways["**hybrid search, whole**"], "words": ways["its keyword leg"]},
        {},
        [field.one_document, field.many_documents],
        field.questions,
    )
    _report(field, measured, recall, alike)
    leg = recall["its vector leg"]
    assert min(leg) >= 0.98, leg


async def _measure(
    ways: dict[str, Timed],
    slow: dict[str, Timed],
    tenants: Sequence[UUID],
    questions: Sequence[Question],
) -> dict[str, list[list[float]]]:
    """Milliseconds of every way for every tenant; the ways take turns, question by question.

    The best of a few tries counts: the machine is shared, and what others do is no part of it.
    """
    measured: dict[str, list[list[float]]] = {name: [[] for _ in tenants] for name in ways}
    for number, question in enumerate(questions):
        for place, tenant_id in enumerate(tenants):
            for name, way in ways.items():
                if name not in slow:
                    turns = [await way(tenant_id, question) for _ in range(TURNS)]
                    measured[name][place].append(min(turns))
                elif number < SLOW_QUESTIONS:
                    measured[name][place].append(await way(tenant_id, question))
    return measured


async def _hybrid(field: Field, tenant_id: UUID, question: Question) -> float:
    started = time.perf_counter()
    outcome = await field.search.find(uuid4(), tenant_id, Wish(question.text, 5))
    assert not outcome.degraded
    return (time.perf_counter() - started) * 1000


async def _words(field: Field, tenant_id: UUID, question: Question) -> float:
    started = time.perf_counter()
    async with field.database.transaction(tenant_id) as tx:
        scope = await field.index.scope(tx, tenant_id, question.text)
        await field.index.search_words(tx, scope)
    return (time.perf_counter() - started) * 1000


async def _vectors(field: Field, tenant_id: UUID, question: Question) -> float:
    async with field.database.transaction(tenant_id) as tx:
        scope = await field.index.scope(tx, tenant_id, "")
    started = time.perf_counter()
    async with field.database.transaction(tenant_id) as tx:
        await field.index.search_vectors(tx, scope, scope.groups[0], question.vector.tolist())
    return (time.perf_counter() - started) * 1000


async def _statement(field: Field, sql: str, tenant_id: UUID, asked: Any) -> float:
    given = asked if isinstance(asked, str) else asked.tolist()
    started = time.perf_counter()
    await field.admin.fetch(sql, tenant_id, given)
    return (time.perf_counter() - started) * 1000


async def _recall(field: Field, name: str, tenant_id: UUID) -> float:
    """Of the ten nearest passages, how many are among the first ten found."""
    shares = []
    for question in field.questions:
        if name == "its vector leg":
            async with field.database.transaction(tenant_id) as tx:
                scope = await field.index.scope(tx, tenant_id, "")
                found = await field.index.search_vectors(
                    tx, scope, scope.groups[0], question.vector.tolist()
                )
            keys = {hit.key for hit in found.hits[:10]}
        else:
            rows = await field.admin.fetch(PLAIN, tenant_id, question.vector.tolist())
            keys = {row["passage_key"] for row in rows}
        nearest = np.argsort(-(field.vectors[tenant_id] @ question.vector))[:10]
        shares.append(len(keys & set(field.keys[tenant_id][nearest].tolist())) / 10)
    return float(np.mean(shares))


def _report(
    field: Field,
    measured: dict[str, list[list[float]]],
    recall: dict[str, list[float]],
    alike: dict[str, list[list[float]]],
) -> None:
    sizes = [field.tenants[tenant_id] for tenant_id in _three(field.tenants)]
    rows = [
        [name, *(_both(times) for times in own), _recalls(recall.get(name))]
        for name, own in measured.items()
    ]
    middle = {name: [float(np.median(times)) for times in own] for name, own in measured.items()}
    hybrid = middle["**hybrid search, whole**"]
    for name, other in middle.items():
        if name != "**hybrid search, whole**":
            compared = middle["its keyword leg"] if "GIN" in name or "rows" in name else hybrid
            what = "keyword leg" if compared is not hybrid else "hybrid"
            cells = [ratio(a, b) for a, b in zip(other, compared, strict=True)]
            rows.append([f"{name} : {what}", *cells, ""])
    write_section(
        f"Search among {PASSAGES:,} passages",
        _prose(field, alike),
        ["p50 / p95, ms", *(f"tenant of {size:,}" for size in sizes), "recall@10"],
        rows,
    )


def _both(times: Sequence[float]) -> str:
    return f"{np.percentile(times, 50):.1f} / {np.percentile(times, 95):.1f}"


def _recalls(shares: Sequence[float] | None) -> str:
    return " / ".join(f"{share:.3f}" for share in shares) if shares else ""


def _prose(field: Field, alike: dict[str, list[list[float]]]) -> str:
    built = field.built
    scale = 100_000 / (PASSAGES + 2 * ALIKE_PASSAGES)
    one, many = (_both(times) for times in alike["hybrid"])
    one_words, many_words = (_both(times) for times in alike["words"])
    why_not = field.langchain.why_not
    missing = f" LangChain was left out: {why_not}." if why_not else ""
    mebibytes = {name: size * scale / 2**20 for name, size in built.items()}
    return f"""
Passages of 780 characters made of sentences of two real abstracts each, vectors the mixtures of
their real ones; {len(field.questions) - WARMED} real questions after {WARMED} others that warmed
the caches, the best of {TURNS} tries each, and {SLOW_QUESTIONS} questions once for the slow ways;
one connection each, the ways in turns, question by question. The question's vector is given. Both
hybrids take 100 candidates of each leg.{missing}

For 100,000 passages: HNSW index {built["hnsw_seconds"] * scale:.0f} s and
{mebibytes["hnsw_bytes"]:.0f} MiB, vectors with it {mebibytes["vector_bytes"]:.0f} MiB; words
stemmed, packed and merged in {built["words_seconds"] * scale:.0f} s,
{mebibytes["words_bytes"]:.0f} MiB.

A tenant with {ALIKE_PASSAGES:,} passages in one document: {one} ms (keyword leg {one_words}); the
same passages as {ALIKE_PASSAGES:,} documents: {many} ms (keyword leg {many_words}).
"""
