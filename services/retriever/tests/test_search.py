"""What a search does beside finding: typos, expansion, two models, re-ranking, the record."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from bus import AskFailed, AskTimeout
from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.knowledge import KnowledgeFound, SearchFilter, SearchTuning
from retriever.found import answer_of, fitted

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

RETURNS = "You may return any item within thirty days of delivery if it is unused and complete."
SHIPPING = "Parcels leave our warehouse on the day after the order and take two days."
WARRANTY = "The warranty covers defects of material for twenty-four months."
PEOPLE = "Our service team answers the telephone from eight in the morning until six."
SHOP = [RETURNS, SHIPPING, WARRANTY, PEOPLE]


def tuned(**given: Any) -> SearchTuning:
    return SearchTuning(**{**dict.fromkeys(SearchTuning.model_fields), **given})


def only(**given: Any) -> SearchFilter:
    return SearchFilter(**{**dict.fromkeys(SearchFilter.model_fields), **given})


def away(index: Any) -> None:
    index.bus.away = AskTimeout("llm-router.embed-texts.v1", 1)


@pytest.mark.parametrize("embedder", ["there", "away"])
async def test_questions_in_natural_language_find_what_shares_only_some_words(
    index: Any, embedder: str
) -> None:
    tenant = uuid4()
    await index.add(tenant, SHOP)
    if embedder == "away":
        away(index)
    questions = {
        "hey, if I don't like it, until when can I return the thing you sent me?": RETURNS,
        "could you please tell me how many days parcels usually take to arrive?": SHIPPING,
        "My lamp broke after a year. Is that kind of defect covered by the warranty?": WARRANTY,
        "is there anybody I can ring by telephone early in the morning?": PEOPLE,
    }
    for question, passage in questions.items():
        assert (await index.texts(tenant, question))[:1] == [passage], question


async def test_a_typo_is_read_as_the_word_that_documents_know(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, SHOP)
    away(index)
    outcome = await index.find(tenant, "waranty defcts", explain=True)
    assert outcome.found[0].passage.text == WARRANTY
    terms = {term.word: term for term in outcome.explained.terms}
    assert terms["waranty"].corrected_from == "waranty"
    assert terms["waranty"].term == "warranti"
    assert terms["waranty"].passages == 1
    known = await index.find(tenant, "parcels", explain=True)
    assert [term.corrected_from for term in known.explained.terms] == [None]


async def test_croatian_is_found_inflected_and_without_its_accents(index: Any) -> None:
    tenant = uuid4()
    rule = "Žalbe na isporučene narudžbe šaljite u roku od osam dana."
    hours = "Poslovnica u Splitu otvorena je radnim danom od osam do šesnaest sati."
    await index.add(tenant, [rule, hours], language="hr", title="Pravila")
    away(index)
    questions = {
        "kome mogu poslati žalbu": rule,
        "zalba na narudzbu": rule,
        "kada rade poslovnice": hours,
    }
    for question, passage in questions.items():
        outcome = await index.find(tenant, question, explain=True)
        assert [one.passage.text for one in outcome.found][:1] == [passage], question
        assert {term.configuration for term in outcome.explained.terms} == {"serbian"}


async def test_another_tenants_words_correct_nothing(index: Any) -> None:
    tenant, other = uuid4(), uuid4()
    await index.add(tenant, [PEOPLE])
    await index.add(other, [WARRANTY])
    away(index)
    outcome = await index.find(tenant, "waranty", explain=True)
    assert outcome.found == ()
    assert [term.corrected_from for term in outcome.explained.terms] == [None]


async def test_the_record_is_whole_and_true(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, [*SHOP, RETURNS + " "])
    hidden = await index.add(tenant, ["Returns of the old shop."])
    await index.configure(tenant, hidden, 1, enabled=False)
    question = "how can I return an item?"
    outcome = await index.find(tenant, question, 1, explain=True)
    record = outcome.explained
    assert (await index.find(tenant, question, 1)).explained is None
    assert (record.query, record.language) == (question, "en")
    assert (record.index.documents, record.index.documents_searched) == (2, 1)
    assert (record.index.documents_disabled, record.index.passages_searched) == (1, 5)
    assert record.index.models == ["test/words"]
    assert "bm25" in record.keyword_method
    assert "exact" in record.vector_method
    assert "0.50 keyword" in record.fusion
    assert record.reranker == "builtin/neighbours"
    fates = [(one.cut_by, one.passage_id) for one in record.candidates]
    assert len(fates) == outcome.candidates == 5
    assert sorted(fate for fate, _ in fates) == [
        "beyond_limit",
        "beyond_limit",
        "beyond_limit",
        "beyond_limit",
        "given",
    ]
    assert record.cuts == {"beyond_limit": 4}
    [given] = [passage for fate, passage in fates if fate == "given"]
    assert given == outcome.found[0].passage.passage_id
    best = record.candidates[0]
    assert (best.fused_rank, best.keyword_rank, best.vector_rank) == (1, 1, 1)
    assert {"embedding_and_words", "vectors", "reading", "ranking"} <= set(record.milliseconds)
    wide = await index.find(tenant, question, 5, explain=True)
    assert wide.explained.cuts == {"near_duplicate": 1}
    KnowledgeFound.model_validate_json(answer_of(wide).model_dump_json())


async def test_what_was_chosen_is_tried_out_and_shown(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, [*SHOP, RETURNS])
    plain = tuned(
        fusion="rrf",
        keyword_weight=1.0,
        vector_weight=0.0,
        reranker="none",
        threshold=False,
        near_duplicates=True,
        candidates=2,
    )
    outcome = await index.find(tenant, "return an item", 5, tuning=plain, explain=True)
    record = outcome.explained
    assert (record.reranker, record.threshold) == ("none", "off")
    assert record.fusion.startswith("rrf 1.00 keyword / 0.00 vector")
    assert [one.rerank_rank for one in record.candidates] == [None] * outcome.candidates
    assert [found.passage.text for found in outcome.found].count(RETURNS) == 2
    assert max(one.vector_rank or 0 for one in record.candidates) == 2
    assert outcome.candidates < 5
    assert outcome.found[0].rerank_score is None


TEXT = "".join(
    f"Rule {n}: the {word} is kept apart. "
    for n, word in enumerate(["apple", "bread", "candle", "dog", "egg", "fish", "grape", "house"])
)
CUTS = [(start, start + 60) for start in range(0, len(TEXT) - 60, 45)]
PARENTS = [(0, 180) if start < 130 else (130, len(TEXT)) for start, _ in CUTS]


async def test_a_passage_is_read_with_its_parent_or_its_neighbours(index: Any) -> None:
    tenant = uuid4()
    texts = [TEXT[start:end] for start, end in CUTS]
    await index.add(tenant, texts, spans=CUTS, parents=PARENTS)
    outcome = await index.find(tenant, "candle", 20, explain=True)
    parents = {found.context for found in outcome.found}
    assert TEXT[0:180] in parents or TEXT[130 : CUTS[-1][1]] in parents
    assert len(outcome.found) <= 2, "passages of one parent were given twice"
    assert outcome.explained.cuts["same_parent"] >= 3
    beside = await index.find(tenant, "candle", 1, tuning=tuned(expansion="neighbours"))
    [found] = beside.found
    start, end = found.passage.start_offset, found.passage.end_offset
    assert found.context == TEXT[max(0, start - 45) : min(CUTS[-1][1], end + 45)]
    alone = await index.find(tenant, "candle", 1, tuning=tuned(expansion="none"))
    assert alone.found[0].context is None
    everything = await index.find(tenant, "candle", 20, tuning=tuned(threshold=False))
    assert len(everything.found) > 2


async def test_while_the_model_changes_both_models_passages_are_found(index: Any) -> None:
    """The new model's vectors are mirrored: asked with the old model's they would be far away."""
    tenant = uuid4()
    await index.add(tenant, [RETURNS])
    mirrored = [-index.bus.vector(text) for text in (SHIPPING, WARRANTY)]
    await index.add(tenant, [SHIPPING, WARRANTY], vectors=mirrored, model="new/model")
    plain = index.bus.vector
    index.bus.vector_of = {"new/model": lambda text: -plain(text)}
    for question, passage in (("thirty days return", RETURNS), ("warranty defects", WARRANTY)):
        outcome = await index.find(tenant, question, explain=True)
        assert outcome.found[0].passage.text == passage
        assert not outcome.degraded
        assert sorted(outcome.explained.index.models) == ["new/model", "test/words"]
        scores = {one.vector_score for one in outcome.explained.candidates}
        assert None not in scores
        assert max(scores) > 0.3
    index.bus.vector_of = {"new/model": lambda _: -plain(WARRANTY)}
    assert (await index.texts(tenant, "guarantee"))[0] == WARRANTY, "only words were searched"
    index.bus.without = {"new/model": AskFailed("unknown_model", "it is gone")}
    half = await index.find(tenant, "thirty days return", explain=True)
    assert half.degraded
    assert half.found[0].passage.text == RETURNS
    assert "unknown_model" in half.explained.vector_method


async def test_a_model_re_ranks_and_its_failure_changes_nothing(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, SHOP)
    question = "return an item of the warehouse"
    fused = await index.texts(tenant, question, 4)
    asked = tuned(reranker="cohere/rank", threshold=False)
    failed = await index.find(tenant, question, 4, tuning=asked, explain=True)
    assert [found.passage.text for found in failed.found] == fused
    assert "cohere/rank failed: timeout" in failed.explained.reranker
    index.bus.rank = lambda request: [
        1.0 if WARRANTY in text else 0.1 / place for place, text in enumerate(request.texts, 1)
    ]
    judged = await index.find(tenant, question, 4, tuning=asked, explain=True)
    assert judged.found[0].passage.text == WARRANTY
    assert judged.found[0].rerank_score == 1.0
    assert "then cohere/rank" in judged.explained.reranker
    first = next(one for one in judged.explained.candidates if one.rerank_rank == 1)
    assert first.cut_by == "given"


async def test_nothing_says_why_and_what_to_do(index: Any) -> None:
    tenant = uuid4()
    causes = []

    async def ask(question: str = "astronomy", **others: Any) -> None:
        answer = answer_of(await index.find(tenant, question, **others))
        assert answer.passages == []
        assert answer.cause_detail
        causes.append((answer.cause, answer.reason))

    await ask()
    document = await index.add(tenant, SHOP)
    away(index)
    await ask()
    index.bus.away = None
    index.bus.without = {"test/words": AskFailed("unknown_model", "gone")}
    await ask()
    index.bus.without = {}
    await index.choose(tenant, minimum_similarity=0.9)
    await ask("stars and planets")
    await ask(only=only(tags_any=["none has this"]))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await index.configure(tenant, document, 1, expires_at=yesterday)
    await ask()
    await index.configure(tenant, document, 2, enabled=False)
    await ask()
    assert causes == [
        ("no_documents", "no_documents"),
        ("no_match", "below_threshold"),
        ("index_version", "below_threshold"),
        ("below_threshold", "below_threshold"),
        ("filtered", "below_threshold"),
        ("expired", "none_ready"),
        ("disabled", "none_ready"),
    ]


async def test_a_new_models_floor_is_measured_in_the_tenants_own_index(index: Any) -> None:
    """Every cosine of this model is above .5: only its own passages tell what unlike means."""
    tenant = uuid4()
    rng = np.random.default_rng(3)

    def lifted(_: str) -> np.ndarray:
        vector = (rng.standard_normal(384) + 1.5).astype("<f4")
        return vector / np.linalg.norm(vector)

    for number in range(40):
        text = f"passage number {number} of its own kind"
        await index.add(tenant, [text], vectors=[lifted(text)], model="new/lifted")
    index.bus.vector = lifted
    first = await index.find(tenant, "astronomy", explain=True)
    assert first.explained.threshold == "none"
    await index.search.calibration.settled()
    floor = index.search.calibration.floor(tenant, "new/lifted")
    assert 0.6 < floor < 0.8
    second = await index.find(tenant, "astronomy", explain=True)
    assert "(calibrated)" in second.explained.threshold
    assert second.explained.cuts["below_threshold"] >= 5


async def test_a_large_vocabulary_is_not_read_for_one_slip(
    index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer beginnings are compared where there are many pages, none where it stays too much."""
    monkeypatch.setattr("retriever.segment._PAGE_TERMS", 2)
    tenant = uuid4()
    await index.add(tenant, [f"w{letter}rd warranty" for letter in "abcdefghijklmno"])
    read: list[int] = []
    load = index.index._words._load

    async def counted(tx: Any, tenant_id: Any, wanted: Any) -> Any:
        read.append(len(wanted))
        return await load(tx, tenant_id, wanted)

    monkeypatch.setattr(index.index._words, "_load", counted)
    pages, terms = [], []
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "anything")
        for pages_max in (50, 3, 0):
            monkeypatch.setattr("retriever.words._NEAR_PAGES_MAX", pages_max)
            scope.seen.near.clear()
            begin = len(read)
            near = await index.index.near_terms(tx, scope, "english", "warrnti", 1)
            terms.append([one.term for one in near])
            pages.append(read[begin])
    assert terms == [["warranti"], ["warranti"], []]
    assert pages[0] > 3 >= pages[1] > pages[2] == 0


async def test_the_longest_answer_with_its_record_fits_a_message(index: Any) -> None:
    tenant = uuid4()
    texts = [f"{n} parcel " + "š š " * 1_300 for n in range(300)]
    vectors = [index.bus.vector(f"parcel {n}") for n in range(300)]
    await index.add(tenant, texts, title="š" * 512, vectors=vectors)
    tuning = tuned(candidates=200, threshold=False, near_duplicates=True, expansion="neighbours")
    outcome = await index.find(tenant, "parcel", 20, explain=True, tuning=tuning)
    answer = answer_of(outcome)
    assert len(answer.model_dump_json().encode()) <= MESSAGE_BYTES_MAX
    assert len(answer.passages) == len(outcome.found)
    assert answer.explained.candidates
    assert len(answer.explained.candidates) < len(outcome.explained.candidates)
    least = fitted(answer, 20_000)
    assert least.explained.candidates == []
    assert not any(one.context for one in least.passages)


@pytest.mark.parametrize("code", ["timeout", "overloaded", "unreachable", "context_too_long"])
async def test_the_failing_model_of_one_tenant_silences_nobody_else(index: Any, code: str) -> None:
    one, other = uuid4(), uuid4()
    await index.add(one, SHOP, model="their/model")
    await index.add(other, SHOP)
    index.search._embedder._pause_seconds = 60
    index.bus.without["their/model"] = AskFailed(code, "their provider cannot")
    await index.find(one, "parcels")
    assert (await index.find(one, "parcels")).degraded
    assert not (await index.find(other, "parcels")).degraded
    asked = len(index.bus.asked)
    assert (await index.find(one, "parcels")).degraded
    assert len(index.bus.asked) == asked
