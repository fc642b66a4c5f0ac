"""Sources are added, changed, paused, interrupted and taken away."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.tenants import TenantConfigured
from contracts.v1.web_sources import (
    CreateWebSource,
    GetWebSource,
    KeepPage,
    ListWebSources,
    RefreshWebSource,
    RemoveWebSource,
    UpdateWebSource,
)
from egress import WEB, EgressPolicy
from rag_indexer.web_worker import LookRule

from .conftest import LOOK, choices

pytest.importorskip("testkit", reason="needs a real database")


async def test_addresses_that_are_refused_at_once(world: Any) -> None:
    world.requests._policy = EgressPolicy(False, WEB)
    for url in (
        "http://127.0.0.1/a",
        "ftp://a.example/",
        "https://u:p@a.example/",
        "https://a.example:22/",
        "http://[::1]/",
        "https://169.254.169.254/latest",
    ):
        with pytest.raises(Refused) as caught:
            await world.add(url)
        assert caught.value.code == "invalid_url"


async def test_the_same_address_is_one_source(world: Any, site: Any) -> None:
    first = await world.add(f"{site.url}/a")
    second = await world.add(f"{site.url}/a#part")
    assert first == second
    request = ListWebSources.make(tenant_id=world.tenant_id, cursor=None, limit=10)
    assert len((await world.requests.list(request)).sources) == 1
    assert (await world.source(first)).choices.name == "127.0.0.1"
    again = CreateWebSource.make(
        tenant_id=world.tenant_id, source_id=first, url=f"{site.url}/a", source_kind="page",
        choices=choices(),
    )  # fmt: skip
    assert (await world.requests.create(again)).source.source_id == first


async def test_there_is_a_most(world: Any, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_indexer.web_requests.SOURCES_MAX", 2)
    for path in "ab":
        await world.add(f"{site.url}/{path}")
    with pytest.raises(Refused) as caught:
        await world.add(f"{site.url}/c")
    assert caught.value.code == "quota_exceeded"
    await world.add(f"{site.url}/a")


async def test_lists_go_page_by_page(world: Any, site: Any) -> None:
    paths = [f"/{n}" for n in range(5)]
    site.sitemap("/sitemap.xml", *paths)
    for path in paths:
        site.page(path, f"Words of {path}.")
        await world.add(f"{site.url}/x{path}")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    found: list[str] = []
    cursor = None
    while True:
        request = GetWebSource.make(
            tenant_id=world.tenant_id, source_id=source_id, cursor=cursor, limit=2
        )
        answer = await world.requests.get(request)
        found += [page.url for page in answer.pages]
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert found == [f"{site.url}{path}" for path in paths]
    sources: list[str] = []
    while True:
        listing = ListWebSources.make(tenant_id=world.tenant_id, cursor=cursor, limit=4)
        page = await world.requests.list(listing)
        sources += [one.url for one in page.sources]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sources == [f"{site.url}/sitemap.xml", *(f"{site.url}/x{p}" for p in reversed(paths))]
    for wrong in (
        world.requests.get(
            GetWebSource.make(
                tenant_id=world.tenant_id, source_id=source_id, cursor="nonsense", limit=2
            )
        ),
        world.requests.list(
            ListWebSources.make(tenant_id=world.tenant_id, cursor="nonsense", limit=2)
        ),
    ):
        with pytest.raises(Refused) as caught:
            await wrong
        assert caught.value.code == "invalid_cursor"


async def test_another_tenants_source_is_not_there(world: Any, site: Any) -> None:
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    world.heard()
    stranger = {"tenant_id": uuid4(), "source_id": source_id}
    for work in (
        world.requests.get(GetWebSource.make(**stranger, cursor=None, limit=1)),
        world.requests.update(UpdateWebSource.make(**stranger, choices=choices())),
        world.requests.refresh(RefreshWebSource.make(**stranger)),
        world.requests.remove(RemoveWebSource.make(**stranger)),
    ):
        with pytest.raises(Refused) as caught:
            await work
        assert caught.value.code == "not_found"
    request = CreateWebSource.make(
        **stranger, url=f"{site.url}/b", source_kind="page", choices=choices()
    )
    with pytest.raises(Refused) as caught:
        await world.requests.create(request)
    assert caught.value.code == "conflict"
    assert world.heard() == []


async def test_a_removed_source_takes_its_pages_along(world: Any, site: Any) -> None:
    site.sitemap("/sitemap.xml", "/1", "/2", "/3", "/4")
    for path in ("/1", "/2", "/3"):
        site.page(path, f"Words of {path}.")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    pages = await world.pages(source_id)
    await world.remove_document(pages["/2"].document_id)
    world.heard()
    request = RemoveWebSource.make(tenant_id=world.tenant_id, source_id=source_id)
    assert (await world.requests.remove(request)).pages == 2
    assert world.heard() == [("drop", "source_removed")] * 2
    with pytest.raises(Refused):
        await world.requests.remove(request)
    assert await world.worker.work_once() is False


async def test_nothing_is_fetched_while_it_is_paused(world: Any, site: Any) -> None:
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a", paused=True)
    await world.look()
    assert site.asked == []
    source = await world.source(source_id)
    assert (source.state, source.next_look_at) == ("paused", None)
    await world.again(source_id)
    assert site.asked == []
    await world.choose(source_id)
    await world.look()
    assert world.heard() == [("keep", "a")]


async def test_a_pause_stops_a_look_that_runs(world: Any, site: Any) -> None:
    paths = [f"/{n}" for n in range(4)]
    site.sitemap("/sitemap.xml", *paths)
    for path in paths:
        site.page(path, f"Words of {path}.")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    world.worker = world.another_worker(replace(LOOK, slice_seconds=0.0))
    await world.worker.work_once()
    await world.choose(source_id, paused=True)
    await world.look()
    assert world.heard() == [("keep", "0")]
    await world.choose(source_id)
    world.worker = world.another_worker()
    await world.look()
    assert world.heard() == [("keep", "1"), ("keep", "2"), ("keep", "3")]
    assert site.asked.count("/sitemap.xml") == 1, "the look went on where it was"


async def test_sources_are_looked_at_when_they_are_due(world: Any, site: Any) -> None:
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a", refresh_hours=5)
    await world.look()
    site.pages_asked()
    await world.look()
    assert site.pages_asked() == []
    async with world.database.system() as tx:
        await tx.execute("update web_sources set next_look_at = now() - interval '1 second'")
    await world.look()
    assert site.pages_asked() == ["/a"]
    await world.choose(source_id, refresh_hours=None)
    await world.again(source_id)
    assert (await world.source(source_id)).next_look_at is None


async def test_large_sites_do_not_keep_small_ones_waiting(world: Any, site: Any) -> None:
    paths = [f"/{n}" for n in range(6)]
    site.sitemap("/sitemap.xml", *paths)
    for path in (*paths, "/small"):
        site.page(path, f"Words of {path}.")
    await world.add(f"{site.url}/sitemap.xml", "sitemap")
    worker = world.another_worker(replace(LOOK, slice_seconds=0.0))
    await worker.work_once()
    await world.add(f"{site.url}/small")
    world.worker = worker
    await world.look()
    kept = [one.url.rpartition("/")[2] for one in world.said(KeepPage)]
    assert kept == ["0", "1", "small", "2", "3", "4", "5"]


async def test_a_worker_that_died_is_followed_by_another(world: Any, site: Any) -> None:
    """Its pages are not read again, and the dead one's late word counts for nothing."""
    paths = [f"/{n}" for n in range(4)]
    site.sitemap("/sitemap.xml", *paths)
    for path in paths:
        site.page(path, f"Words of {path}.")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    async with world.database.system() as tx:
        dead = await world.store.claim(tx, 60.0)
    await world.looks._list(dead)
    async with world.database.transaction(world.tenant_id) as tx:
        page = await world.store.next_page(tx, dead)
    outcome = await world.looks._outcome(dead, page)
    await world.looks._save(dead, outcome)
    assert await world.worker.work_once() is False, "the lease is not over yet"
    async with world.database.system() as tx:
        await tx.execute("update web_sources set lease_until = now() - interval '1 second'")
    await world.look()
    assert [path for _, path in world.heard()] == ["0", "1", "2", "3"]
    assert (await world.source(source_id)).state == "idle"
    with pytest.raises(Exception, match=str(source_id)):
        await world.looks._save(dead, outcome)
    assert world.heard() == []


async def test_a_look_that_kills_every_worker_ends(world: Any, site: Any) -> None:
    source_id = await world.add(f"{site.url}/a")
    async with world.database.system() as tx:
        await tx.execute("update web_sources set tries = 5")
    await world.look()
    source = await world.source(source_id)
    assert (source.state, source.code) == ("failing", "internal_error")


async def test_a_worker_that_stops_lets_go(world: Any, site: Any) -> None:
    async with world.database.system() as tx:
        await tx.execute(
            "insert into web_hosts values ('127.0.0.1', now() + interval '1 hour', now())"
        )
    await world.add(f"{site.url}/a")
    task = asyncio.create_task(world.another_worker(LookRule()).work_once())
    for _ in range(500):
        async with world.database.system() as tx:
            if await tx.fetchval("select lease_until is not null from web_sources"):
                break
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with world.database.system() as tx:
        assert await tx.fetchval("select lease_until is null and tries = 0 from web_sources")


async def test_a_removed_tenants_sources_go(world: Any, site: Any) -> None:
    source_id = await world.add(f"{site.url}/a")
    message = TenantConfigured.model_construct(tenant_id=world.tenant_id, state="removed")
    async with world.database.transaction(world.tenant_id) as tx:
        await world.requests.tenant_configured(message, tx)
    with pytest.raises(Refused):
        await world.source(source_id)
