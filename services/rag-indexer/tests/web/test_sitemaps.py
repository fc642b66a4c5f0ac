"""Which pages a sitemap gives, and what becomes of those that it does not list any more."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from rag_indexer.sitemap_child import NoSitemap, read_sitemap

LOC = "<url><loc>https://a.example/1</loc></url>"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
)


@pytest.mark.parametrize(
    ("content", "kind", "addresses"),
    [
        (f"<urlset>{LOC}</urlset>", "pages", ["https://a.example/1"]),
        (f"\ufeff  <?xml version='1.0'?><urlset>{LOC}</urlset>", None, []),
        (
            '<ns:urlset xmlns:ns="x" xmlns:i="y"><ns:url><ns:loc> https://a.example/1?a=1&amp;b=2 '
            "</ns:loc><i:image><i:loc>https://a.example/p.png</i:loc></i:image></ns:url></ns:urlset>",
            "pages",
            ["https://a.example/1?a=1&b=2"],
        ),
        (
            "<sitemapindex><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>",
            "index",
            ["https://a.example/s.xml"],
        ),
        ("<urlset></urlset>", "pages", []),
        ("https://a.example/1\r\nhttps://a.example/2\n", "pages", ["https://a.example/1",
                                                                  "https://a.example/2"]),
        ("<html><body>hello</body></html>", None, []),
        ("<urlset><url><loc>https://a.example/1</loc>", None, []),
        ("hello", None, []),
        ("", None, []),
        (BOMB, None, []),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><urlset></urlset>', None, []),
        ("<urlset>" + "<a>" * 1_000 + "</a>" * 1_000 + "</urlset>", None, []),
    ],
)  # fmt: skip
def test_what_is_read(content: str, kind: str | None, addresses: list[str]) -> None:
    for body in (content.encode(), gzip.compress(content.encode())):
        if kind is None:
            with pytest.raises(NoSitemap):
                read_sitemap(body)
        else:
            assert read_sitemap(body) == {"kind": kind, "addresses": addresses}


def test_bounds() -> None:
    many = "".join(f"<url><loc>https://a.example/{n}</loc></url>" for n in range(50_010))
    assert len(read_sitemap(f"<urlset>{many}</urlset>".encode())["addresses"]) == 50_000
    long = f"<urlset><url><loc>https://a.example/{'a' * 2_048}</loc></url>{LOC}</urlset>"
    assert read_sitemap(long.encode())["addresses"] == ["https://a.example/1"]
    for packed in (gzip.compress(bytes(51 * 1024 * 1024)), gzip.compress(b"<urlset/>")[:-4]):
        with pytest.raises(NoSitemap):
            read_sitemap(packed)


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
