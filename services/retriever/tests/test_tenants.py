"""Two tenants with the same words never see each other, with either of the two walls alone."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np
import pytest

from bus import Refused
from contracts.v1.documents import ListPassages, RollbackDocument
from contracts.v1.knowledge import SearchFilter
from postgres import Database, Queries
from retriever.candidate_vectors import CandidateVectors
from retriever.index_types import Around

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

WORDS = ["The secret recipe has three eggs.", "The secret price is nine euro."]
TENANT_FILTER = re.compile(r"(\w+\.)?tenant_id (=|is not distinct from) \$1::uuid")
TABLES = (
    "tenants",
    "collections",
    "documents",
    "document_versions",
    "stored_batches",
    "passages",
    "vectors",
    "postings",
    "document_properties",
    "segments",
    "segment_pages",
)


class Unfiltered:
    """The service's queries with every tenant filter taken out."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def __getitem__(self, name: str) -> str:
        return TENANT_FILTER.sub("$1::uuid is not null", self._queries[name])


async def ask_everything(index: Any, tenant: Any) -> set[str]:
    outcome = await index.find(tenant, "secret recipe price eggs euro", 20)
    return {f"{found.passage.document_id}" for found in outcome.found}


async def refuse_everything(index: Any, tenant: Any, theirs: Any) -> None:
    """Another tenant's vocabulary, filters and documents are nothing to this one."""
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "secret")
        assert await index.index.near_terms(tx, scope, "english", "reciqe", 2) == []
        known = await index.index.known_terms(tx, scope, "english", ["secret", "recip"])
        assert known == {"secret": 0, "recip": 0}
        only = SearchFilter(
            document_ids=[theirs],
            kinds=None,
            tags_any=None,
            tags_all=None,
            metadata=None,
            languages=None,
        )
        filtered = await index.index.scope(tx, tenant, "secret", only)
        assert (filtered.passages, filtered.documents) == (0, scope.documents)
        around = [Around(key, 1, 0, 9, "ordinal") for key in range(1, 9)]
        beside = await index.index.read_siblings(tx, scope, around)
        assert not any(beside.by_key.values())
        assert await index.index.read_passages(tx, scope, list(range(1, 9))) == {}
    listing = ListPassages.make(tenant_id=tenant, document_id=theirs, from_ordinal=0, limit=9)
    with pytest.raises(Refused):
        await index.handlers.list_passages(listing)
    rollback = RollbackDocument.make(tenant_id=tenant, document_id=theirs, document_version=None)
    with pytest.raises(Refused):
        await index.handlers.rollback_document(rollback)


async def test_both_walls(index: Any) -> None:
    one, other = uuid4(), uuid4()
    mine, theirs = await index.add(one, WORDS), await index.add(other, WORDS)
    assert await ask_everything(index, one) == {str(mine)}
    assert await ask_everything(index, other) == {str(theirs)}


async def test_each_wall_alone_hides_vocabulary_filters_and_documents(
    index: Any, service_database: Callable[..., Any]
) -> None:
    one, other = uuid4(), uuid4()
    theirs = await index.add(other, WORDS)
    await index.add(other, WORDS, document_id=theirs, version=2)
    await refuse_everything(index, one, theirs)
    await set_walls(index.database, service_database, "disable")
    await refuse_everything(index, one, theirs)
    await set_walls(index.database, service_database, "enable")
    index.index._sql = Unfiltered(index.index._sql)
    index.store._sql = Unfiltered(index.store._sql)
    await refuse_everything(index, one, theirs)


async def test_row_level_security_holds_without_the_filters(index: Any) -> None:
    one, other = uuid4(), uuid4()
    mine, theirs = await index.add(one, WORDS), await index.add(other, WORDS)
    index.index._sql = Unfiltered(index.index._sql)
    index.search._stored._sql = Unfiltered(index.search._stored._sql)
    for name in ("read_state", "read_passages", "search_vectors_exactly"):
        assert not re.search(r"tenant_id (=|is)", index.index.sql(name)), name
    assert await ask_everything(index, one) == {str(mine)}
    assert await ask_everything(index, other) == {str(theirs)}


async def test_the_filters_hold_without_row_level_security(
    index: Any, service_database: Callable[..., Any]
) -> None:
    one, other = uuid4(), uuid4()
    mine, theirs = await index.add(one, WORDS), await index.add(other, WORDS)
    await set_walls(index.database, service_database, "disable")
    async with index.database.transaction(one) as tx:
        assert await tx.fetchval("select count(*) from passages") == 4
    assert await ask_everything(index, one) == {str(mine)}
    assert await ask_everything(index, other) == {str(theirs)}


async def test_a_vector_is_read_once_and_for_its_tenant_alone(index: Any) -> None:
    one, other = uuid4(), uuid4()
    await index.add(one, WORDS)
    stored, nowhere = CandidateVectors(), None
    async with index.database.transaction(one) as tx:
        keys = [row["passage_key"] for row in await tx.fetch("select passage_key from passages")]
        first = await stored.read(tx, one, keys)
    assert len(first) == len(WORDS)
    assert await stored.read(nowhere, one, keys) == first
    async with index.database.transaction(other) as tx:
        assert await stored.read(tx, other, keys) == {}


async def set_walls(database: Database, service_database: Callable[..., Any], verb: str) -> None:
    admin_url = service_database("retriever").admin_url
    name = database.dsn.rpartition("/")[2]
    admin = await asyncpg.connect(admin_url.rpartition("/")[0] + f"/{name}")
    for table in TABLES:
        await admin.execute(f"alter table {table} {verb} row level security")
    await admin.close()


async def test_every_table_is_behind_a_forced_wall(index: Any) -> None:
    async with index.database.system() as tx:
        rows = await tx.fetch(
            """
            select relname, relrowsecurity and relforcerowsecurity as walled
            from pg_class
            where relkind = 'r' and relnamespace = 'public'::regnamespace
                and exists (select from pg_attribute
                            where attrelid = pg_class.oid and attname = 'tenant_id')
            """
        )
    assert {row["relname"] for row in rows} == set(TABLES)
    assert all(row["walled"] for row in rows)


async def test_without_a_tenant_nothing_is_there(index: Any) -> None:
    await index.add(uuid4(), WORDS)
    connection = await asyncpg.connect(index.database.dsn)
    assert await connection.fetchval("select count(*) from passages") == 0
    await connection.close()


async def test_a_small_tenant_beside_a_big_one_finds_what_is_nearest(
    index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recall of the vector leg, for the small tenant (exact) and the big one (HNSW)."""
    monkeypatch.setattr("retriever.vector_plan.EXACT_PASSAGES_MAX", 500)
    monkeypatch.setattr("retriever.vector_plan._COMPARED", 1_000)
    rng = np.random.default_rng(7)
    sizes = {uuid4(): 1_600, uuid4(): 60}
    vectors = {
        tenant: _unit(rng.standard_normal((size, 384)).astype("<f4"))
        for tenant, size in sizes.items()
    }
    for tenant, size in sizes.items():
        await index.add(
            tenant, [f"passage {n}" for n in range(size)], vectors=list(vectors[tenant])
        )
    for tenant, own in vectors.items():
        recall = [
            await _recall(index, tenant, own, question)
            for question in _unit(rng.standard_normal((20, 384)).astype("<f4"))
        ]
        assert np.mean(recall) >= 0.98, sizes[tenant]


async def test_the_big_tenant_goes_through_the_index_and_the_small_one_does_not(
    index: Any,
) -> None:
    tenant = uuid4()
    await index.add(tenant, [f"passage {n} of many" for n in range(64)])
    vector = np.ones(384, dtype="<f4").tolist()
    plans = {}
    async with index.database.transaction(tenant) as tx:
        exact = index.index.sql("search_vectors_exactly")
        plans["exact"] = await _plan(tx, exact, tenant, vector)
        await tx.fetchrow(index.index.sql("scan_on"), "100", "20000")
        plans["near"] = await _plan(tx, index.index.near_statement(384), tenant, vector)
    assert "vectors_near_384" in plans["near"]
    assert "vectors_near_384" not in plans["exact"]


async def _plan(tx: Any, sql: str, tenant: Any, vector: list[float]) -> str:
    rows = await tx.fetch(f"explain {sql}", tenant, vector, 10, 384, [])
    return "\n".join(row[0] for row in rows)


async def _recall(index: Any, tenant: Any, own: np.ndarray, question: np.ndarray) -> float:
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "nothing")
        near = await index.index.search_vectors(tx, scope, scope.groups[0], question.tolist(), 10)
        rows = await tx.fetch(
            "select passage_key, ordinal from passages where passage_key = any ($1::bigint[])",
            [hit.key for hit in near.hits],
        )
    best = set(np.argsort(-(own @ question))[:10].tolist())
    return len(best & {row["ordinal"] for row in rows}) / 10


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
