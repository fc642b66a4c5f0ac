"""What becomes of pages: new, changed, noisy, gone, forbidden, and of their sources."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.v1.web_sources import KeepPage

from .conftest import AGENT, html_of

pytest.importorskip("testkit", reason="needs a real database")


async def test_a_page_becomes_a_document_with_all_that_is_known_of_it(
    world: Any, site: Any
) -> None:
    site.page("/help/returns", "Thirty days.", title="Returns")
    source_id = await world.add(f"{site.url}/help/returns#top", tags=["help"], language="en")
    await world.look()
    (kept,) = world.said(KeepPage)
    assert kept.url == f"{site.url}/help/returns"
    assert (kept.title, kept.file_name) == ("Returns", "returns.html")
    assert (kept.language, kept.tags, kept.source_id) == ("en", ["help"], source_id)
    assert await world.blobs.get(kept.sha256) == html_of("Thirty days.", title="Returns").encode()
    assert kept.size_bytes == len(await world.blobs.get(kept.sha256))
    source = await world.source(source_id)
    assert (source.state, source.code) == ("idle", None)
    assert (source.found, source.fetched, source.changed, source.failed) == (1, 1, 1, 0)
    assert source.next_look_at is not None
    assert 22 < (source.next_look_at - source.looked_at).total_seconds() / 3_600 < 26
    assert {page.state for page in (await world.pages(source_id)).values()} == {"kept"}
    assert site.requests[-1].headers["User-Agent"] == AGENT


async def test_new_words_are_a_new_version_and_noise_is_none(world: Any, site: Any) -> None:
    site.page("/a", "Open from nine to five.", noise="1")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    assert world.heard() == [("keep", "a")]
    site.page("/a", "Open from nine to five.", noise="another visitor, another cart")
    await world.again(source_id)
    assert world.heard() == []
    first = (await world.pages(source_id))["/a"]
    site.page("/a", "Open from ten to five.", noise="2")
    await world.again(source_id)
    assert world.heard() == [("keep", "a")]
    second = (await world.pages(source_id))["/a"]
    assert second.document_id == first.document_id
    assert second.changed_at > first.changed_at
    assert (await world.source(source_id)).changed == 1


async def test_what_has_not_changed_is_not_sent_again(world: Any, site: Any) -> None:
    site.say("/a", html_of("Words."), headers={"ETag": '"7"'})
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    await world.again(source_id)
    await world.again(source_id)
    assert world.heard() == [("keep", "a")]
    asked = [one.headers.get("If-None-Match") for one in site.requests if one.path == "/a"]
    assert asked == [None, '"7"', '"7"']
    assert (await world.source(source_id)).state == "idle"


async def test_a_page_is_gone_when_it_was_missing_twice(world: Any, site: Any) -> None:
    site.page("/a", "Here for now.")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    old = (await world.pages(source_id))["/a"].document_id
    world.heard()
    site.say("/a", "gone", status=404)
    await world.again(source_id)
    assert world.heard() == []
    assert (await world.pages(source_id))["/a"].state == "failed"
    assert (await world.source(source_id)).code == "not_found"
    site.say("/a", "gone", status=410)
    await world.again(source_id)
    assert world.heard() == [("drop", "gone")]
    assert (await world.pages(source_id))["/a"].state == "gone"
    await world.again(source_id)
    assert world.heard() == []
    site.page("/a", "Here for now.")
    await world.again(source_id)
    assert world.heard() == [("keep", "a")]
    back = (await world.pages(source_id))["/a"]
    assert back.state == "kept"
    assert back.document_id != old, "what was removed stays removed"


async def test_a_page_that_fails_in_between_is_not_gone(world: Any, site: Any) -> None:
    site.page("/a", "Here.")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    world.heard()
    for status in (404, 200, 404):
        site.say("/a", html_of("Here."), status=status)
        await world.again(source_id)
    assert world.heard() == []


async def test_a_page_deleted_by_hand_stays_deleted(world: Any, site: Any) -> None:
    site.sitemap("/sitemap.xml", "/a", "/b")
    site.page("/a", "First.")
    site.page("/b", "Second.")
    source_id = await world.add(f"{site.url}/sitemap.xml", "sitemap")
    await world.look()
    await world.remove_document((await world.pages(source_id))["/a"].document_id)
    world.heard()
    site.pages_asked()
    site.page("/a", "First, but otherwise.")
    site.page("/b", "Second, but otherwise.")
    await world.again(source_id)
    assert world.heard() == [("keep", "b")]
    assert site.pages_asked() == ["/sitemap.xml", "/b"]
    assert (await world.pages(source_id))["/a"].state == "excluded"


async def test_another_tenants_word_excludes_nothing(world: Any, site: Any) -> None:
    site.page("/a", "First.")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    own, world.tenant_id = world.tenant_id, uuid4()
    async with world.database.transaction(own) as tx:
        document_id: UUID = await tx.fetchval("select document_id from web_pages")
    await world.remove_document(document_id)
    world.tenant_id = own
    assert (await world.pages(source_id))["/a"].state == "kept"


FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"status": 401}, "forbidden"),
    ({"status": 403}, "forbidden"),
    ({"status": 429}, "rate_limited"),
    ({"status": 500}, "server_error"),
    ({"status": 503}, "server_error"),
    ({"status": 418}, "http_error"),
    ({"content_type": "image/png"}, "unsupported_type"),
    ({"headers": {"Content-Encoding": "br"}}, "unreadable_encoding"),
    ({"status": 302, "headers": {"Location": "/a"}}, "too_many_redirects"),
    ({"status": 302, "headers": {"Location": "ftp://example.com/"}}, "invalid_url"),
]


UNREADABLE: list[tuple[str | bytes, dict[str, Any], str]] = [
    ("<html><body><script>app()</script></body></html>", {}, "no_text"),
    (b"%PDF-1.7 and nothing more", {"content_type": "application/pdf"}, "corrupt_document"),
    (b"x" * 1_000_001, {}, "too_large"),
    *((html_of("Words."), changes, code) for changes, code in FAILURES),
]


async def test_failures_are_told_in_plain_words(world: Any, site: Any) -> None:
    codes: dict[str, str] = {}
    for number, (body, changes, code) in enumerate(UNREADABLE):
        changes = {**changes, "headers": {**changes.get("headers", {})}}
        if changes["headers"].get("Location") == "/a":
            changes["headers"]["Location"] = f"/{number}"
        site.say(f"/{number}", body, **changes)
        codes[await world.add(f"{site.url}/{number}")] = code
        async with world.database.system() as tx:
            await tx.execute("delete from web_hosts")
        await world.look()
    for source_id, code in codes.items():
        source = await world.source(source_id)
        (page,) = (await world.pages(source_id)).values()
        assert (page.state, page.code, source.code) == ("failed", code, code)
        assert (source.state, source.detail) == ("failing", page.detail)
        assert len(page.detail) > 30
    assert world.heard() == []


async def test_nobody_there(world: Any) -> None:
    for url, code in (
        ("http://nowhere.invalid/", "unresolvable"),
        ("http://127.0.0.1:1/", "connection_failed"),
    ):
        source_id = await world.add(url)
        await world.look()
        source = await world.source(source_id)
        assert source.code == code
        assert "127.0.0.1" not in source.detail
        assert 50 < (source.next_look_at - source.looked_at).total_seconds() < 90, "again soon"


async def test_an_old_version_stays_while_a_page_fails(world: Any, site: Any) -> None:
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    for status in (500, 403):
        site.say("/a", "broken", status=status)
        await world.again(source_id)
    assert world.heard() == [("keep", "a")]
    site.page("/a", "Words.")
    await world.again(source_id)
    assert world.heard() == []
    assert (await world.pages(source_id))["/a"].state == "kept"


async def test_nothing_private_is_dialled(public_world: Any, site: Any) -> None:
    for url in (f"{site.url}/a", site.url.replace("127.0.0.1", "localhost") + "/a"):
        source_id = await public_world.add(url)
        await public_world.look()
        source = await public_world.source(source_id)
        assert source.code == "blocked_address"
        assert "127.0.0.1" not in source.detail
    assert site.asked == []


async def test_a_redirect_does_not_lead_inside(
    public_world: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site itself is let through by its name; where it leads to is not."""
    allowed = type(public_world.policy).check_address

    def own_site_only(policy: Any, address: str) -> None:
        if address != "127.0.0.1":
            allowed(policy, address)

    site.say("/robots.txt", "", status=404)
    for number, inside in enumerate(("127.0.0.2", "169.254.169.254", "[::1]", "10.0.0.1")):
        monkeypatch.setattr(type(public_world.policy), "check_address", own_site_only)
        target = site.url.replace("127.0.0.1", inside) + "/secret"
        site.say(f"/to/{number}", "", status=302, headers={"Location": target})
        source_id = await public_world.add(f"{site.url}/to/{number}")
        await public_world.look()
        assert (await public_world.source(source_id)).code == "blocked_address"
    assert "/secret" not in site.asked


async def test_a_page_that_was_not_taken_is_offered_again(world: Any, site: Any) -> None:
    site.say("/a", html_of("Words."), headers={"ETag": '"7"'})
    source_id = await world.add(f"{site.url}/a")
    while await world.worker.work_once():
        continue
    assert (await world.pages(source_id))["/a"].state == "waiting"
    async with world.database.system() as tx:
        await tx.execute("update web_pages set changed_at = now() - interval '1 hour'")
    page = (await world.pages(source_id))["/a"]
    assert (page.state, page.code) == ("failed", "not_taken")
    await world.again(source_id)
    assert world.heard() == [("keep", "a"), ("keep", "a")]
    assert (await world.pages(source_id))["/a"].state == "kept"


async def test_text_in_the_servers_encoding_is_read(world: Any, site: Any) -> None:
    words = "Povrat je moguć unutar četrnaest dana, šaljite račun. " * 4
    site.say("/a.txt", words.encode("cp1250"), content_type="text/plain; charset=windows-1250")
    await world.add(f"{site.url}/a.txt")
    await world.look()
    (kept,) = world.said(KeepPage)
    assert (await world.blobs.get(kept.sha256)).decode("utf-8-sig") == words
    assert kept.file_name == "a.txt"
