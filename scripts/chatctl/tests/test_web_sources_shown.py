"""`chatctl web …`: what is sent to the API, and what a person reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typer.testing import CliRunner

from chatctl import command_web
from chatctl.cli import app, console

PAGE = {
    "url": "https://a.example/[x]", "document_id": "d1", "state": "failed", "code": "forbidden",
    "detail": "The site does not let us read this page.", "fetched_at": "2026-11-23T01:02:03Z",
}  # fmt: skip
SOURCE = {
    "source_id": "s1", "url": "https://a.example/sitemap.xml", "choices": {"name": "A"},
    "state": "idle", "code": None, "detail": "1 of 9 pages could not be read; see them.",
    "found": 9, "fetched": 9, "changed": 2, "failed": 1, "next_look_at": None,
}  # fmt: skip


class Api:
    """Answers as the gateway does and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def post(self, path: str, body: Any = None) -> Any:
        self.asked.append(("POST", path, body))
        return SOURCE

    async def patch(self, path: str, body: Any) -> Any:
        self.asked.append(("PATCH", path, body))
        return SOURCE

    async def get(self, path: str, **query: Any) -> Any:
        self.asked.append(("GET", path, query))
        return {**SOURCE, "pages": [PAGE], "next_cursor": None if "cursor" in query else "more"}

    async def delete(self, path: str) -> Any:
        self.asked.append(("DELETE", path))
        return {"pages": 8}

    async def every(self, path: str) -> AsyncIterator[Any]:
        self.asked.append(("GET", path))
        yield SOURCE


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    state = {"CHAT_TENANT_ID": "t1"}
    monkeypatch.setattr(command_web, "with_api", lambda work: asyncio.run(work(made, state)))
    return made


def said(*arguments: str) -> str:
    with console.capture() as captured:
        done = CliRunner().invoke(app, ["web", *arguments])
    assert done.exit_code == 0, done.output
    return captured.get()


def test_adding(api: Api) -> None:
    said("add", "https://a.example/", "--sitemap", "--every", "0", "--include", "/help", "-t", "x")
    ((method, path, body),) = api.asked
    assert (method, path) == ("POST", "/api/tenants/t1/web-sources")
    assert (body["kind"], body["refresh_hours"], body["include"]) == ("sitemap", None, ["/help"])
    assert (body["tags"], body["language"], body["pages_max"]) == (["x"], None, 500)


def test_showing_every_page_with_what_to_do(api: Api) -> None:
    shown = said("show", "s1")
    assert shown.count("https://a.example/[x]") == 2
    assert "failed (forbidden)" in shown
    assert "The site does not let us read this page." in shown
    assert "9 of 9 pages, 2 new or changed, 1 failed; next look: when asked" in shown
    assert [query for *_, query in api.asked] == [{"limit": 200}, {"limit": 200, "cursor": "more"}]


def test_the_rest(api: Api) -> None:
    assert "9 of 9 pages" in said("list")
    said("set", "s1", "--pause", "--every", "6")
    said("refresh", "s1")
    assert "8 documents" in said("rm", "s1")
    assert api.asked == [
        ("GET", "/api/tenants/t1/web-sources"),
        ("PATCH", "/api/tenants/t1/web-sources/s1", {"paused": True, "refresh_hours": 6}),
        ("POST", "/api/tenants/t1/web-sources/s1/refresh", None),
        ("DELETE", "/api/tenants/t1/web-sources/s1"),
    ]
