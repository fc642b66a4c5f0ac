"""A document is replaced, described, downloaded, rolled back; quotas; many files at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp

from bus import Refused
from contracts.v1.documents import (
    DocumentConfigured,
    DocumentReplaced,
    DocumentRolledBack,
    DocumentVersion,
    GetKnowledgeUse,
    IndexedPassage,
    KnowledgeUsed,
    ListPassages,
    ListVersions,
    PassagesListed,
    ReindexTenant,
    RollbackDocument,
    VersionsListed,
)
from contracts.v1.knowledge import KnowledgeFound, SearchKnowledge
from testkit import eventually_async

from .conftest import Answered, Owners, Running, Tenant
from .test_documents import Indexer, upload

RULE = {"strategy": "headings", "tokens": 128, "overlap_tokens": 16, "parent_tokens": 512}


class Everything(Indexer):
    """rag-indexer and retriever with versions, passages and use."""

    def __init__(self, owners: Owners) -> None:
        super().__init__(owners)
        self.asked: list[Any] = []
        indexer, retriever = owners.of("rag-indexer"), owners.of("retriever")
        for kind in (DocumentReplaced, DocumentConfigured, ReindexTenant):
            indexer.listen(kind, self._listener(kind))
        indexer.answer(ListVersions, self._versions)
        indexer.answer(GetKnowledgeUse, self._use)
        retriever.answer(RollbackDocument, self._roll_back)
        retriever.answer(ListPassages, self._passages)
        retriever.answer(SearchKnowledge, self._search)

    def heard(self, kind: Any) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    async def _versions(self, request: ListVersions) -> VersionsListed:
        version = DocumentVersion(
            document_version=1, state="kept", sha256=self.sha256, file_name="first.txt",
            passages=3, passages_reused=0, embedding_model=None, chunking=None, code=None,
            created_at=datetime.now(UTC), live_at=None,
        )  # fmt: skip
        return VersionsListed(versions=[version])

    sha256 = "0" * 64

    async def _use(self, request: GetKnowledgeUse) -> KnowledgeUsed:
        return KnowledgeUsed(
            documents=9, size_bytes=9, passages=7, tokens=70, stages={"ready": 1},
            embedding_cost_usd=None,
        )  # fmt: skip

    async def _roll_back(self, request: RollbackDocument) -> DocumentRolledBack:
        if request.document_version == 7:
            raise Refused("not_kept", "Version 7 is not kept.")
        return DocumentRolledBack(document_version=1, passages=3)

    async def _passages(self, request: ListPassages) -> PassagesListed:
        passage = IndexedPassage(
            passage_id=uuid4(), ordinal=request.from_ordinal, text="words", page=None, heading=None,
            start_offset=0, end_offset=5, token_count=1, parent_start=None, parent_end=None,
        )  # fmt: skip
        after = request.from_ordinal + 1 if request.from_ordinal < 2 else None
        return PassagesListed(document_version=1, passages=[passage], next_ordinal=after)

    async def _search(self, request: SearchKnowledge) -> KnowledgeFound:
        self.asked.append(request)
        return KnowledgeFound(
            passages=[], reason="none_ready", degraded=False, candidates=0, milliseconds=1.0,
            cause="filtered", cause_detail="No document has the tag x.",
        )  # fmt: skip


async def put(tenant: Tenant, one: str, name: str, data: bytes, **fields: str) -> Answered:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", data, filename=name)
    for field, value in fields.items():
        form.add_field(field, value)
    return await tenant.call("PUT", f"{one}/content", data=form)


async def test_a_document_is_replaced_described_and_brought_back(
    running: Running, owners: Owners
) -> None:
    owner = Everything(owners)
    await owners.start()
    tenant = await running.tenant()
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    fields = {
        "tags": "prices, prices,2026", "metadata": '{"shop": "Zagreb"}', "expires_at": soon,
        "enabled": "false", "chunking": json.dumps(RULE), "external_id": "p-1",
    }  # fmt: skip
    made = await upload(tenant, "first.txt", b"first words", **fields)
    assert made.status == 201, made.raw
    shown = made.json
    assert (shown["tags"], shown["enabled"], shown["chunking"]) == (["prices", "2026"], False, RULE)
    assert shown["metadata"] == [{"name": "shop", "value": "Zagreb"}]
    document_id, owner.sha256 = shown["document_id"], shown["sha256"]
    await eventually_async(lambda: owner.heard(DocumentConfigured), "what was said beside it")
    assert owner.heard(DocumentConfigured)[0].external_id == "p-1"
    one = f"{tenant.path}/documents/{document_id}"
    owner.knows(document_id, "ready")
    owner.known[document_id] = owner.known[document_id].model_copy(update={"sha256": owner.sha256})
    assert (await put(tenant, one, "first.txt", b"first words")).json["stage"] == "ready"
    replaced = await put(tenant, one, "second.txt", b"second words", title="Second")
    assert (replaced.status, replaced.json["stage"]) == (200, "queued"), replaced.raw
    again = await upload(tenant, "third.txt", b"third words", external_id="p-1")
    assert (again.status, again.json["document_id"]) == (200, document_id)
    await eventually_async(lambda: len(owner.heard(DocumentReplaced)) == 2, "both replacements")
    told = [(each.replacement, each.title) for each in owner.heard(DocumentReplaced)]
    assert told == [(1, "Second"), (2, "Second")]
    changed = await tenant.call("PATCH", one, {"enabled": True, "expires_at": None, "tags": []})
    assert changed.status == 200, changed.raw
    assert (changed.json["enabled"], changed.json["expires_at"]) == (True, None)
    assert (changed.json["tags"], changed.json["chunking"]) == ([], RULE)
    await eventually_async(lambda: len(owner.heard(DocumentConfigured)) == 2, "the change")
    assert owner.heard(DocumentConfigured)[1].revision == 2
    saved = await tenant.call("GET", f"{one}/content")
    assert (saved.raw, saved.headers["X-Content-Type-Options"]) == (b"third words", "nosniff")
    assert saved.headers["Content-Disposition"].startswith('attachment; filename="third.txt"')
    before = await tenant.call("GET", f"{one}/content?document_version=1")
    assert before.raw == b"first words"
    assert (await tenant.call("GET", f"{one}/content?document_version=2")).status == 404
    versions = (await tenant.call("GET", f"{one}/versions")).json["items"]
    assert [version["state"] for version in versions] == ["kept"]
    back = await tenant.call("POST", f"{one}/rollback", {})
    assert (back.status, back.json) == (200, {"document_version": 1, "passages": 3})
    lost = await tenant.call("POST", f"{one}/rollback", {"document_version": 7})
    assert (lost.status, lost.code) == (409, "not_kept")
    forth = await put(tenant, one, "third.txt", b"third words")
    assert forth.status == 200
    await eventually_async(lambda: len(owner.heard(DocumentReplaced)) == 3, "newest bytes again")
    page = (await tenant.call("GET", f"{one}/passages?limit=1")).json
    assert (page["document_version"], page["items"][0]["text"]) == (1, "words")
    after = await tenant.call("GET", f"{one}/passages?cursor={page['next_cursor']}")
    assert after.json["items"][0]["ordinal"] == 1


async def test_what_changes_nothing_and_what_is_no_change(running: Running, owners: Owners) -> None:
    owner = Everything(owners)
    await owners.start()
    tenant = await running.tenant()
    names = ("a.txt", "b.txt")
    made = [await upload(tenant, name, name.encode()) for name in names]
    ones = [f"{tenant.path}/documents/{each.json['document_id']}" for each in made]
    clash = await put(tenant, ones[0], "a.txt", b"b.txt")
    assert (clash.status, clash.code) == (409, "same_content")
    assert (await tenant.call("PATCH", ones[0], {"enabled": True})).status == 200
    for body in ({}, {"revision": 4}, {"tags": ["x"] * 33}, {"chunking": {"tokens": 64}}):
        answer = await tenant.call("PATCH", ones[0], body)
        assert (answer.status, answer.code) == (422, "invalid"), body
    for name, text in (
        ("metadata", "{"),
        ("tags", "[1"),
        ("expires_at", "soon"),
        ("language", "?"),
    ):
        answer = await upload(tenant, "c.txt", b"c", **{name: text})
        assert (answer.status, answer.code) == (422, "invalid"), name
    assert (await put(tenant, f"{tenant.path}/documents/{uuid4()}", "a.txt", b"x")).status == 404
    titled = await tenant.call("PATCH", ones[0], {"title": "Another"})
    assert titled.status == 200
    await eventually_async(lambda: owner.heard(DocumentReplaced), "passages carry the title")
    assert owner.heard(DocumentReplaced)[0].title == "Another"
    rows = await running.rows("select revision, replacement from uploads order by file_name")
    assert [tuple(row) for row in rows] == [(1, 1), (1, 0)]
    hostile = "..\\a%22; X=y\u202e;š.txt"
    odd = await upload(tenant, hostile, b"odd")
    saved = await tenant.call("GET", f"{tenant.path}/documents/{odd.json['document_id']}/content")
    place = saved.headers["Content-Disposition"]
    assert place.startswith('attachment; filename="a_22; X=y;_.txt"; filename*=UTF-8'), place
    assert saved.headers["Content-Type"] == "application/octet-stream"
    words = (await tenant.call("GET", f"{tenant.path}/documents?words=B.TX")).json["items"]
    assert [item["file_name"] for item in words] == ["b.txt"]
    assert (await tenant.call("GET", f"{tenant.path}/documents?kind=qa")).json["items"] == []
    for query in ("words=a%00", "tag=%00a", "kind=book", "stage=gone"):
        answer = await tenant.call("GET", f"{tenant.path}/documents?{query}")
        assert (answer.status, answer.code) == (422, "invalid"), query
    late = await tenant.call("POST", f"{ones[0]}/rollback", {"document_version": 10**18})
    assert (late.status, late.code) == (422, "invalid")
    all_of_them = await tenant.call("POST", f"{tenant.path}/documents/reindex")
    assert (all_of_them.status, all_of_them.json) == (202, {"documents": 3})
    await eventually_async(lambda: owner.heard(ReindexTenant), "the command for all")


async def test_many_files_and_quotas(running: Running, owners: Owners) -> None:
    Everything(owners)
    await owners.start()
    tenant = await running.tenant(quota_documents=4, quota_bytes=1000)
    form = aiohttp.FormData()
    for name, data in (("a.txt", b"a"), ("b.exe", b"MZ"), ("c.md", b"# c"), ("a2.txt", b"a")):
        form.add_field("file", data, filename=name)
    form.add_field("tags", "batch")
    many = await tenant.call("POST", f"{tenant.path}/documents/batch", data=form)
    assert many.status == 207, many.raw
    items = many.json["items"]
    assert [item["status"] for item in items] == [201, 415, 201, 200]
    assert items[1]["problem"]["code"] == "unsupported_type"
    assert items[0]["document"]["document_id"] == items[3]["document"]["document_id"]
    assert items[2]["document"]["tags"] == ["batch"]
    large = await upload(tenant, "d.txt", b"d" * 1000)
    assert (large.status, large.code) == (403, "quota_exceeded")
    assert large.json["figures"] == {
        "documents": 2, "documents_max": 4, "size_bytes": 4, "size_bytes_max": 1000,
    }  # fmt: skip
    texts = [{"title": str(number), "text": str(number)} for number in range(3)]
    over = await tenant.call("POST", f"{tenant.path}/documents/texts", {"items": texts})
    assert (over.status, over.code) == (403, "quota_exceeded")
    fits = await tenant.call("POST", f"{tenant.path}/documents/texts", {"items": texts[:2]})
    assert fits.status == 200
    use = (await tenant.call("GET", f"{tenant.path}/knowledge")).json
    assert (use["documents"], use["size_bytes"], use["passages"]) == (4, 6, 7)
    assert use["quotas"] == {"documents": 4, "size_bytes": 1000, "passages": None}
    one = f"{tenant.path}/documents/{items[0]['document']['document_id']}"
    assert (await put(tenant, one, "a.txt", b"x" * 996)).status == 403
    assert (await put(tenant, one, "a.txt", b"x" * 990)).status == 200
    more = await tenant.call("PUT", tenant.path, {"settings": {"quota_documents": 9}})
    assert (more.status, more.code) == (403, "admin_only")
    assert (await tenant.call("PUT", tenant.path, {"name": "Shop"})).status == 200
    given = await running.call("PUT", tenant.path, {"settings": {"quota_documents": None}})
    assert given.status == 200
    assert (await tenant.call("DELETE", one)).status == 204


async def test_searching_with_filter_tuning_and_settings(running: Running, owners: Owners) -> None:
    owner = Everything(owners)
    await owners.start()
    tenant = await running.tenant()
    body = {
        "query": "prices", "limit": 3, "explain": True,
        "filter": {"tags_any": ["x"], "kinds": ["qa"], "metadata": {"shop": "Zagreb"}},
        "tuning": {"fusion": "rrf", "reranker": "builtin/maxsim", "candidates": 50},
    }  # fmt: skip
    found = await tenant.call("POST", f"{tenant.path}/search", body)
    assert (found.status, found.json["cause"]) == (200, "filtered")
    (asked,) = owner.asked
    assert (asked.explain, asked.filter.tags_any, asked.filter.kinds) == (True, ["x"], ["qa"])
    assert [(entry.name, entry.value) for entry in asked.filter.metadata] == [("shop", "Zagreb")]
    assert (asked.tuning.fusion, asked.tuning.candidates, asked.tuning.threshold) == (
        "rrf", 50, None,
    )  # fmt: skip
    for wrong in ({"filter": {"tag": "x"}}, {"tuning": {"candidates": 999}}, {"explain": "so"}):
        answer = await tenant.call("POST", f"{tenant.path}/search", {"query": "x", **wrong})
        assert (answer.status, answer.code) == (422, "invalid"), wrong
    settings = {
        "chunking": RULE, "fusion": "rrf", "reranker": "none", "expansion": "neighbours",
        "minimum_similarity": 0.2, "rewrite_questions": False, "multi_query": True,
    }  # fmt: skip
    changed = await tenant.call("PUT", tenant.path, {"settings": settings})
    assert changed.status == 200, changed.raw
    assert {name: changed.json["settings"][name] for name in settings} == settings
    assert changed.json["settings"]["quota_bytes"] is None
    for wrong in (
        {"chunking": {**RULE, "overlap_tokens": 128}}, {"chunking": {**RULE, "parent_tokens": 64}},
        {"reranker": "best"}, {"fusion": "sum"}, {"keyword_weight": 0, "vector_weight": 0},
        {"minimum_similarity": 2},
    ):  # fmt: skip
        answer = await tenant.call("PUT", tenant.path, {"settings": wrong})
        assert (answer.status, answer.code) == (422, "invalid"), wrong
        assert answer.json["errors"][0]["field"].startswith("body.settings."), wrong
