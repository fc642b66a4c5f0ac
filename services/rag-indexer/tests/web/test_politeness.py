"""robots.txt, one request at a time, pauses: also between processes."""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from aiohttp import web

from .conftest import html_of

pytest.importorskip("testkit", reason="needs a real database")


async def test_robots_txt_is_respected(world: Any, site: Any) -> None:
    site.say("/robots.txt", "User-agent: MetaChatPages\nDisallow: /private\n")
    site.page("/private/a", "Secret.")
    source_id = await world.add(f"{site.url}/private/a")
    await world.look()
    assert (await world.source(source_id)).code == "robots_disallowed"
    assert site.asked == ["/robots.txt"]


async def test_robots_txt_holds_for_redirects_too(world: Any, site: Any) -> None:
    site.say("/robots.txt", "User-agent: *\nDisallow: /private\n")
    site.page("/private/a", "Secret.")
    site.say("/a", "", status=301, headers={"Location": "/private/a"})
    source_id = await world.add(f"{site.url}/a")
    await world.look()
    assert (await world.source(source_id)).code == "robots_disallowed"
    assert site.asked == ["/robots.txt", "/a"]


async def test_a_site_that_fails_is_not_read_and_one_without_the_file_is(
    world: Any, site: Any
) -> None:
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a", paused=True)
    for status, code in (
        (200, None),
        (404, None),
        (403, None),
        (500, "robots_unreachable"),
        (429, "robots_unreachable"),
    ):
        site.say("/robots.txt", "", status=status)
        site.asked.clear()
        world.worker = world.another_worker()
        await world.choose(source_id)
        await world.again(source_id)
        assert (await world.source(source_id)).code == code
        assert ("/a" in site.asked) is (code is None)


async def test_robots_txt_is_asked_for_once_an_hour(world: Any, site: Any) -> None:
    for path in ("/a", "/b", "/c"):
        site.page(path, f"Words of {path}.")
        await world.add(f"{site.url}{path}")
    await world.look()
    assert site.asked.count("/robots.txt") == 1


async def test_one_request_at_a_time_from_all_processes(world: Any, site: Any) -> None:
    at_once: list[int] = [0, 0]

    async def answer(request: web.Request) -> web.Response:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.02)
        at_once[0] -= 1
        return web.Response(body=html_of(f"Words of {request.path}.").encode(),
                            content_type="text/html")  # fmt: skip

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for number in range(4):
        await world.add(f"{url}/{number}")
    await asyncio.gather(*(world.another_worker().work_once() for _ in range(4)))
    await world.look()
    await runner.cleanup()
    assert len(world.heard()) == 4
    assert at_once[1] == 1


async def test_there_is_a_pause_after_each_request(world: Any, site: Any) -> None:
    world.rule = replace(world.rule, pause_seconds=0.4)
    world.worker = world.another_worker()
    for path in ("/a", "/b"):
        site.page(path, f"Words of {path}.")
        await world.add(f"{site.url}{path}")
    began = monotonic()
    await world.look()
    assert monotonic() - began > 0.4
    assert len(world.heard()) == 2


PAUSES: list[tuple[str, dict[str, Any], int, int]] = [
    ("User-agent: *\nCrawl-delay: 20\n", {}, 15, 20),
    ("User-agent: *\nCrawl-delay: 4000\n", {}, 25, 30),
    ("", {"status": 429, "headers": {"Retry-After": "120"}}, 100, 120),
    ("", {"status": 429}, 25, 30),
    ("", {"status": 503, "headers": {"Retry-After": "99999"}}, 250, 300),
]


async def test_a_site_may_ask_for_a_longer_pause(world: Any, site: Any) -> None:
    for number, (robots, answer, least, most) in enumerate(PAUSES):
        site.say("/robots.txt", robots)
        site.say(f"/{number}", html_of("Words."), **answer)
        world.worker = world.another_worker()
        await world.add(f"{site.url}/{number}")
        await world.look()
        async with world.database.system() as tx:
            pause = await tx.fetchval("select extract(epoch from free_at - now()) from web_hosts")
            await tx.execute("delete from web_hosts")
        assert least < pause <= most


async def test_a_busy_site_keeps_nobody_else_waiting(world: Any, site: Any) -> None:
    async with world.database.system() as tx:
        await tx.execute(
            "insert into web_hosts values ('127.0.0.1', now() + interval '1 hour', now())"
        )
    world.rule = replace(world.rule, patience_seconds=0.0)
    worker = world.another_worker()
    site.page("/a", "Words.")
    source_id = await world.add(f"{site.url}/a")
    await worker.work_once()
    assert site.asked == []
    source = await world.source(source_id)
    assert (source.state, source.code) == ("fetching", None)
    async with world.database.system() as tx:
        await tx.execute("update web_hosts set busy_until = now()")
        assert await tx.fetchval("select tries from web_sources") == 0
    await world.look()
    assert world.heard() == [("keep", "a")]
