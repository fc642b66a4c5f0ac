"""Words as rows, as segments, as merged segments: the ranking is the same, to the last bit."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from contracts.v1.documents import DocumentRemoved
from retriever.index import Index as SearchIndex

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

WORDS = ["bridge", "river", "stone", "arch", "boat", "water", "tower", "gate", "road", "wall"]
QUESTION = "stone bridges over the water by the gates, bridge"

# As the version of the service before segments stored words.
AS_ROWS = """
insert into postings
    (tenant_id, configuration, term, passage_key, version_id, frequency, length)
select passages.tenant_id, configuration, lexeme, passage_key, version_id,
       cardinality(positions),
       sum(cardinality(positions)) over (partition by passage_key)
from passages
join document_versions using (version_id)
cross join lateral unnest(to_tsvector(
    configuration::regconfig, concat_ws(E'\\n', title, heading, text)))
where passages.tenant_id = $1::uuid and document_id = any ($2::uuid[])
"""


def some_text(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, int(rng.integers(3, 12))))


async def many_documents(index: Any, tenant: UUID, count: int = 12) -> list[UUID]:
    rng = np.random.default_rng(1)
    return [
        await index.add(tenant, [some_text(rng) for _ in range(3)], title="") for _ in range(count)
    ]


async def ranking(index: Any, tenant: UUID) -> Any:
    _, words = await index.words(tenant, QUESTION)
    assert words.hits
    return words.hits, words.terms


async def segments_of(index: Any, tenant: UUID) -> int:
    async with index.database.transaction(tenant) as tx:
        count: int = await tx.fetchval("select count(*) from segments where replaced_at is null")
        return count


async def make_rows_of(index: Any, tenant: UUID, documents: list[UUID]) -> None:
    """As if the service before this one had stored them."""
    async with index.database.transaction(tenant) as tx:
        await tx.execute(AS_ROWS, tenant, documents)
        await tx.execute(
            "delete from segments where versions && array("
            " select version_id from document_versions where document_id = any ($1::uuid[]))",
            documents,
        )
        await tx.execute("update collections set revision = revision + 1")


@pytest.mark.parametrize("left", [0, 5])
async def test_words_that_are_rows_rank_the_same_before_while_and_after_they_are_packed(
    index: Any, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr("retriever.upkeep._ROWS_PASSAGES", 2)
    tenant = uuid4()
    documents = await many_documents(index, tenant)
    before = await ranking(index, tenant)
    await make_rows_of(index, tenant, documents[left:])
    assert await segments_of(index, tenant) == left
    assert await ranking(index, tenant) == before
    pieces = 0
    more = True
    while more:
        async with index.database.system() as tx:
            more = await index.upkeep.pack_rows(tx)
        assert await ranking(index, tenant) == before
        pieces += 1
    assert pieces > len(documents[left:])
    async with index.database.system() as tx:
        assert await tx.fetchval("select count(*) from postings") == 0
        assert await tx.fetchval("select count(*) from document_versions where rows_left") == 0


async def test_rows_of_a_disabled_document_are_not_searched(index: Any) -> None:
    tenant = uuid4()
    documents = await many_documents(index, tenant, 2)
    await make_rows_of(index, tenant, documents)
    await index.configure(tenant, documents[0], 1, enabled=False)
    hits, _ = await ranking(index, tenant)
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, QUESTION)
        read = await index.index.read_passages(tx, scope, [hit.key for hit in hits])
    assert {one.document_id for one in read.values()} == {documents[1]}


async def test_many_small_segments_become_few_and_rank_the_same(index: Any) -> None:
    tenant = uuid4()
    documents = await many_documents(index, tenant, 21)
    assert await segments_of(index, tenant) == 21
    before = await ranking(index, tenant)
    while await index.cleaner.clean_piece():
        assert await ranking(index, tenant) == before
    assert await segments_of(index, tenant) < 4
    assert await ranking(index, tenant) == before
    for document in documents[:15]:
        async with index.database.transaction(tenant) as tx:
            await index.handlers.document_removed(
                DocumentRemoved.make(tenant_id=tenant, document_id=document), tx
            )
    fewer = await ranking(index, tenant)
    while await index.cleaner.clean_piece():
        assert await ranking(index, tenant) == fewer
    async with index.database.system() as tx:
        packed = await tx.fetchval("select sum(passages) from segments where replaced_at is null")
        assert packed == 18


async def test_a_search_without_memory_finds_the_same(index: Any) -> None:
    """What does not fit into the cache is read anew, and never taken for absent."""
    tenant = uuid4()
    await many_documents(index, tenant)
    before = await ranking(index, tenant)
    index.index = SearchIndex(cache_bytes=1)
    found = await asyncio.gather(*(ranking(index, tenant) for _ in range(4)))
    assert all(one == before for one in found)


async def test_segments_that_vanish_under_a_search_send_it_back(index: Any) -> None:
    """Replaced segments are kept a minute; a search that was paused longer begins anew."""
    tenant = uuid4()
    await many_documents(index, tenant)
    before = await ranking(index, tenant)
    index.index = SearchIndex()
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, QUESTION)
    while await index.cleaner.clean_piece():
        continue
    async with index.database.system() as tx:
        await tx.execute("delete from segments where replaced_at is not null")
    async with index.database.transaction(tenant) as tx:
        words = await index.index.search_words(tx, scope)
    assert words.revision != scope.revision
    assert await ranking(index, tenant) == before


async def test_two_processes_do_not_merge_the_same_segments(index: Any) -> None:
    tenant = uuid4()
    await many_documents(index, tenant, 8)
    before = await ranking(index, tenant)

    async def merge() -> bool:
        async with index.database.system() as tx:
            merged: bool = await index.upkeep.merge_piece(tx)
            return merged

    assert sum(await asyncio.gather(merge(), merge())) == 1
    assert await ranking(index, tenant) == before


async def test_old_batches_and_new_ones_of_one_version_are_both_searched(
    index: Any, batches_of: Any
) -> None:
    """While the service is replaced, a version can have words of both kinds."""
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"bridge number {n}" for n in range(40)], title="")
    await index.hear(batches[0])
    async with index.database.transaction(tenant) as tx:
        await tx.execute(AS_ROWS, tenant, [document])
        await tx.execute("delete from segments")
        assert await tx.fetchval("select rows_left from document_versions")
    for batch in batches[1:]:
        await index.hear(batch)
    _, words = await index.words(tenant, "bridge")
    assert len(words.hits) == 40
    assert [term.passages for term in words.terms] == [40]
