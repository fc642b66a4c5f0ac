"""Replacing, rolling back, choosing otherwise: which version is built, shown and answers."""

from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.documents import (
    ChunkingRule,
    DocumentRemoved,
    GetKnowledgeUse,
    ListDocuments,
    MetadataEntry,
)
from outbox import RetryLater

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

OLD = b"The old price is ten euro."
NEW = b"The new price is twelve euro."
RULE = ChunkingRule(strategy="fixed", tokens=40, overlap_tokens=0, parent_tokens=None)
LONG = " ".join(f"Fact number {n} is about bridges." for n in range(60)).encode()


def words(indexer: Any, version: int) -> str:
    return " ".join(
        passage.text
        for batch in indexer.batches()
        if batch.document_version == version
        for passage in batch.passages
    )


async def test_a_replacement_is_built_beside_the_version_that_answers(indexer: Any) -> None:
    document_id = await indexer.ready(OLD, "old.txt")
    await indexer.replace(document_id, NEW, 1, "new.txt")
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.document_version, seen.building_version) == ("queued", 1, 2)
    await indexer.work()
    assert words(indexer, 2) == NEW.decode()
    await indexer.confirm(document_id)
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.document_version, seen.building_version) == ("ready", 2, None)
    assert (seen.file_name, seen.size_bytes) == ("new.txt", len(NEW))
    newest, oldest = await indexer.versions(document_id)
    assert (newest.state, newest.file_name) == ("live", "new.txt")
    assert (oldest.state, oldest.file_name) == ("kept", "old.txt")
    assert newest.live_at is not None
    assert newest.sha256 != oldest.sha256


async def test_a_late_replacement_changes_nothing(indexer: Any) -> None:
    document_id = await indexer.ready(OLD)
    await indexer.replace(document_id, NEW, 2)
    await indexer.replace(document_id, b"An even older price.", 1)
    await indexer.replace(document_id, NEW, 2)
    await indexer.work()
    assert {one.document_version for one in indexer.batches()} == {1, 2}
    assert words(indexer, 2) == NEW.decode()


async def test_replacing_the_unknown_is_tried_later_and_the_removed_is_ignored(
    indexer: Any,
) -> None:
    document_id = uuid4()
    with pytest.raises(RetryLater):
        await indexer.replace(document_id, NEW, 1)
    message = DocumentRemoved.make(tenant_id=indexer.tenant_id, document_id=document_id)
    await indexer.hear(indexer.handlers.document_removed, message)
    await indexer.replace(document_id, NEW, 1)
    await indexer.configure(document_id, 1)
    async with indexer.database.system() as tx:
        for table in ("documents", "jobs", "document_properties"):
            assert await tx.fetchval(f"select count(*) from {table}") == 0


async def test_a_replacement_that_fails_leaves_the_old_version(indexer: Any) -> None:
    document_id = await indexer.ready(OLD)
    await indexer.replace(document_id, NEW, 1, size_bytes=2_000_000)
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.code, seen.document_version) == ("failed", "too_large", 1)
    assert [one.state for one in await indexer.versions(document_id)] == ["failed", "live"]


async def test_a_replacement_during_indexing_wins(indexer: Any) -> None:
    document_id = await indexer.upload(OLD)
    in_hand = await indexer.claim(60.0)
    await indexer.replace(document_id, NEW, 1)
    with pytest.raises(Exception, match="version 1"):
        await indexer.indexing.run(in_hand)
    await indexer.work()
    await indexer.confirm(document_id)
    assert [one.state for one in await indexer.versions(document_id)] == ["live", "superseded"]
    assert words(indexer, 1) == ""


async def test_a_rollback_is_followed_and_redoing_it_keeps_it(indexer: Any) -> None:
    document_id = await indexer.ready(OLD, "old.txt")
    await indexer.replace(document_id, NEW, 1, "new.txt")
    await indexer.work()
    await indexer.confirm(document_id)
    await indexer.searchable(document_id, 1, 1)
    seen = await indexer.document(document_id)
    assert (seen.stage, seen.document_version, seen.file_name) == ("ready", 1, "old.txt")
    assert seen.title == "old"
    states = {one.document_version: one.state for one in await indexer.versions(document_id)}
    assert states == {2: "kept", 1: "live"}
    await indexer.reindex(document_id)
    await indexer.work()
    assert words(indexer, 3) == OLD.decode()


async def test_an_older_word_of_the_index_changes_nothing(indexer: Any) -> None:
    document_id = await indexer.ready(OLD)
    early = indexer.searchable_message(document_id, 1, 1)
    await indexer.replace(document_id, NEW, 1)
    await indexer.work()
    late = indexer.searchable_message(document_id, 2, 1)
    await indexer.hear_together(indexer.handlers.documents_searchable, late, early)
    assert (await indexer.document(document_id)).document_version == 2
    await indexer.hear_together(indexer.handlers.documents_searchable, early)
    assert (await indexer.document(document_id)).document_version == 2


async def test_a_repeated_word_does_not_hide_a_failure(indexer: Any) -> None:
    document_id = await indexer.ready(OLD)
    await indexer.replace(document_id, b"%PDF-1.4 and no more", 1, "a.pdf")
    await indexer.work()
    assert (await indexer.document(document_id)).stage == "failed"
    await indexer.searchable(document_id, 1, 1)
    assert (await indexer.document(document_id)).stage == "failed"


async def test_properties_may_come_first_and_the_newest_wins(indexer: Any) -> None:
    document_id = uuid4()
    await indexer.configure(document_id, 2, tags=["prices"], chunking=RULE, external_id="p-1")
    await indexer.configure(document_id, 1, tags=["old"])
    await indexer.ready(LONG, document_id=document_id)
    seen = await indexer.document(document_id)
    assert (seen.tags, seen.external_id, seen.enabled) == (["prices"], "p-1", True)
    assert seen.chunking == RULE
    assert (await indexer.versions(document_id))[0].chunking == RULE
    assert seen.passages > 5


async def test_another_chunking_rule_means_a_new_version(indexer: Any) -> None:
    document_id = await indexer.ready(LONG)
    few = (await indexer.document(document_id)).passages
    await indexer.configure(document_id, 1, tags=["a"])
    assert (await indexer.document(document_id)).stage == "ready"
    await indexer.configure(document_id, 2, chunking=RULE)
    await indexer.work()
    await indexer.confirm(document_id)
    seen = await indexer.document(document_id)
    assert (seen.document_version, seen.stage) == (2, "ready")
    assert seen.passages > few
    await indexer.configure(document_id, 3, chunking=RULE, tags=["b"])
    assert (await indexer.document(document_id)).stage == "ready"


async def test_a_rule_that_comes_during_the_splitting_is_followed(
    indexer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await indexer.upload(LONG)
    split = indexer.indexing._split
    tries: list[Any] = []

    async def configured_meanwhile(*given: Any) -> Any:
        tries.append(given)
        if len(tries) == 1:
            await indexer.configure(document_id, 1, chunking=RULE)
        return await split(*given)

    monkeypatch.setattr(indexer.indexing, "_split", configured_meanwhile)
    await indexer.work()
    assert len(tries) == 2
    (only,) = await indexer.versions(document_id)
    assert only.chunking == RULE


async def test_documents_are_found_by_kind_tag_and_words(indexer: Any) -> None:
    first = await indexer.upload(b"words", "Price list.txt", document_kind="text")
    second = await indexer.upload(b"words", "manual.txt")
    await indexer.configure(first, 1, tags=["prices"], document_kind="text")
    await indexer.configure(
        second,
        1,
        tags=["howto"],
        metadata=[MetadataEntry(name="team", value="support")],
        source_url="https://example.com/manual",
    )

    async def listed(**filters: Any) -> list[Any]:
        request = ListDocuments.make(
            tenant_id=indexer.tenant_id, stage=None, cursor=None, limit=9, **filters
        )
        return (await indexer.answering.list_documents(request)).documents

    assert [one.document_id for one in await listed(tag="prices")] == [first]
    assert [one.document_id for one in await listed(document_kind="text")] == [first]
    assert [one.document_id for one in await listed(words="LIST")] == [first]
    assert await listed(words="100%") == []
    (found,) = await listed(tag="howto")
    assert found.metadata == [MetadataEntry(name="team", value="support")]
    assert (found.source_url, found.headings) == ("https://example.com/manual", None)


async def test_an_outline_and_what_it_takes_up_are_told(indexer: Any) -> None:
    text = b"# Shop\n\nOpen at nine.\n\n## Returns\n\nWithin a week.\n"
    document_id = await indexer.ready(text, "shop.md")
    seen = await indexer.document(document_id)
    assert seen.headings == ["Shop", "Shop > Returns"]
    assert (seen.embedding_model, seen.tokens is not None) == ("builtin/minilm", True)
    await indexer.upload(b"waits")
    request = GetKnowledgeUse.make(tenant_id=indexer.tenant_id)
    use = await indexer.answering.get_knowledge_use(request)
    assert (use.documents, use.stages) == (2, {"ready": 1, "queued": 1})
    assert (use.passages, use.tokens) == (seen.passages, seen.tokens)
    assert use.size_bytes == len(text) + 5


async def test_versions_of_the_unknown_are_refused(indexer: Any) -> None:
    with pytest.raises(Refused, match="not_found"):
        await indexer.versions(uuid4())
