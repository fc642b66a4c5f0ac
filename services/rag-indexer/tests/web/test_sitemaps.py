"""Which pages a sitemap gives, and what becomes of those that it does not list any more."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("testkit", reason="needs a real database")


def _sitemap_site(site: Any, *paths: str, **rest: Any) -> None:
    for path in paths:
        if "://" not in path:
            site.page(path, f"Words of {path}.")
    site.sitemap("/sitemap.xml", *paths, **rest)


async def test_every_page_of_a_sitemap_is_kept(world: Any, site: Any) -> None:
    paths = [f"/{n}" for n in range(7)]
    _sitemap_site(site, *paths, packed=True)
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    assert world.heard() == [("keep", path[1:]) for path in paths]
    source = await world.source(source_id)
    assert (source.found, source.fetched, source.changed, source.failed) == (7, 7, 7, 0)
    await world.again(source_id)
    assert world.heard() == []
    assert (await world.source(source_id)).changed == 0


async def test_an_index_is_followed(world: Any, site: Any) -> None:
    _sitemap_site(site, "/1", "/2")
    site.sitemap("/more.xml.gz", "/2", "/3", packed=True)
    site.page("/3", "Three.")
    site.sitemap("/index.xml", "/sitemap.xml", "/more.xml.gz", "/index.xml", kind="sitemapindex")
    await world.add(f"{site.url}/index.xml", "sitemap")
    await world.look()
    assert world.heard() == [("keep", "1"), ("keep", "2"), ("keep", "3")]
    assert site.asked.count("/index.xml") == 1


async def test_choices_bound_what_is_read(world: Any, site: Any) -> None:
    foreign = site.url.replace("127.0.0.1", "localhost") + "/help/0"
    _sitemap_site(
        site, foreign, "ftp://127.0.0.1/help/7", "http://u@127.0.0.1/help/8",
        "/help/1", "/help/2", "/help/3", "/help/old/4", "/shop/5",
    )  # fmt: skip
    site.page("/help/0", "Of another site.")
    source_id = await world.add(
        f"{site.url}/sitemap.xml", "sitemap", include=["/help"], exclude=["/help/old"], pages_max=2
    )
    await world.look()
    assert world.heard() == [("keep", "help/1"), ("keep", "help/2")]
    await world.choose(source_id, include=["/help/3", "/shop"], pages_max=10)
    await world.look()
    assert sorted(world.heard()) == [
        ("drop", "unlisted"), ("drop", "unlisted"), ("keep", "help/3"), ("keep", "shop/5"),
    ]  # fmt: skip


async def test_a_page_that_is_not_listed_any_more_is_dropped(world: Any, site: Any) -> None:
    _sitemap_site(site, "/1", "/2", "/3")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    site.page("/2", "Still there, and changed.")
    site.sitemap("/sitemap.xml", "/1", "/3")
    world.heard()
    await world.again(source_id)
    assert world.heard() == [("drop", "unlisted")]
    assert (await world.pages(source_id))["/2"].state == "gone"
    site.sitemap("/sitemap.xml", "/1", "/2", "/3")
    await world.again(source_id)
    assert world.heard() == [("keep", "2")]


async def test_a_sitemap_that_fails_drops_nothing(world: Any, site: Any) -> None:
    _sitemap_site(site, "/1", "/2")
    site.sitemap("/index.xml", "/sitemap.xml", kind="sitemapindex")
    source_id = await world.add(f"{site.url}/index.xml", "sitemap")
    await world.look()
    assert len(world.heard()) == 2

    async def look(code: str) -> None:
        async with world.database.system() as tx:
            await tx.execute("delete from web_hosts")
        await world.again(source_id)
        assert world.heard() == []
        source = await world.source(source_id)
        assert (source.state, source.code) == ("failing", code)
        assert {page.state for page in (await world.pages(source_id)).values()} == {"kept"}

    site.say("/sitemap.xml", "busy", status=500)
    await look("server_error")
    site.say("/sitemap.xml", "<html>login</html>")
    await look("not_a_sitemap")
    site.sitemap("/sitemap.xml")
    await look("empty_sitemap")
    site.sitemap("/sitemap.xml", "/1")
    site.sitemap("/index.xml", "/sitemap.xml", "/lost.xml", kind="sitemapindex")
    await look("not_found")


async def test_some_pages_may_fail(world: Any, site: Any) -> None:
    _sitemap_site(site, "/1", "/2", "/3")
    site.say("/2", "no", status=403)
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    source = await world.source(source_id)
    assert (source.state, source.code, source.failed) == ("idle", None, 1)
    assert source.detail == "1 of 3 pages could not be read; see them."
    assert (await world.pages(source_id))["/2"].code == "forbidden"


async def test_a_site_that_fails_is_left_alone(world: Any, site: Any) -> None:
    paths = [f"/{n}" for n in range(9)]
    _sitemap_site(site, *paths)
    for path in paths:
        site.say(path, "busy", status=500)
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    source = await world.source(source_id)
    assert (source.state, source.code) == ("failing", "server_error")
    assert len(site.pages_asked()) == 6, "the sitemap and five pages"


async def test_a_sitemap_is_read_in_a_child(
    world: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is damaged there leaves this process as it was."""
    import rag_indexer.sitemap_process as here

    monkeypatch.setattr(here.sys, "executable", str(Path("/bin/false")))
    _sitemap_site(site, "/1")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    assert (await world.source(source_id)).code == "not_a_sitemap"
