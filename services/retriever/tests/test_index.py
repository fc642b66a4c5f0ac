"""The index over a real database: versions, removal, replays, tenants, questions."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from bus import AskTimeout
from contracts.v1.documents import (
    DocumentRemoved,
    DocumentSearchable,
    ForgetDocument,
    PassagesEmbedded,
)
from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.tenants import TenantConfigured, TenantSettings

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

RETURNS = "Customers may return unused goods within thirty days of delivery for a full refund."
SHIPPING = "Parcels leave the warehouse on the day of the order and arrive two days later."
WARRANTY = "Electronic devices carry a warranty of two years against faults of manufacture."
PAYMENT = "We accept bank cards, transfers and payment on delivery."
HANDBOOK = [RETURNS, SHIPPING, WARRANTY, PAYMENT]


async def test_a_question_that_shares_few_words_finds_its_passage(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, HANDBOOK)
    assert (await index.texts(tenant, "How many days do I have for returning something?"))[0] == (
        RETURNS
    )
    assert (await index.texts(tenant, "is there any guarantee or warranty on a device"))[0] == (
        WARRANTY
    )


async def test_words_that_are_not_all_there_still_find(index: Any) -> None:
    """The usual AND of all words would find nothing here."""
    tenant = uuid4()
    await index.add(tenant, HANDBOOK)
    index.bus.away = AskTimeout("llm-router", 1)
    outcome = await index.find(tenant, "please tell me when will the parcels from my order arrive?")
    assert outcome.found[0].passage.text == SHIPPING
    assert outcome.degraded


async def test_scores_of_both_legs_and_the_fused_one_are_given(index: Any) -> None:
    tenant = uuid4()
    document = await index.add(tenant, HANDBOOK, title="Shop handbook")
    request = SearchKnowledge.make(tenant_id=tenant, query="return goods refund", limit=3)
    answer = await index.handlers.search_knowledge(request)
    best = answer.passages[0]
    assert (best.document_id, best.document_version, best.title) == (document, 1, "Shop handbook")
    assert best.page == 1
    assert best.keyword_score > 0
    assert 0 < best.vector_score <= 1
    assert best.score == pytest.approx(1.0)
    assert answer.candidates >= len(answer.passages) >= 1
    assert not answer.degraded
    assert answer.reason is None


async def test_bm25_agrees_with_the_formula(index: Any) -> None:
    """Two passages, one term: k1 = 1.2 and b = 0.75 arrive in SQL as they are, not as 1 and 0."""
    import math

    tenant = uuid4()
    await index.add(tenant, ["zebra zebra stripe", "zebra mane tail hoof grass"], title="")
    _, words = await index.words(tenant, "zebra")
    idf = math.log(1 + (2 - 2 + 0.5) / (2 + 0.5))

    def bm25(times: float, length: float) -> float:
        return idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / 4.0))

    assert [hit.score for hit in words.hits] == pytest.approx([bm25(2, 3), bm25(1, 5)])
    assert [hit.coverage for hit in words.hits] == pytest.approx([1.0, 1.0])


async def test_a_term_asked_twice_counts_twice(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, ["apples and oranges", "pears and plums"])
    _, once = await index.words(tenant, "apples")
    _, twice = await index.words(tenant, "apples apples")
    assert twice.hits[0].score == pytest.approx(2 * once.hits[0].score)


async def test_words_are_stemmed_in_the_language_of_the_document(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, ["Die Häuser stehen am Fluss."], language="de", title="")
    await index.add(tenant, ["The houses stand by the river."], language="en", title="")
    await index.add(tenant, ["Povrat kupljene robe moguć je u roku."], language="hr", title="")
    index.bus.away = AskTimeout("llm-router", 1)
    assert (await index.texts(tenant, "Haus"))[0].startswith("Die")
    assert (await index.texts(tenant, "house"))[0].startswith("The")
    assert (await index.texts(tenant, "povrat robe"))[0].startswith("Povrat")


async def test_no_documents_none_ready_and_below_the_threshold_are_told_apart(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant = uuid4()
    assert (await index.find(tenant, "anything")).reason == "no_documents"
    first, _second = batches_of(tenant, uuid4(), 1, [f"fact number {n}" for n in range(20)])
    await index.hear(first)
    assert (await index.find(tenant, "fact")).reason == "none_ready"
    index.bus.away = AskTimeout("llm-router", 1)
    await index.add(tenant, HANDBOOK)
    assert (await index.find(tenant, "astronomy")).reason == "below_threshold"


async def test_a_version_answers_only_when_all_its_batches_are_in(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"sentence {n} about bridges" for n in range(40)])
    assert len(batches) == 3
    await index.hear(batches[2])
    await index.hear(batches[0])
    assert await index.texts(tenant, "bridges") == []
    assert index.outbox.said == []
    await index.hear(batches[1])
    assert len(await index.texts(tenant, "bridges sentence")) == 5
    said = index.outbox.said
    assert [(type(m), m.document_version, m.passages) for m in said] == [
        (DocumentSearchable, 1, 40)
    ]


async def test_the_old_version_answers_until_the_new_one_is_whole(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, ["The fee is ten euro."], document_id=document)
    new = batches_of(tenant, document, 2, ["The fee is twelve euro."] + ["more text"] * 19)
    await index.hear(new[0])
    assert await index.texts(tenant, "what is the fee") == ["The fee is ten euro."]
    await index.hear(new[1])
    assert "The fee is twelve euro." in await index.texts(tenant, "what is the fee")
    assert "The fee is ten euro." not in await index.texts(tenant, "what is the fee", 20)


async def test_a_late_batch_of_an_old_version_changes_nothing(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    old = batches_of(tenant, document, 1, ["old words"])
    await index.add(tenant, ["new words"], document_id=document, version=2)
    await index.hear(old[0])
    assert await index.texts(tenant, "words") == ["new words"]


async def test_the_same_batch_again_is_harmless(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"line {n} on canals" for n in range(20)])
    for batch in (batches[0], batches[0], batches[1], batches[1], batches[0]):
        await index.hear(batch)
    async with index.database.transaction(tenant) as tx:
        assert await tx.fetchval("select count(*) from passages") == 20
        assert await tx.fetchval("select count(*) from vectors") == 20
        assert await tx.fetchval("select passages from collections") == 20
    assert {m.passages for m in index.outbox.said} == {20}


async def test_all_batches_at_once_switch_once(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"line {n} on rivers" for n in range(100)])
    await asyncio.gather(*(index.hear(batch) for batch in (*batches, *batches)))
    assert (await index.find(tenant, "rivers", 20)).candidates == 100
    async with index.database.transaction(tenant) as tx:
        assert await tx.fetchval("select revision from collections") == 1


async def test_a_removed_document_is_gone_for_the_next_question(index: Any) -> None:
    tenant = uuid4()
    kept = await index.add(tenant, [SHIPPING])
    gone = await index.add(tenant, [RETURNS])
    assert RETURNS in await index.texts(tenant, "return goods")
    async with index.database.transaction(tenant) as tx:
        await index.handlers.document_removed(
            DocumentRemoved.make(tenant_id=tenant, document_id=gone), tx
        )
    assert RETURNS not in await index.texts(tenant, "return goods", 20)
    assert await index.texts(tenant, "parcels") == [SHIPPING]
    while await index.cleaner.clean_piece():
        continue
    async with index.database.transaction(tenant) as tx:
        for table in ("passages", "vectors", "document_versions"):
            assert await tx.fetchval(f"select count(*) from {table}") == 1
        assert "refund" not in await index.stored_terms(tx)
    assert kept != gone


async def test_forgetting_tells_how_much_was_found_before(index: Any) -> None:
    tenant = uuid4()
    document = await index.add(tenant, HANDBOOK)
    request = ForgetDocument.make(tenant_id=tenant, document_id=document)
    assert (await index.handlers.forget_document(request)).passages == 4
    assert (await index.handlers.forget_document(request)).passages == 0
    assert (await index.find(tenant, "return")).reason == "no_documents"


async def test_a_batch_that_comes_after_the_removal_brings_nothing_back(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"line {n}" for n in range(20)])
    await index.hear(batches[0])
    await index.handlers.forget_document(
        ForgetDocument.make(tenant_id=tenant, document_id=document)
    )
    await index.hear(batches[1])
    await index.hear(batches[0])
    assert (await index.find(tenant, "line")).found == ()
    while await index.cleaner.clean_piece():
        continue
    async with index.database.transaction(tenant) as tx:
        assert await tx.fetchval("select count(*) from passages") == 0


async def test_another_tenant_cannot_forget_my_document(index: Any) -> None:
    mine, theirs = uuid4(), uuid4()
    document = await index.add(mine, HANDBOOK)
    with pytest.raises(asyncpg.PostgresError):
        await index.handlers.forget_document(
            ForgetDocument.make(tenant_id=theirs, document_id=document)
        )
    assert len(await index.texts(mine, "return goods warranty parcels cards")) == 4


async def test_an_away_embedder_degrades_and_comes_back(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, HANDBOOK)
    index.bus.away = AskTimeout("llm-router", 1)
    outcome = await index.find(tenant, "warranty")
    assert outcome.degraded
    assert outcome.found[0].candidate.vector_score is None
    index.bus.away = None
    assert not (await index.find(tenant, "warranty")).degraded


async def test_the_question_is_asked_in_the_model_of_the_vectors(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, HANDBOOK)
    index.bus.model = "new/default"
    assert not (await index.find(tenant, "warranty")).degraded
    assert [request.model for request in index.bus.asked] == [None, "test/words"]
    await index.find(tenant, "warranty")
    assert index.bus.asked[-1].model == "test/words"


def configured(tenant: Any, revision: int, keyword: float, vector: float) -> TenantConfigured:
    settings = TenantSettings(
        bot_name="Bot",
        system_prompt="",
        language="en",
        rag_enabled=True,
        model=None,
        fallback_models=[],
        embedding_model=None,
        handoff_keywords=[],
        handoff_reply="",
        failure_reply="",
        coalesce_milliseconds=0,
        history_messages_max=10,
        prompt_tokens_max=4000,
        reply_tokens_max=500,
        keyword_weight=keyword,
        vector_weight=vector,
        passages_max=5,
        chunk_tokens=256,
        chunk_overlap_tokens=32,
    )
    return TenantConfigured.make(
        tenant_id=tenant,
        revision=revision,
        slug="shop",
        name="Shop",
        state="active",
        settings=settings,
    )


async def test_a_tenant_chooses_the_weights_and_old_revisions_are_ignored(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, HANDBOOK)
    for message in (configured(tenant, 2, 0.9, 0.1), configured(tenant, 1, 0.2, 0.8)):
        async with index.database.transaction(tenant) as tx:
            await index.handlers.tenant_configured(message, tx)
    scope, _ = await index.words(tenant, "warranty")
    assert (scope.settings.keyword_weight, scope.settings.vector_weight) == (0.9, 0.1)


async def test_what_is_gone_is_cleaned_away_in_pieces(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, [f"old line {n}" for n in range(50)], document_id=document)
    await index.add(tenant, ["new line"], document_id=document, version=2)
    await index.add(tenant, ["newer line"], document_id=document, version=3)
    pieces = 0
    async with index.database.system() as tx:
        while await index.upkeep.clean_piece(tx, 20):
            pieces += 1
        assert await tx.fetchval("select count(*) from passages") == 2
        assert await tx.fetchval("select count(*) from vectors") == 2
    while await index.cleaner.clean_piece():
        continue
    async with index.database.system() as tx:
        assert await tx.fetchval("select count(*) from document_versions") == 2
        assert await index.stored_terms(tx) == {"new", "newer", "line", "handbook"}
    assert pieces >= 3
    assert await index.texts(tenant, "line") == ["newer line"]


async def test_a_removed_tenant_has_nothing_and_gets_nothing_back(
    index: Any, batches_of: Callable[..., list[PassagesEmbedded]]
) -> None:
    tenant, document = uuid4(), uuid4()
    batches = batches_of(tenant, document, 1, [f"line {n}" for n in range(20)])
    await index.add(tenant, HANDBOOK)
    await index.hear(batches[0])
    removed = configured(tenant, 3, 0.5, 0.5).model_copy(update={"state": "removed"})
    async with index.database.transaction(tenant) as tx:
        await index.handlers.tenant_configured(removed, tx)
    await index.hear(batches[1])
    await index.hear(batches[0])
    assert (await index.find(tenant, "return goods line")).reason == "no_documents"
