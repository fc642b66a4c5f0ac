"""From a sitemap to an answer, fresh as the site is, and away again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from whole_platform import Shop

from testkit import eventually_async

ROBOTS = "User-agent: *\nDisallow: /private\n"


def page(title: str, words: str) -> str:
    frame = "<nav><a href='/'>Home</a> <a href='/cart'>Cart</a></nav>"
    return (
        f"<!doctype html><html lang='en'><head><title>{title}</title></head><body>{frame}"
        f"<main><h1>{title}</h1><p>{words} If anything is unclear, write to us and we will "
        "gladly help you within one working day.</p></main></body></html>"
    )


class Site:
    def __init__(self) -> None:
        self.url = ""
        self.pages: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/robots.txt":
            return web.Response(text=ROBOTS)
        if request.path == "/sitemap.xml":
            listed = "".join(f"<url><loc>{self.url}{path}</loc></url>" for path in self.pages)
            return web.Response(text=f"<urlset>{listed}</urlset>", content_type="application/xml")
        text = self.pages.get(request.path)
        return web.Response(
            text=text or "no such page", status=200 if text else 404, content_type="text/html"
        )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", site.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


async def test_a_site_is_read_kept_fresh_and_forgotten(shop: Shop, site: Site):
    tenant = f"/api/tenants/{shop.tenant_id}"
    site.pages = {
        "/oven": page("Oven Bora 9", "The oven Bora 9 must be cleaned with soda every 40 days."),
        "/pump": page("Pump Lika 2", "The pump Lika 2 needs new seals after 700 hours of work."),
        "/private/plan": page("Plan", "The secret kettle Kvarner 5 comes in spring."),
    }
    async with shop.api as api:

        async def found(query: str) -> str:
            answer = await api.post(f"{tenant}/search", {"query": query, "limit": 5})
            return " ".join(passage["text"] for passage in answer["passages"])

        async def finds(query: str, words: str) -> None:
            async def look() -> bool:
                return words in await found(query)

            await eventually_async(look, f"{words} is found", 60)

        source = await api.post(
            f"{tenant}/web-sources",
            {"url": f"{site.url}/sitemap.xml", "kind": "sitemap", "tags": ["site"]},
        )
        path = f"{tenant}/web-sources/{source['source_id']}"

        async def looked() -> dict[str, Any] | None:
            shown = await api.get(path)
            return shown if shown["state"] == "idle" else None

        await finds("How often must I clean the Bora 9?", "40 days")
        await finds("When does the Lika 2 need seals?", "700 hours")
        shown = await eventually_async(looked, "the look is over", 30)
        states = {one["url"].removeprefix(site.url): one for one in shown["pages"]}
        assert states["/private/plan"]["code"] == "robots_disallowed"
        assert "Kvarner" not in await found("When does the kettle Kvarner 5 come?")
        document_id = states["/oven"]["document_id"]
        document = await api.get(f"{tenant}/documents/{document_id}")
        assert (document["document_kind"], document["source_url"]) == ("web", f"{site.url}/oven")
        assert (document["title"], document["tags"]) == ("Oven Bora 9", ["site"])

        site.pages["/oven"] = page("Oven Bora 9", "The Bora 9 is cleaned with vinegar, 55 days.")
        del site.pages["/pump"]
        await api.post(f"{path}/refresh")
        await finds("How often must I clean the Bora 9?", "55 days")
        assert "40 days" not in await found("How often must I clean the Bora 9?")

        async def is_gone() -> bool:
            return "Lika" not in await found("When does the Lika 2 need seals?")

        await eventually_async(is_gone, "the page that is not listed any more", 30)
        assert (await api.delete(path))["pages"] == 1

        async def nothing() -> bool:
            return not await found("How often must I clean the Bora 9?")

        await eventually_async(nothing, "the source's documents are gone", 30)
