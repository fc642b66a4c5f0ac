"""Sites that are slow on purpose, or say what nobody can keep: a look goes on all the same."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contracts.message import MESSAGE_BYTES_MAX
from contracts.v1.web_sources import GetWebSource, ListWebSources
from rag_indexer import sitemaps, web_reading

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")


async def test_an_index_of_a_site_that_wants_long_pauses_is_read_to_its_end(
    world: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every try would begin with the first file again, for ever."""
    monkeypatch.setattr(web_reading, "_DELAY_SECONDS_MAX", 0.6)
    site.say("/robots.txt", "User-agent: *\nCrawl-delay: 60\n")
    site.sitemap("/sitemap.xml", "/one.xml", kind="sitemapindex")
    site.sitemap("/one.xml", "/a")
    site.page("/a", "Words.")
    world.rule = replace(world.rule, patience_seconds=0.2)
    world.worker = world.another_worker()
    await world.add(f"{site.url}/sitemap.xml", "sitemap")
    async with asyncio.timeout(20):
        await world.look()
    assert site.pages_asked() == ["/sitemap.xml", "/one.xml", "/a"]


async def test_a_site_that_wants_to_be_left_alone_ends_the_listing(
    world: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the list would begin with its first file again, for ever; what is known is read."""
    monkeypatch.setattr(web_reading, "_DELAY_SECONDS_MAX", 0.1)
    monkeypatch.setattr(web_reading, "_LIST_MARGIN_SECONDS", 0.1)
    files = [f"/{n}.xml" for n in range(3)]
    site.sitemap("/sitemap.xml", *files, kind="sitemapindex")
    site.sitemap("/0.xml", "/a")
    site.say("/1.xml", "", status=429, headers={"Retry-After": "120"})
    world.rule = replace(world.rule, patience_seconds=0.1)
    world.worker = world.another_worker()
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.worker.work_once()
    assert site.pages_asked() == ["/sitemap.xml", "/0.xml", "/1.xml"]
    assert [*await world.pages(source_id)] == ["/a"]
    source = await world.source(source_id)
    assert (source.found, source.code) == (1, "rate_limited")


async def test_a_listing_without_end_ends(
    world: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemaps, "_SECONDS_MAX", 0.0)
    site.sitemap("/sitemap.xml", "/one.xml", "/two.xml", kind="sitemapindex")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    assert site.pages_asked() == ["/sitemap.xml"]
    assert (await world.source(source_id)).code == "timeout"


async def test_an_address_that_grows_too_long_is_no_page(world: Any, site: Any) -> None:
    """Each letter that is not ASCII is six characters of an address; no answer could name it."""
    site.sitemap("/sitemap.xml", "/" + "č" * 500, "/z")
    site.page("/z", "Words.")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    assert world.heard() == [("keep", "z")]
    assert list(await world.pages(source_id)) == ["/z"]


async def raw_site(head: bytes, body: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if asked.startswith(b"GET /robots.txt"):
            writer.write(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html; x=\xe9\r\nConnection: close\r\n"
                + head + b"Content-Length: %d\r\n\r\n" % len(body) + body
            )  # fmt: skip
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def test_headers_that_are_no_text_stop_nothing(world: Any) -> None:
    body = b"<html><body><main><p>Returns are accepted for a month.</p></main></body></html>"
    server = await raw_site(b'ETag: "\xe9\xff"\r\nLast-Modified: \xff\r\n', body)
    port = server.sockets[0].getsockname()[1]
    async with server:
        source_id = await world.add(f"http://127.0.0.1:{port}/a")
        await world.look()
    assert world.heard() == [("keep", "a")]
    assert (await world.source(source_id)).code is None


async def test_long_addresses_are_listed_in_shorter_pages(world: Any, site: Any) -> None:
    """An answer has to fit into one message."""
    paths = [f"/{n:03}{'x' * 1_900}" for n in range(150)]
    site.sitemap("/sitemap.xml", *paths)
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap", pages_max=200)
    async with world.database.system() as tx:
        look = await world.store.claim(tx, 60.0)
    await world.looks._list(look)
    cursor, seen = None, []
    while True:
        request = GetWebSource.make(
            tenant_id=world.tenant_id, source_id=source_id, cursor=cursor, limit=200
        )
        answer = await world.requests.get(request)
        assert len(answer.model_dump_json()) < MESSAGE_BYTES_MAX
        seen += [page.url for page in answer.pages]
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert seen == [site.url + path for path in paths]


async def test_sources_with_many_paths_are_listed_in_shorter_pages(world: Any) -> None:
    prefixes = [f"/{n}{'x' * 500}" for n in range(32)]
    for n in range(12):
        await world.add(f"http://a.example/{n}", include=prefixes, exclude=prefixes)
    cursor, seen = None, []
    while True:
        request = ListWebSources.make(tenant_id=world.tenant_id, cursor=cursor, limit=200)
        answer = await world.requests.list(request)
        assert len(answer.model_dump_json()) < MESSAGE_BYTES_MAX
        seen += [source.url for source in answer.sources]
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert seen == [f"http://a.example/{n}" for n in reversed(range(12))]
