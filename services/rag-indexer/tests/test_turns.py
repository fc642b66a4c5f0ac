"""Whose turn it is, small records by the handful, quotas, large files, and what people see."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import observe
from contracts.v1.documents import ChunkingRule, DocumentRemoved
from rag_indexer import progress, reading
from rag_indexer.indexing import IndexingLimits
from rag_indexer.worker import WorkerRule

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

RECORD = {"document_kind": "text", "declared_type": "text/plain"}


async def records(indexer: Any, count: int, words: str = "Record {} tells one thing.") -> list[Any]:
    return [
        await indexer.upload(words.format(n).encode(), f"record {n}", **RECORD)
        for n in range(count)
    ]


async def test_one_tenants_many_files_do_not_keep_another_waiting(indexer: Any) -> None:
    many = indexer.tenant_id
    for n in range(30):
        await indexer.upload(f"Words {n}.".encode())
    assert (await indexer.claim(60.0)).tenant_id == many
    indexer.tenant_id = few = uuid4()
    await indexer.upload(b"One file.")
    await indexer.upload(b"Another file.")
    turns = [(await indexer.claim(60.0)).tenant_id for _ in range(5)]
    assert turns == [few, many, few, many, many]


async def test_small_records_are_worked_on_by_the_handful(indexer: Any) -> None:
    ids = await records(indexer, 40)
    assert await indexer.worker.work_once()
    assert len(indexer.batches()) == 32
    assert await indexer.worker.work_once()
    assert not await indexer.worker.work_once()
    assert {one.document_id for one in indexer.batches()} == set(ids)
    assert len([one for one in indexer.router.asked if one.model]) == 2
    for said in indexer.batches():
        (passage,) = said.passages
        number = ids.index(said.document_id)
        assert passage.text == f"Record {number} tells one thing."
        assert said.title == f"record {number}"
        await indexer.confirm(said.document_id)
    assert (await indexer.use()).stages == {"ready": 40}
    assert (await indexer.document(ids[7])).media_type == "text/plain"


async def test_a_bad_record_fails_alone(indexer: Any) -> None:
    good = await records(indexer, 3)
    bad = await indexer.upload(b"\xff\xfe\xfa", "bad", **RECORD)
    empty = await indexer.upload(b"...", "empty", **RECORD)
    gone = await indexer.upload(b"Words.", "gone", **RECORD, sha256="0" * 64)
    long = await indexer.upload(b"Words and words. " * 200, "long", **RECORD)
    indexer.records._limits = IndexingLimits(passages_max=1)
    indexer.indexing.run = None
    await indexer.worker.work_once()
    assert (await indexer.document(long)).code == "too_complex"
    assert (await indexer.document(bad)).code == "corrupt_document"
    assert (await indexer.document(empty)).code == "no_text"
    assert {one.document_id for one in indexer.batches()} == set(good)
    assert (await indexer.document(gone)).stage == "queued"


async def test_a_handful_that_cannot_go_together_goes_one_by_one(indexer: Any) -> None:
    ids = await records(indexer, 5)
    run, tries = indexer.records.run, []

    async def broken(jobs: Any) -> Any:
        tries.append(len(jobs))
        raise RuntimeError("one of them is poison")

    indexer.records.run = broken
    await indexer.work()
    indexer.records.run = run
    assert tries == [5]
    assert {one.document_id for one in indexer.batches()} == set(ids)


async def test_records_that_were_interrupted_are_paid_once(indexer: Any) -> None:
    ids = await records(indexer, 5)
    observe.arm("rag-indexer.half_embedded=raise|once")
    try:
        await indexer.worker.work_once()
        assert indexer.batches() == []
        await indexer.work()
    finally:
        observe.disarm()
    assert {one.document_id for one in indexer.batches()} == set(ids)
    assert len(indexer.router.texts()) == 5
    for each in ids:
        assert (await indexer.versions(each))[0].passages_reused == 0


async def test_what_happens_to_a_record_meanwhile_happens_to_it_alone(indexer: Any) -> None:
    """Removed, split otherwise, replaced: each between the reading and the saying."""
    removed, ruled, replaced, plain = await records(
        indexer, 4, "Record {} says: " + "this and that. " * 30
    )
    rule = ChunkingRule(strategy="fixed", tokens=40, overlap_tokens=0, parent_tokens=None)
    embed = indexer.router.ask

    async def meanwhile(request: Any, *, timeout_seconds: float) -> Any:
        if request.model and not indexer.router.texts():
            message = DocumentRemoved.make(tenant_id=indexer.tenant_id, document_id=removed)
            await indexer.hear(indexer.handlers.document_removed, message)
            await indexer.configure(ruled, 1, chunking=rule)
            await indexer.replace(replaced, b"Other words.", 1, "record 2")
        return await embed(request, timeout_seconds=timeout_seconds)

    indexer.router.ask = meanwhile
    jobs = await indexer.claim_together()
    outcome = await indexer.records.run(jobs)
    assert [job.document_id for job in outcome.said] == [plain]
    assert [job.document_id for job in outcome.again] == [ruled]
    assert outcome.failed == []
    await indexer.due_now()
    await indexer.work()
    said = {(one.document_id, one.document_version) for one in indexer.batches()}
    assert said == {(ruled, 1), (replaced, 2), (plain, 1)}
    assert (await indexer.versions(ruled))[0].chunking == rule
    (new,) = [one for one in indexer.batches() if one.document_id == replaced]
    assert new.passages[0].text == "Other words."


async def test_a_record_whose_index_stays_silent_is_told_again(indexer: Any) -> None:
    await records(indexer, 3)
    await indexer.work()
    await indexer.execute("update jobs set said_at = now() - interval '2 hours'")
    assert await indexer.reconciler.repair() == 3
    await indexer.work()
    first, again = indexer.batches()[:3], indexer.batches()[3:]
    passages = {one.document_id: one.passages for one in first}
    assert {one.document_id: one.passages for one in again} == passages


@pytest.mark.parametrize("kind", ["file", "text"])
async def test_a_full_quota_says_what_to_do(indexer: Any, kind: str) -> None:
    await indexer.configure_tenant(1, quota_passages=2)
    kept = await indexer.ready(b"First words.", document_kind=kind)
    second = await indexer.ready(b"Second words.", document_kind=kind)
    third = await indexer.upload(b"Third words.", document_kind=kind)
    await indexer.work()
    failed = await indexer.document(third)
    assert (failed.stage, failed.code) == ("failed", "quota_exceeded")
    assert "room for 0 of 2" in failed.detail
    await indexer.replace(kept, b"First words, changed.", 1)
    await indexer.work()
    await indexer.confirm(kept)
    assert (await indexer.document(kept)).stage == "ready"
    message = DocumentRemoved.make(tenant_id=indexer.tenant_id, document_id=second)
    await indexer.hear(indexer.handlers.document_removed, message)
    await indexer.reindex(third)
    await indexer.work()
    await indexer.confirm(third)
    assert (await indexer.document(third)).stage == "ready"


async def test_a_large_file_is_read_from_a_file(
    indexer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "IN_MEMORY_BYTES", 1_000)
    parse, sources = reading.parse_file, []

    async def parsed(source: Any, *rest: Any) -> Any:
        sources.append(source)
        assert source.stat().st_size == 100_000
        return await parse(source, *rest)

    monkeypatch.setattr(reading, "parse_file", parsed)
    monkeypatch.setattr(indexer.blobs, "get", None)
    await indexer.upload(b"Words and words. " * 5_882 + b"Words.", size_bytes=100_000)
    await indexer.work()
    assert len(indexer.batches()) >= 1
    (source,) = sources
    assert isinstance(source, Path)


async def test_people_see_how_much_is_read(indexer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from testkit.polling import eventually_async

    monkeypatch.setattr(progress, "_LOOK_SECONDS", 0.02)
    document_id = await indexer.upload(b"Some words.", "manual.pdf", size_bytes=9_000)
    read = indexer.reader.read

    async def slowly(job: Any, on_progress: Any) -> Any:
        on_progress(3, 10)

        async def shown() -> bool:
            seen = await indexer.document(document_id)
            return seen.work is not None and seen.work.pages_done == 3

        await eventually_async(shown, "three of ten pages are shown", 20)
        seen = await indexer.document(document_id)
        assert (seen.stage, seen.percent) == ("reading", 8)
        assert (seen.work.pages_total, seen.work.bytes_total) == (10, 9_000)
        return await read(job)

    monkeypatch.setattr(indexer.reader, "read", slowly)
    await indexer.execute("update jobs set file_name = 'manual.txt'")
    await indexer.work()
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.work.passages_done, seen.work.passages_total) == ("storing", 1, 1)
    await indexer.confirm(document_id)
    assert (await indexer.document(document_id)).work is None


async def test_the_same_file_as_two_documents_at_once(indexer: Any) -> None:
    text = " ".join(f"Fact {n} is about bridges." for n in range(300)).encode()
    ids = [await indexer.upload(text) for _ in range(2)]
    workers = [indexer.another_worker(WorkerRule()) for _ in range(2)]
    assert await asyncio.gather(*(worker.work_once() for worker in workers)) == [True, True]
    one, two = (
        [p.text for said in indexer.batches() if said.document_id == each for p in said.passages]
        for each in ids
    )
    assert one == two
    for each in ids:
        await indexer.confirm(each)
    assert (await indexer.use()).stages == {"ready": 2}
