"""What a tenant chose for its documents: who is searched, from when on, and how it is counted."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bus import AskTimeout
from contracts.v1.documents import MetadataEntry
from contracts.v1.knowledge import SearchFilter

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")


def only(**given: Any) -> SearchFilter:
    empty = dict.fromkeys(SearchFilter.model_fields)
    return SearchFilter(**{**empty, **given})


async def legs(index: Any, tenant: UUID, chosen: SearchFilter | None = None) -> Any:
    """What each leg finds (the passages' documents), and the scope."""
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "words of the house", chosen)
        words = await index.index.search_words(tx, scope)
        keys = {hit.key for hit in words.hits}
        near: set[int] = set()
        for group in scope.groups:
            vector = index.bus.vector("words of the house").tolist()
            found = await index.index.search_vectors(tx, scope, group, vector)
            near |= {hit.key for hit in found.hits}
        read = await index.index.read_passages(tx, scope, sorted(keys | near))
    by_word = {read[key].document_id for key in keys}
    by_vector = {read[key].document_id for key in near}
    return by_word, by_vector, scope


async def seen_by_both(index: Any, tenant: UUID, chosen: SearchFilter | None = None) -> Any:
    by_word, by_vector, _ = await legs(index, tenant, chosen)
    assert by_word == by_vector
    return by_word


async def test_a_disabled_document_is_unseen_and_comes_back(index: Any) -> None:
    tenant = uuid4()
    one = await index.add(tenant, ["words of one house"])
    other = await index.add(tenant, ["words of another house"])
    assert await seen_by_both(index, tenant) == {one, other}
    await index.configure(tenant, one, 1, enabled=False)
    assert await seen_by_both(index, tenant) == {other}
    _, _, scope = await legs(index, tenant)
    assert (scope.documents, scope.documents_searched, scope.documents_disabled) == (2, 1, 1)
    assert scope.passages == 1
    await index.configure(tenant, one, 3, enabled=True)
    await index.configure(tenant, one, 2, enabled=False)
    assert await seen_by_both(index, tenant) == {one, other}


async def test_news_that_come_before_the_document_count(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    await index.configure(tenant, document, 1, enabled=False)
    await index.add(tenant, ["words of a house"], document_id=document)
    assert await seen_by_both(index, tenant) == set()
    await index.add(tenant, ["words of a new house"], document_id=document, version=2)
    assert await seen_by_both(index, tenant) == set()


async def test_an_expired_document_is_unseen_by_the_clock_of_the_database(index: Any) -> None:
    tenant = uuid4()
    one = await index.add(tenant, ["words of one house"])
    soon = datetime.now(UTC) + timedelta(seconds=0.6)
    await index.configure(tenant, one, 1, expires_at=soon)
    assert await seen_by_both(index, tenant) == {one}
    while time.time() < soon.timestamp() + 0.05:
        assert (await index.find(tenant, "house")).found or time.time() >= soon.timestamp()
    assert await seen_by_both(index, tenant) == set()
    _, _, scope = await legs(index, tenant)
    assert (scope.documents, scope.documents_expired, scope.documents_searched) == (1, 1, 0)


async def test_filters_let_through_what_holds_all_that_is_given(index: Any) -> None:
    tenant = uuid4()
    documents = {
        name: await index.add(tenant, [f"words of the {name} house"], language=language)
        for name, language in (("red", "en"), ("blue", "pt-BR"), ("green", "en"))
    }
    red, blue, green = documents.values()
    colour = [MetadataEntry(name="colour", value="red"), MetadataEntry(name="year", value="1990")]
    await index.configure(tenant, red, 1, tags=["old", "small"], metadata=colour)
    await index.configure(tenant, blue, 1, tags=["old"], document_kind="web")
    expected = [
        ({"document_ids": [red, uuid4()]}, {red}),
        ({"kinds": ["web"]}, {blue}),
        ({"kinds": ["file"]}, {red, green}),
        ({"tags_any": ["small", "large"]}, {red}),
        ({"tags_all": ["old"]}, {red, blue}),
        ({"tags_all": ["old", "small"]}, {red}),
        ({"metadata": colour[:1]}, {red}),
        ({"metadata": [MetadataEntry(name="colour", value="blue")]}, set()),
        ({"languages": ["pt"]}, {blue}),
        ({"languages": ["EN"]}, {red, green}),
        ({"tags_any": ["old"], "kinds": ["file"]}, {red}),
        ({}, {red, blue, green}),
    ]
    for given, wanted in expected:
        by_word, by_vector, scope = await legs(index, tenant, only(**given))
        assert by_word == by_vector == wanted, given
        assert scope.documents_filtered == 3 - len(wanted)
        assert scope.documents_searched == len(wanted)


async def test_a_filter_over_many_passages_hides_the_others_too(
    index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of large filters: what may not be seen is taken out of the whole tenant."""
    monkeypatch.setattr("retriever.index.EXACT_PASSAGES_MAX", 1)
    tenant = uuid4()
    one = await index.add(tenant, ["words of one house", "words of its house"])
    await index.add(tenant, ["words of another house"])
    assert await seen_by_both(index, tenant, only(document_ids=[one])) == {one}


async def test_statistics_are_those_of_what_is_searched(index: Any) -> None:
    """A word that only unseen documents repeat is still rare."""
    tenant = uuid4()
    one = await index.add(tenant, ["zebra in the meadow", "grass in the meadow"])
    other = await index.add(tenant, ["zebra and zebra", "zebra again", "zebra once more"])
    _, both = await index.words(tenant, "zebra")
    await index.configure(tenant, other, 1, enabled=False)
    _, alone = await index.words(tenant, "zebra")
    assert [term.passages for term in both.terms] == [4]
    assert [term.passages for term in alone.terms] == [1]
    assert alone.terms[0].idf > both.terms[0].idf
    assert alone.terms[0].word == "zebra"
    assert one != other


async def test_two_models_are_searched_each_with_its_own_vector(index: Any) -> None:
    tenant = uuid4()
    old = await index.add(tenant, ["words of one house"] * 2, model="old/model")
    new = await index.add(tenant, ["words of another house"], model="new/model")
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "house")
        assert [(g.model, g.passages) for g in scope.groups] == [("old/model", 2), ("new/model", 1)]
        vector = index.bus.vector("house").tolist()
        for group, document in zip(scope.groups, (old, new), strict=True):
            found = await index.index.search_vectors(tx, scope, group, vector)
            read = await index.index.read_passages(tx, scope, [hit.key for hit in found.hits])
            assert {one.document_id for one in read.values()} == {document}
            assert found.method == f"exact over {group.passages} passages"


async def test_near_terms_are_found_in_the_tenants_own_vocabulary(index: Any) -> None:
    tenant = uuid4()
    await index.add(tenant, ["warranty for machines", "the warranty of the warden"])
    await index.add(uuid4(), ["warrant"])
    async with index.database.transaction(tenant) as tx:
        scope = await index.index.scope(tx, tenant, "warrnaty")
        near = await index.index.near_terms(tx, scope, "english", "warrnati", 2)
        known = await index.index.known_terms(tx, scope, "english", ["warranti", "nothing"])
    assert [(one.term, one.passages, one.distance) for one in near] == [("warranti", 2, 1)]
    assert known == {"warranti": 2, "nothing": 0}


async def test_words_alone_also_see_only_what_is_enabled(index: Any) -> None:
    tenant = uuid4()
    one = await index.add(tenant, ["words of one house"])
    index.bus.away = AskTimeout("llm-router", 1)
    await index.configure(tenant, one, 1, enabled=False)
    assert (await index.find(tenant, "house")).found == ()
