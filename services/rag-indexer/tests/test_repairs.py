"""What does not go on by itself is set going; all documents are redone a few at a time."""

from typing import Any

import pytest

from bus import AskFailed
from contracts.v1.documents import ReindexTenant
from rag_indexer.domain import SILENT_INDEX

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")


async def age(indexer: Any, table: str, column: str, hours: float) -> None:
    await indexer.execute(
        f"update {table} set {column} = {column} - make_interval(secs => {hours * 3600})"
    )


async def test_a_silent_index_is_told_again_with_kept_vectors(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    asked = len(indexer.router.asked)
    assert await indexer.reconciler.repair() == 0
    await age(indexer, "jobs", "said_at", 2)
    assert await indexer.reconciler.repair() == 1
    await indexer.work()
    first, again = indexer.batches()
    assert first.message_id != again.message_id
    assert first.passages == again.passages
    assert len(indexer.router.asked) == asked
    await indexer.confirm(document_id)
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.passages) == ("ready", 1)
    assert await indexer.reconciler.repair() == 0


async def test_it_is_told_again_soon_if_the_index_works(indexer: Any) -> None:
    lost = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.ready(b"Other words that were said later.")
    await age(indexer, "jobs", "said_at", 0.2)
    assert await indexer.reconciler.repair() == 1
    await indexer.work()
    await indexer.confirm(lost)
    assert (await indexer.document(lost)).stage == "ready"


async def test_an_index_that_stays_silent_ends_with_a_reason(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.execute("update jobs set repeats = 5")
    await age(indexer, "jobs", "said_at", 2)
    assert await indexer.reconciler.repair() == 1
    failed = await indexer.document(document_id)
    assert (failed.stage, failed.detail) == ("failed", SILENT_INDEX)


async def test_what_was_confirmed_meanwhile_is_not_given_up(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.execute("update jobs set repeats = 5")
    await age(indexer, "jobs", "said_at", 2)
    found = indexer.reconciler._repairs.given_up

    async def confirmed_meanwhile(*given: Any, **rule: Any) -> Any:
        hopeless = await found(*given, **rule)
        await indexer.confirm(document_id)
        return hopeless

    indexer.reconciler._repairs.given_up = confirmed_meanwhile
    await indexer.reconciler.repair()
    assert (await indexer.document(document_id)).stage == "ready"


async def test_passages_that_were_lost_are_made_again(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.execute("delete from chunks")
    await age(indexer, "jobs", "said_at", 2)
    await indexer.reconciler.repair()
    await indexer.work()
    assert [one.document_version for one in indexer.batches()] == [1, 2]
    await indexer.confirm(document_id)
    assert (await indexer.document(document_id)).document_version == 2


async def test_failures_of_the_platform_are_tried_again_and_others_are_not(indexer: Any) -> None:
    ours = await indexer.upload(b"Some words.")
    theirs = await indexer.upload(b"%PDF-1.4 and no more", "a.pdf")
    indexer.router.failure, indexer.router.answers_left = AskFailed("not_authorised", "401"), 1
    await indexer.work()
    assert (await indexer.document(ours)).code == "embedding_refused"
    indexer.router.answers_left = None
    assert await indexer.reconciler.repair() == 0
    await age(indexer, "jobs", "failed_at", 1)
    assert await indexer.reconciler.repair() == 1
    await indexer.work()
    await indexer.confirm(ours)
    assert (await indexer.document(ours)).stage == "ready"
    assert (await indexer.document(theirs)).code == "corrupt_document"


@pytest.mark.parametrize(
    ("broken", "stage"),
    [
        ("update documents set stage = 'embedding'", "ready"),
        ("update jobs set state = 'failed', code = 'timeout'", "failed"),
        ("update jobs set state = 'said'", "storing"),
        ("delete from jobs", "queued"),
    ],
)
async def test_a_document_shows_what_its_version_is(indexer: Any, broken: str, stage: str) -> None:
    document_id = await indexer.ready(b"Some words.")
    assert await indexer.reconciler.repair() == 0
    if stage == "failed":
        await indexer.execute("update documents set stage = 'embedding'")
    if stage == "queued":
        await indexer.execute("update documents set stage = 'reading'")
    await indexer.execute(broken)
    await age(indexer, "documents", "updated_at", 1)
    assert await indexer.reconciler.repair() == 1
    assert (await indexer.document(document_id)).stage == stage


async def test_vectors_that_nobody_uses_are_forgotten(indexer: Any) -> None:
    await indexer.ready(b"Some words.")
    await indexer.reconciler.repair()
    await age(indexer, "embeddings", "used_at", 24 * 91)
    await indexer.reconciler.repair()
    async with indexer.database.system() as tx:
        assert await tx.fetchval("select count(*) from embeddings") == 0


async def step(indexer: Any) -> list[int]:
    """One look for room, then everything is built and confirmed; the versions of the documents."""
    await indexer.reindexer.step()
    before = len(indexer.batches())
    await indexer.work()
    for said in indexer.batches()[before:]:
        await indexer.searchable(said.document_id, said.document_version, said.passages_total)
    async with indexer.database.system() as tx:
        rows = await tx.fetch("select latest_version from documents order by document_id")
    return [row["latest_version"] for row in rows]


async def test_all_documents_are_redone_a_few_at_a_time(indexer: Any) -> None:
    for n in range(5):
        await indexer.ready(f"Words of document {n}.".encode())
    message = ReindexTenant.make(tenant_id=indexer.tenant_id, reason="asked")
    await indexer.hear(indexer.handlers.reindex_tenant, message)
    assert [sum(await step(indexer)) - 5 for _ in range(4)] == [2, 4, 5, 5]
    assert len(indexer.router.texts()) == 5
    use = await indexer.use()
    assert use.stages == {"ready": 5}


async def test_fresh_uploads_go_before_the_redoing(indexer: Any) -> None:
    await indexer.ready(b"Old words.")
    message = ReindexTenant.make(tenant_id=indexer.tenant_id, reason="asked")
    await indexer.hear(indexer.handlers.reindex_tenant, message)
    await indexer.reindexer.step()
    fresh = await indexer.upload(b"Fresh words.")
    job = await indexer.claim(60.0)
    assert job.document_id == fresh


async def test_another_embedding_model_redoes_all_once_while_the_old_answers(
    indexer: Any,
) -> None:
    await indexer.configure_tenant(1, embedding_model="openai/small")
    ids = [await indexer.ready(f"Words of {n}.".encode()) for n in range(3)]
    await indexer.configure_tenant(2, embedding_model="openai/large")
    indexer.router.dimensions = 3_072
    during = await indexer.document(ids[0])
    assert (during.stage, during.embedding_model) == ("ready", "openai/small")
    for _ in range(3):
        versions = await step(indexer)
    assert versions == [2, 2, 2]
    seen = await indexer.document(ids[0])
    assert (seen.embedding_model, seen.document_version) == ("openai/large", 2)
    await indexer.configure_tenant(2, embedding_model="openai/large")
    await indexer.configure_tenant(3, embedding_model="openai/large", bot_name="Other")
    assert await step(indexer) == [2, 2, 2]


async def test_another_length_of_passages_redoes_all_but_those_with_their_own(
    indexer: Any,
) -> None:
    await indexer.configure_tenant(1)
    long = " ".join(f"Fact {n} is about bridges." for n in range(300)).encode()
    plain, own, unread = [
        await indexer.ready(long),
        await indexer.ready(long),
        await indexer.upload(long),
    ]
    rule = (await indexer.versions(own))[0].chunking
    await indexer.configure(own, 1, chunking=rule)
    await indexer.configure_tenant(2, chunk_tokens=64)
    for _ in range(3):
        await step(indexer)
    latest = {one: (await indexer.versions(one))[0] for one in (plain, own, unread)}
    assert {one: latest[one].document_version for one in latest} == {plain: 2, own: 1, unread: 1}
    assert latest[plain].chunking.tokens == latest[unread].chunking.tokens == 64


async def test_an_index_that_was_emptied_is_filled_again(indexer: Any) -> None:
    """What the index lost comes back as new versions, without asking the model again."""
    document_id = await indexer.ready(b"Words that were lost.")
    asked = len(indexer.router.texts())
    await indexer.reindex(document_id)
    await indexer.work()
    said = indexer.batches()[-1]
    assert (said.document_version, said.batches) == (2, 1)
    assert len(indexer.router.texts()) == asked


async def test_a_removed_tenant_leaves_nothing(indexer: Any) -> None:
    await indexer.configure_tenant(1)
    document_id = await indexer.ready(b"Some words.")
    await indexer.configure(document_id, 1)
    await indexer.hear(
        indexer.handlers.reindex_tenant,
        ReindexTenant.make(tenant_id=indexer.tenant_id, reason="asked"),
    )
    await indexer.configure_tenant(2, state="removed")
    async with indexer.database.system() as tx:
        for table in ("documents", "jobs", "document_properties", "embeddings", "reindexings"):
            assert await tx.fetchval(f"select count(*) from {table}") == 0, table
