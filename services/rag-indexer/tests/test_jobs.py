"""Jobs over a real database: stages, interruptions, removals, versions."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

import observe
from bus import AskFailed, AskTimeout, Refused
from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.documents import (
    DocumentProgressed,
    DocumentRejected,
    DocumentRemoved,
    GetDocument,
    ListDocuments,
    ReindexDocument,
)
from outbox import RetryLater
from rag_indexer.domain import WAITING
from rag_indexer.job_store import LeaseLost
from rag_indexer.parsed import REASONS
from rag_indexer.worker import WorkerRule

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

TEXT = " ".join(f"Fact number {n} tells something small about bridges." for n in range(2_000))
AWAY = AskTimeout("llm-router.embed-texts.v1", 5)


def stages(indexer: Any) -> list[tuple[str, int]]:
    said = [one for one in indexer.outbox.said if isinstance(one, DocumentProgressed)]
    return [(one.stage, one.percent) for one in said]


async def test_a_document_goes_through_its_stages_to_ready(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode(), "bridges.txt")
    assert (await indexer.document(document_id)).stage == "queued"
    await indexer.work()
    batches = indexer.batches()
    total = batches[0].passages_total
    assert [one.batch for one in batches] == list(range(1, len(batches) + 1))
    assert sum(len(one.passages) for one in batches) == total > 32
    assert [p.ordinal for one in batches for p in one.passages] == list(range(total))
    storing = await indexer.document(document_id)
    assert (storing.stage, storing.percent, storing.document_version) == ("storing", 95, 0)
    await indexer.searchable(document_id, 1, total)
    ready = await indexer.document(document_id)
    assert (ready.stage, ready.percent) == ("ready", 100)
    assert (ready.passages, ready.document_version) == (total, 1)
    assert (ready.title, ready.media_type, ready.language) == ("bridges", "text/plain", "en")
    seen = stages(indexer)
    assert seen[0] == ("queued", 0)
    assert seen[-1] == ("ready", 100)
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
    assert len(seen) < 16
    async with indexer.database.system() as tx:
        assert await tx.fetchval("select count(*) from chunks") == 0


async def test_passages_say_where_they_stand(indexer: Any) -> None:
    text = "# Shop\n\n" + TEXT[:1500] + "\n\n## Returns\n\n" + TEXT[:1500]
    await indexer.upload(text.encode(), "shop.md")
    await indexer.work()
    passages = [p for one in indexer.batches() for p in one.passages]
    assert {p.heading for p in passages} == {"Shop", "Shop > Returns"}
    for passage in passages:
        assert text[passage.start_offset : passage.end_offset] == passage.text
        assert 0 < passage.token_count <= 222
    asked = [text for request in indexer.router.asked[1:] for text in request.texts]
    assert all(text.startswith("Shop > Shop") for text in asked)
    assert {request.model for request in indexer.router.asked[1:]} == {"builtin/minilm"}


async def test_messages_stay_small_whatever_the_model_and_the_script(indexer: Any) -> None:
    indexer.router.dimensions = 3_072
    await indexer.upload(('本規則は返品について定める。"\\' * 8_000).encode(), "rules.txt")
    await indexer.work()
    assert len(indexer.batches()) > 3
    assert max(len(one.said()) for one in indexer.batches()) < MESSAGE_BYTES_MAX


async def test_an_interrupted_job_goes_on_where_it_stopped(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode())
    observe.arm("rag-indexer.half_embedded=raise|once")
    try:
        await indexer.worker.work_once()
    finally:
        observe.disarm()
    before = len(indexer.batches())
    assert 0 < before < indexer.batches()[0].batches
    await indexer.due_now()
    await indexer.work()
    assert [one.batch for one in indexer.batches()] == list(
        range(1, indexer.batches()[0].batches + 1)
    )
    asked = [text for request in indexer.router.asked for text in request.texts]
    assert len(asked) == len(set(asked))
    assert (await indexer.document(document_id)).stage == "storing"


async def test_a_reading_that_was_interrupted_begins_again(indexer: Any) -> None:
    await indexer.upload(TEXT.encode())
    observe.arm("rag-indexer.after_parse=raise|once")
    try:
        await indexer.worker.work_once()
    finally:
        observe.disarm()
    assert indexer.batches() == []
    await indexer.due_now()
    await indexer.work()
    assert len(indexer.batches()) == indexer.batches()[0].batches


@pytest.mark.parametrize("failure", [AWAY, AskFailed("model_failed", "503")])
async def test_an_away_embedder_is_waited_for(indexer: Any, failure: Exception) -> None:
    document_id = await indexer.upload(TEXT.encode())
    indexer.router.failure, indexer.router.answers_left = failure, 3
    for _ in range(8):
        await indexer.worker.work_once()
        await indexer.due_now()
    waiting = await indexer.document(document_id)
    assert (waiting.stage, waiting.detail, waiting.code) == ("embedding", WAITING, None)
    assert 0 < len(indexer.batches()) < indexer.batches()[0].batches
    indexer.router.failure = None
    await indexer.work()
    assert [one.batch for one in indexer.batches()] == list(
        range(1, indexer.batches()[0].batches + 1)
    )
    assert (await indexer.document(document_id)).detail is None
    asked = [text for request in indexer.router.asked for text in request.texts]
    assert len(asked) == len(set(asked))


async def test_patience_ends_with_a_reason(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode())
    indexer.router.failure, indexer.router.answers_left = AWAY, 0
    await indexer.worker.work_once()
    async with indexer.database.system() as tx:
        await tx.execute("update jobs set waiting_since = now() - interval '2 days'")
    await indexer.due_now()
    await indexer.work()
    assert (await indexer.document(document_id)).code == "embedding_unavailable"


async def test_a_document_that_cannot_be_read_says_why(indexer: Any) -> None:
    document_id = await indexer.upload(b"%PDF-1.4 and no more", "a.pdf")
    await indexer.work()
    failed = await indexer.document(document_id)
    assert (failed.stage, failed.code) == ("failed", "corrupt_document")
    assert failed.detail == REASONS["corrupt_document"]
    rejected = [one for one in indexer.outbox.said if isinstance(one, DocumentRejected)]
    assert [(one.code, one.detail) for one in rejected] == [(failed.code, failed.detail)]
    assert not await indexer.worker.work_once()


async def test_a_document_that_is_too_large_is_not_even_read(indexer: Any) -> None:
    document_id = await indexer.upload(b"x", size_bytes=1_000_001)
    assert (await indexer.document(document_id)).code == "too_large"
    assert not await indexer.worker.work_once()


async def test_too_many_passages_are_too_complex(indexer: Any) -> None:
    document_id = await indexer.upload(b"word " * 199_000)
    await indexer.work()
    assert (await indexer.document(document_id)).code == "too_complex"


async def test_a_missing_file_is_reported_after_some_tries(indexer: Any) -> None:
    document_id = await indexer.upload(b"words", sha256="0" * 64)
    for _ in range(5):
        assert (await indexer.document(document_id)).stage in {"queued", "reading"}
        await indexer.worker.work_once()
        await indexer.due_now()
    assert (await indexer.document(document_id)).code == "file_missing"


async def test_a_job_whose_worker_always_dies_ends(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode())
    for _ in range(5):
        assert await indexer.claim(0.0) is not None
    await indexer.due_now()
    await indexer.work()
    assert (await indexer.document(document_id)).code == "internal_error"
    assert indexer.batches() == []


async def test_only_one_worker_has_a_job(indexer: Any) -> None:
    for _ in range(3):
        await indexer.upload(TEXT.encode())
    workers = [indexer.another_worker(WorkerRule()) for _ in range(6)]
    worked = await asyncio.gather(*(worker.work_once() for worker in workers))
    assert sorted(worked) == [False, False, False, True, True, True]
    ids = [one.message_id for one in indexer.batches()]
    assert len(ids) == len(set(ids)) == 3 * indexer.batches()[0].batches


async def test_who_lost_the_lease_can_write_nothing_more(indexer: Any) -> None:
    await indexer.upload(TEXT.encode())
    slow = await indexer.claim(0.0)
    quick = await indexer.claim(60.0)
    assert quick.epoch == slow.epoch + 1
    with pytest.raises(LeaseLost):
        await indexer.indexing.run(slow)
    assert indexer.batches() == []
    async with indexer.database.transaction(indexer.tenant_id) as tx:
        assert not await indexer.jobs.renew(tx, [slow], 60.0)
        assert await indexer.jobs.renew(tx, [quick], 60.0)


async def remove(indexer: Any, document_id: Any) -> None:
    message = DocumentRemoved.make(tenant_id=indexer.tenant_id, document_id=document_id)
    await indexer.hear(indexer.handlers.document_removed, message)


async def test_removal_in_the_middle_stops_the_work(
    indexer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await indexer.upload(TEXT.encode())
    embed = indexer.router.ask

    async def removed_meanwhile(request: Any, *, timeout_seconds: float) -> Any:
        if len(indexer.router.asked) == 3:
            await remove(indexer, document_id)
        return await embed(request, timeout_seconds=timeout_seconds)

    monkeypatch.setattr(indexer.router, "ask", removed_meanwhile)
    await indexer.work()
    assert len(indexer.batches()) < indexer.batches()[0].batches
    with pytest.raises(Refused, match="not_found"):
        await indexer.document(document_id)
    async with indexer.database.system() as tx:
        for table in ("documents", "jobs", "chunks"):
            assert await tx.fetchval(f"select count(*) from {table}") == 0


async def test_an_upload_heard_after_its_removal_brings_nothing_back(indexer: Any) -> None:
    document_id = uuid4()
    await remove(indexer, document_id)
    await indexer.upload(TEXT.encode(), document_id=document_id)
    assert not await indexer.worker.work_once()
    with pytest.raises(Refused):
        await indexer.document(document_id)


async def test_the_same_upload_at_once_is_one_document(indexer: Any) -> None:
    document_id = uuid4()
    await asyncio.gather(*(indexer.upload(b"words", document_id=document_id) for _ in range(5)))
    await indexer.work()
    assert [one.document_version for one in indexer.batches()] == [1]


async def reindex(indexer: Any, document_id: Any) -> None:
    message = ReindexDocument.make(tenant_id=indexer.tenant_id, document_id=document_id)
    await indexer.hear(indexer.handlers.reindex_document, message)


async def test_reindexing_builds_the_next_version_beside_the_old_one(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.searchable(document_id, 1, 1)
    await reindex(indexer, document_id)
    again = await indexer.document(document_id)
    assert (again.stage, again.document_version, again.passages) == ("queued", 1, 1)
    await indexer.work()
    assert [one.document_version for one in indexer.batches()] == [1, 2]
    await indexer.searchable(document_id, 2, 1)
    assert (await indexer.document(document_id)).document_version == 2


async def test_reindexing_in_the_middle_replaces_the_version_that_is_built(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode())
    observe.arm("rag-indexer.half_embedded=raise|once")
    try:
        await indexer.worker.work_once()
    finally:
        observe.disarm()
    await reindex(indexer, document_id)
    await indexer.due_now()
    await indexer.work()
    whole = [one for one in indexer.batches() if one.document_version == 2]
    assert len(whole) == whole[0].batches
    late = [one for one in indexer.batches() if one.document_version == 1]
    assert len(late) < whole[0].batches


async def test_an_old_version_becoming_searchable_does_not_hide_the_new_one(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await reindex(indexer, document_id)
    await indexer.searchable(document_id, 1, 1)
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.document_version) == ("queued", 1)


async def test_reindexing_the_unknown_is_tried_later_and_the_removed_is_ignored(
    indexer: Any,
) -> None:
    document_id = uuid4()
    with pytest.raises(RetryLater):
        await reindex(indexer, document_id)
    await remove(indexer, document_id)
    await reindex(indexer, document_id)


async def test_ready_only_if_the_index_counts_what_was_said(indexer: Any) -> None:
    document_id = await indexer.upload(TEXT.encode())
    await indexer.work()
    await indexer.searchable(document_id, 1, indexer.batches()[0].passages_total - 1)
    failed = await indexer.document(document_id)
    assert (failed.stage, failed.code) == ("failed", "internal_error")


async def test_a_failed_reindex_leaves_the_old_version(indexer: Any) -> None:
    document_id = await indexer.upload(b"Some words.")
    await indexer.work()
    await indexer.searchable(document_id, 1, 1)
    await reindex(indexer, document_id)
    async with indexer.database.system() as tx:
        await tx.execute("update jobs set file_name = 'a.pdf'")
    await indexer.work()
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.code, seen.document_version) == ("failed", "type_mismatch", 1)


async def test_documents_are_listed_page_by_page(indexer: Any) -> None:
    made = [await indexer.upload(b"words", title=f"Doc {n}") for n in range(5)]
    cursor, seen = None, []
    while True:
        page = await indexer.answering.list_documents(
            ListDocuments.make(tenant_id=indexer.tenant_id, stage=None, cursor=cursor, limit=2)
        )
        seen += [one.document_id for one in page.documents]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == made[::-1]
    none = ListDocuments.make(tenant_id=indexer.tenant_id, stage="ready", cursor=None, limit=9)
    assert (await indexer.answering.list_documents(none)).documents == []
    forged = ListDocuments.make(tenant_id=indexer.tenant_id, stage=None, cursor="x", limit=9)
    with pytest.raises(Refused, match="invalid_cursor"):
        await indexer.answering.list_documents(forged)


async def test_another_tenant_sees_nothing(indexer: Any) -> None:
    document_id = await indexer.upload(b"words")
    stranger = uuid4()
    with pytest.raises(Refused, match="not_found"):
        await indexer.answering.get_document(
            GetDocument.make(tenant_id=stranger, document_id=document_id)
        )
    listed = await indexer.answering.list_documents(
        ListDocuments.make(tenant_id=stranger, stage=None, cursor=None, limit=9)
    )
    assert listed.documents == []


async def test_every_table_is_behind_a_forced_wall(indexer: Any) -> None:
    async with indexer.database.system() as tx:
        open_tables = await tx.fetch(
            """
            select relname from pg_class
            where relkind = 'r' and relnamespace = 'public'::regnamespace
                and not (relrowsecurity and relforcerowsecurity)
                and exists (select from pg_attribute
                            where attrelid = pg_class.oid and attname = 'tenant_id')
            """
        )
    assert open_tables == []
