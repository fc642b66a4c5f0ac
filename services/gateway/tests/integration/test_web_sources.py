"""Web pages become documents and go; the API about their sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from bus import Refused
from bus.service_bus import outgoing
from contracts.v1.documents import (
    DocumentRemoved,
    DocumentReplaced,
    DocumentUploaded,
    ForgetDocument,
    GetDocument,
)
from contracts.v1.web_sources import (
    CreateWebSource,
    DropPage,
    GetWebSource,
    KeepPage,
    ListWebSources,
    RefreshWebSource,
    RemoveWebSource,
    UpdateWebSource,
    WebPage,
    WebSource,
    WebSourceFound,
    WebSourceRemoved,
    WebSourcesListed,
)
from testkit import eventually_async

NOW = datetime.now(UTC)


class Indexer:
    """rag-indexer, as gateway sees it: hears documents, says pages, owns sources."""

    def __init__(self, owners: Any) -> None:
        self.bus = owners.of("rag-indexer")
        self.heard: list[Any] = []
        self.sources: dict[UUID, WebSourceFound] = {}
        self.bus.answer(GetDocument, self._unknown)
        owners.of("retriever").answer(ForgetDocument, self._unknown)
        for kind in (DocumentUploaded, DocumentReplaced, DocumentRemoved):
            self.bus.listen(kind, self._hear(kind))
        for request, answer in (
            (CreateWebSource, self._create),
            (UpdateWebSource, self._update),
            (GetWebSource, self._get),
            (ListWebSources, self._list),
            (RefreshWebSource, self._get),
            (RemoveWebSource, self._remove),
        ):
            self.bus.answer(request, answer)

    def _hear(self, kind: Any) -> Any:
        async def hear(delivery: Any) -> None:
            self.heard.append(kind.hear(delivery.body))
            await delivery.done()

        return hear

    async def say(self, *commands: Any) -> None:
        for command in commands:
            await self.bus.publish(outgoing(command))

    def said(self) -> list[str]:
        return [type(one).__name__.removeprefix("Document") for one in self.heard]

    async def _unknown(self, _: Any) -> Any:
        raise Refused("not_found", "There is no such document.")

    async def _create(self, request: CreateWebSource) -> WebSourceFound:
        if not request.url.startswith("https://"):
            raise Refused("invalid_url", "The address cannot be read: no.")
        for found in self.sources.values():
            if found.source.url == request.url:
                return found
        source = WebSource(
            source_id=request.source_id, url=request.url, source_kind=request.source_kind,
            choices=request.choices, state="waiting", code=None, detail=None, found=1, fetched=0,
            changed=0, failed=0, created_at=NOW, looked_at=None, next_look_at=NOW,
        )  # fmt: skip
        page = WebPage(
            url=request.url, document_id=uuid4(), state="waiting", code=None, detail=None,
            fetched_at=None, changed_at=None,
        )  # fmt: skip
        found = WebSourceFound(source=source, pages=[page], next_cursor="further")
        self.sources[request.source_id] = found
        return found

    async def _update(self, request: UpdateWebSource) -> WebSourceFound:
        found = await self._get(request)
        source = found.source.model_copy(update={"choices": request.choices})
        self.sources[request.source_id] = found.model_copy(update={"source": source})
        return self.sources[request.source_id]

    async def _get(self, request: Any) -> WebSourceFound:
        if request.source_id not in self.sources:
            raise Refused("not_found", "There is no such web source.")
        return self.sources[request.source_id]

    async def _list(self, request: ListWebSources) -> WebSourcesListed:
        sources = [found.source for found in self.sources.values()]
        return WebSourcesListed(sources=sources, next_cursor=None)

    async def _remove(self, request: RemoveWebSource) -> WebSourceRemoved:
        await self._get(request)
        del self.sources[request.source_id]
        return WebSourceRemoved(pages=3)


@pytest.fixture
async def indexer(owners: Any) -> Indexer:
    indexer = Indexer(owners)
    await owners.start()
    return indexer


def keep_page(tenant: Any, document_id: UUID, words: str = "a", **changes: Any) -> KeepPage:
    fields = {
        "tenant_id": UUID(tenant.tenant_id),
        "document_id": document_id,
        "source_id": uuid4(),
        "url": "https://a.example/help",
        "title": "Help",
        "file_name": "help.html",
        "declared_type": "text/html; charset=utf-8",
        "size_bytes": 10,
        "sha256": words * 64,
        "language": "en",
        "tags": ["site"],
        **changes,
    }
    return KeepPage.make(**fields)


def drop_page(tenant: Any, document_id: UUID) -> DropPage:
    return DropPage.make(tenant_id=UUID(tenant.tenant_id), document_id=document_id, reason="gone")


async def until(indexer: Indexer, *names: str) -> None:
    await eventually_async(lambda: indexer.said() == list(names), f"heard {names}", 10)


async def heard(running: Any, indexer: Indexer, *commands: Any) -> None:
    """One after the other, each whatever came of it."""
    for command in commands:
        await indexer.say(command)
        sql = "select 1 from inbox where message_id = $1"
        await eventually_async(partial(running.rows, sql, command.message_id), "heard", 10)


async def test_a_page_becomes_a_document_and_is_replaced(running: Any, indexer: Indexer) -> None:
    tenant, document_id = await running.tenant(), uuid4()
    first = keep_page(tenant, document_id)
    await indexer.say(first, first)
    await until(indexer, "Uploaded")
    uploaded = indexer.heard[0]
    assert (uploaded.document_kind, uploaded.source_url) == ("web", "https://a.example/help")
    await tenant.call("PATCH", f"{tenant.path}/documents/{document_id}", {"tags": ["own"]})
    strange = {"title": "Hel\u202eping\n", "file_name": "../a\u202eb.html"}
    await indexer.say(keep_page(tenant, document_id, "b", **strange))
    await until(indexer, "Uploaded", "Replaced")
    replaced = indexer.heard[1]
    assert (replaced.sha256, replaced.title, replaced.replacement) == ("b" * 64, "Helping", 1)
    assert replaced.file_name == "ab.html"
    (row,) = await running.rows("select tags, kind, media_type from uploads")
    assert (row["tags"], row["kind"]) == (["own"], "web"), "a person's tags stay"
    other = keep_page(tenant, uuid4(), "b", url="https://a.example/same")
    await indexer.say(other)
    await until(indexer, "Uploaded", "Replaced", "Uploaded")


async def test_old_and_repeated_words_change_nothing(running: Any, indexer: Indexer) -> None:
    tenant, document_id = await running.tenant(), uuid4()
    new = keep_page(tenant, document_id, "b")
    old = keep_page(tenant, document_id, "a", occurred_at=new.occurred_at - timedelta(minutes=5))
    again = keep_page(tenant, document_id, "b")
    last = keep_page(tenant, document_id, "c")
    await heard(running, indexer, new, old, again, last)
    await until(indexer, "Uploaded", "Replaced")
    assert [one.sha256[0] for one in indexer.heard] == ["b", "c"]


async def test_what_is_gone_stays_gone(running: Any, indexer: Indexer) -> None:
    """A page that was dropped, one dropped before it was kept, and one that a person deleted."""
    tenant, dropped, early, deleted = await running.tenant(), uuid4(), uuid4(), uuid4()
    await indexer.say(keep_page(tenant, dropped))
    await until(indexer, "Uploaded")
    await indexer.say(drop_page(tenant, dropped), drop_page(tenant, dropped))
    await until(indexer, "Uploaded", "Removed")
    late, overtaken = keep_page(tenant, dropped, "b"), keep_page(tenant, early)
    await heard(running, indexer, late, drop_page(tenant, early), overtaken)
    await indexer.say(keep_page(tenant, deleted))
    await until(indexer, "Uploaded", "Removed", "Uploaded")
    await tenant.call("DELETE", f"{tenant.path}/documents/{deleted}")
    await heard(running, indexer, keep_page(tenant, deleted, "b"))
    await until(indexer, "Uploaded", "Removed", "Uploaded", "Removed")


async def test_quotas_hold_for_pages(running: Any, indexer: Indexer) -> None:
    tenant = await running.tenant(quota_documents=1)
    first, second = keep_page(tenant, uuid4()), keep_page(tenant, uuid4(), "b")
    await heard(running, indexer, first, second)
    await until(indexer, "Uploaded")
    await indexer.say(drop_page(tenant, first.document_id))
    await until(indexer, "Uploaded", "Removed")
    await indexer.say(keep_page(tenant, second.document_id, "b"))
    await until(indexer, "Uploaded", "Removed", "Uploaded")


async def test_sources_in_the_api(running: Any, indexer: Indexer) -> None:
    tenant = await running.tenant()
    path = f"{tenant.path}/web-sources"
    body = {"url": "https://a.example/sitemap.xml", "kind": "sitemap", "include": ["/help"]}
    made = await tenant.call("POST", path, body)
    assert made.status == 201, made.raw
    source_id = made.json["source_id"]
    assert made.json["choices"]["refresh_hours"] == 24
    assert made.json["pages"][0]["state"] == "waiting"
    again = await tenant.call("POST", path, body)
    assert (again.status, again.json["source_id"]) == (200, source_id)
    listed = await tenant.call("GET", path)
    assert [one["source_id"] for one in listed.json["items"]] == [source_id]
    shown = await tenant.call("GET", f"{path}/{source_id}")
    further = await tenant.call("GET", f"{path}/{source_id}?cursor={shown.json['next_cursor']}")
    assert further.status == 200
    change = {"refresh_hours": None, "paused": True}
    changed = await tenant.call("PATCH", f"{path}/{source_id}", change)
    choices = changed.json["choices"]
    assert (choices["refresh_hours"], choices["paused"]) == (None, True)
    assert choices["include"] == ["/help"], "absent fields stay"
    assert (await tenant.call("POST", f"{path}/{source_id}/refresh")).status == 202
    gone = await tenant.call("DELETE", f"{path}/{source_id}")
    assert (gone.status, gone.json) == (200, {"pages": 3})
    assert (await tenant.call("GET", f"{path}/{source_id}")).status == 404
    audit = await tenant.call("GET", f"{tenant.path}/audit")
    actions = [row["action"] for row in audit.json["items"] if "web_source" in row["action"]]
    assert actions == [
        "web_source.removed", "web_source.refreshed", "web_source.updated", "web_source.created",
    ]  # fmt: skip


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://127.0.0.1/"}, "invalid_url"),
    ({"url": "https://a.example/", "pages_max": 0}, "invalid"),
    ({"url": "https://a.example/", "refresh_hours": 0}, "invalid"),
    ({"url": "https://a.example/", "include": [""]}, "invalid"),
    ({"url": "https://a.example/", "kind": "feed"}, "invalid"),
    ({"url": "https://a.example/", "surprise": 1}, "invalid"),
    ({"url": "https://a.example/\x00"}, "invalid"),
    ({"url": "x"}, "invalid"),
    ({}, "invalid"),
]


async def test_what_is_wrong_is_told(running: Any, indexer: Indexer) -> None:
    tenant, stranger = await running.tenant(), await running.tenant()
    path = f"{tenant.path}/web-sources"
    for body, code in WRONG:
        answer = await tenant.call("POST", path, body)
        assert (answer.status, answer.code) == (422, code), body
    assert (await tenant.call("PATCH", f"{path}/{uuid4()}", {})).status == 422
    assert (await stranger.call("GET", path)).status == 404
    assert (await stranger.call("POST", path, {"url": "https://a.example/"})).status == 404
    assert (await tenant.call.using(None)("GET", path)).status == 401
    assert not indexer.sources
