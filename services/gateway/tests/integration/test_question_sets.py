"""A tenant's own questions: kept, counted, bounded, and nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from gateway.api import question_sets

from .conftest import Running, Tenant

DOCUMENT = str(uuid4())


def question(text: str, grade: float = 1.0, document_id: str = DOCUMENT) -> dict[str, Any]:
    return {"question": text, "relevant": [{"document_id": document_id, "grade": grade}]}


async def made(tenant: Tenant, **body: Any) -> dict[str, Any]:
    answer = await tenant.call("POST", f"{tenant.path}/question-sets", {"name": "Shop", **body})
    assert answer.status == 201, answer.raw
    return dict(answer.json)


async def test_a_set_its_questions_and_its_runs(running: Running) -> None:
    tenant = await running.tenant()
    found = await made(tenant, questions=[question("Do you ship to Norway?")])
    assert (found["name"], found["questions"]) == ("Shop", 1)
    one = f"{tenant.path}/question-sets/{found['set_id']}"
    more = {"items": [question("Opening hours?"), question("Do you ship to Norway?", 3.0)]}
    assert (await tenant.call("POST", f"{one}/questions", more)).json["questions"] == 2
    page = (await tenant.call("GET", f"{one}/questions?limit=1")).json
    assert page["items"][0]["question"] == "Do you ship to Norway?"
    assert page["items"][0]["relevant"] == [{"document_id": DOCUMENT, "grade": 3.0}]
    rest = await tenant.call("GET", f"{one}/questions?cursor={page['next_cursor']}")
    assert [item["question"] for item in rest.json["items"]] == ["Opening hours?"]
    last = rest.json["items"][0]["question_id"]
    assert (await tenant.call("DELETE", f"{one}/questions/{last}")).status == 204
    assert (await tenant.call("DELETE", f"{one}/questions/{last}")).status == 404
    assert (await tenant.call("GET", one)).json["questions"] == 1
    for figure in (0.5, 0.6):
        run = {"note": "shorter passages", "figures": {"ndcg@10": figure}}
        assert (await tenant.call("POST", f"{one}/runs", run)).status == 201
    runs = (await tenant.call("GET", f"{one}/runs")).json["items"]
    assert [item["figures"]["ndcg@10"] for item in runs] == [0.6, 0.5]
    assert (await tenant.call("DELETE", one)).status == 204
    assert (await tenant.call("GET", f"{one}/runs")).status == 404
    assert await running.rows("select * from questions") == []


async def test_what_a_set_may_not_be(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_sets, "QUESTIONS_MAX", 2)
    monkeypatch.setattr(question_sets, "SETS_MAX", 2)
    monkeypatch.setattr(question_sets, "RUNS_MAX", 2)
    tenant, other = await running.tenant(), await running.tenant()
    path = f"{tenant.path}/question-sets"
    found = await made(tenant)
    one = f"{path}/{found['set_id']}"
    taken = await tenant.call("POST", path, {"name": "Shop"})
    assert (taken.status, taken.code) == (409, "name_taken")
    await made(other)
    many = {"items": [question(f"Number {place}?") for place in range(3)]}
    refused = await tenant.call("POST", f"{one}/questions", many)
    assert (refused.status, refused.code) == (409, "too_many")
    assert (await tenant.call("GET", one)).json["questions"] == 0
    await made(tenant, name="Second")
    third = await tenant.call("POST", path, {"name": "Third"})
    assert (third.status, third.code) == (409, "too_many")
    for wrong in (
        {"items": []},
        {"items": [{"question": "x", "relevant": []}]},
        {"items": [question("x", 0.0)]},
        {"items": [{**question("x"), "answer": "y"}]},
    ):
        assert (await tenant.call("POST", f"{one}/questions", wrong)).status == 422
    large = {"figures": {"x": "y" * question_sets.FIGURES_BYTES_MAX}}
    assert (await tenant.call("POST", f"{one}/runs", large)).status == 422
    for place in range(3):
        await tenant.call("POST", f"{one}/runs", {"figures": {"place": place}})
    runs = (await tenant.call("GET", f"{one}/runs")).json["items"]
    assert [item["figures"]["place"] for item in runs] == [2, 1]
    # Another tenant's set answers as one that is not there, at every place under it.
    theirs = f"{other.path}/question-sets/{found['set_id']}"
    for method, place, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", "/questions", None),
        ("POST", "/questions", {"items": [question("x")]}),
        ("POST", "/runs", {"figures": {}}),
        ("GET", "/runs", None),
    ):
        assert (await other.call(method, theirs + place, body)).status == 404, (method, place)


async def test_the_same_key_makes_one_set_and_one_run(running: Running) -> None:
    tenant = await running.tenant()
    path, key = f"{tenant.path}/question-sets", {"Idempotency-Key": "once"}
    body = {"name": "Shop"}
    first = await tenant.call("POST", path, body, headers=key)
    again = await tenant.call("POST", path, body, headers=key)
    assert first.json["set_id"] == again.json["set_id"]
    runs = f"{path}/{first.json['set_id']}/runs"
    other = {"Idempotency-Key": "another"}
    for _ in range(2):
        assert (await tenant.call("POST", runs, {"figures": {}}, headers=other)).status == 201
    assert len((await tenant.call("GET", runs)).json["items"]) == 1
