"""The demo shops' documents, and how an answer and its sources are shown."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rich.console import Console

from chatctl.answers import citation_line, print_answer
from chatctl.gateway_api import ApiProblem
from chatctl.seed_corpus import ACME, TENANTS
from chatctl.seeding import Seeder, SeedError
from chatctl.widget_client import Said
from simulators.meta.whatsapp_bodies import ACCOUNT_ID


class FakeApi:
    """Lists and creates in memory, as the gateway would."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists
        self.posted: list[tuple[str, dict[str, Any]]] = []

    async def every(self, path: str, **_: Any) -> AsyncIterator[dict[str, Any]]:
        for item in self.lists.get(path.rsplit("/", 1)[1], []):
            yield item

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.posted.append((path, body))
        return {"tenant_id": "t-1", "key": "k", "external_id": "w", **body}


class FakeClient:
    def __init__(self, *said: Said) -> None:
        self._said = said

    async def ask(self, _text: str) -> AsyncIterator[Said]:
        for one in self._said:
            yield one


def test_a_dozen_documents_and_one_that_is_not_english() -> None:
    documents = list(ACME.documents())
    assert len(documents) == 12
    texts = {name: data.decode() for name, data, _ in documents}
    assert "30 days" in texts["returns.md"]
    assert "roku od 30 dana" in texts["povrat-i-dostava.md"]
    assert all(list(tenant.documents()) for tenant in TENANTS)


async def test_a_tenant_that_exists_is_not_made_again() -> None:
    api = FakeApi(tenants=[{"slug": "acme-outdoor", "tenant_id": "t-0"}])
    assert await Seeder(api, "http://x").tenant(ACME) == "t-0"
    assert api.posted == []


async def test_channels_that_are_missing_are_made_in_the_gateways_shape() -> None:
    api = FakeApi(channels=[{"channel_type": "whatsapp", "external_id": "1"}])
    found = await Seeder(api, "http://x").channels("t-1", ACME)
    assert set(found) == {"whatsapp", "messenger", "webchat"}
    bodies = {body["channel_type"]: body for _, body in api.posted}
    assert set(bodies) == {"messenger", "webchat"}
    assert "external_id" not in bodies["webchat"]
    assert bodies["webchat"]["settings"]["allowed_origins"] == ["http://x"]
    assert "settings" not in bodies["messenger"]


async def test_templates_can_be_tried_in_the_demo_shop() -> None:
    api = FakeApi()
    await Seeder(api, "http://x").channels("t-1", ACME)
    (whatsapp,) = [body for _, body in api.posted if body["channel_type"] == "whatsapp"]
    assert whatsapp["settings"] == {"business_account_id": ACCOUNT_ID}


async def test_a_document_that_fails_is_named() -> None:
    failed = {"document_id": "d", "title": "Broken", "stage": "failed", "detail": "no text"}
    with pytest.raises(SeedError, match="Broken: no text"):
        await Seeder(FakeApi(documents=[failed]), "").wait_searchable("t", ["d"])


async def test_an_answer_is_printed_once_with_its_sources() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    citation = {"number": 1, "title": "returns", "heading": "How long", "quote": "30 days [ok]"}
    message = {"role": "bot", "text": "30 days [1].", "citations": [citation]}
    client = FakeClient(
        Said("delta", {"text": "30 "}),
        Said("delta", {"text": "days [1]."}),
        Said("message", message),
    )
    assert await print_answer(console, client, "How long?") == message
    assert out.getvalue().count("30 days [1].") == 1
    assert "[1] returns, How long: “30 days [ok]”" in out.getvalue()


def test_a_citation_without_place_is_still_shown() -> None:
    assert citation_line({"number": 2, "title": "Guide", "page": 3}) == "[2] Guide, page 3"


def test_a_problem_is_one_line() -> None:
    problem = ApiProblem(404, {"code": "not_found", "detail": "No such tenant.", "trace_id": "ab"})
    assert str(problem) == "404 not_found: No such tenant. (trace ab)"
