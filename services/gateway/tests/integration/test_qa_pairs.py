"""Questions that a tenant answers itself: documents of their own kind, alone or by the table."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import aiohttp

from contracts.v1.documents import ForgetDocument

from .conftest import Answered, Owners, Running, Tenant
from .test_documents import Indexer

PAIR = {"question": "Do you ship to Norway?", "answer": "Yes, in five days.", "tags": ["ship"]}


async def import_table(tenant: Tenant, data: bytes, **headers: str) -> Answered:
    form = aiohttp.FormData()
    form.add_field("file", data, filename="pairs.csv")
    return await tenant.call("POST", f"{tenant.path}/qa-pairs/import", data=form, headers=headers)


async def test_a_pair_from_its_making_to_its_deletion(running: Running, owners: Owners) -> None:
    indexer = Indexer(owners)
    await owners.start()
    tenant = await running.tenant()
    path = f"{tenant.path}/qa-pairs"
    made = await tenant.call("POST", path, PAIR)
    assert made.status == 201, made.raw
    one = f"{path}/{made.json['document_id']}"
    assert (await tenant.call("GET", one)).json == made.json
    assert (await tenant.call("POST", path, PAIR)).status == 200
    taken = await tenant.call("POST", path, {**PAIR, "question": " do you SHIP to norway?"})
    assert taken.status == 409
    assert taken.code == "question_taken"
    (row,) = await running.rows("select kind, title, sha256, media_type, tags from uploads")
    assert (row["kind"], row["title"], row["tags"]) == ("qa", PAIR["question"], ["ship"])
    assert row["media_type"] == "application/vnd.chat.qa+json"
    stored = json.loads(await running.gateway.parts.blobs.get(row["sha256"]))
    assert stored == {"question": PAIR["question"], "alternatives": [], "answer": PAIR["answer"]}
    change = {"answer": "Yes, in two days.", "alternatives": ["Norway?"], "enabled": False}
    changed = await tenant.call("PATCH", one, change)
    assert {name: changed.json[name] for name in change} == change
    assert changed.json["question"] == PAIR["question"]
    (row,) = await running.rows("select revision, replacement from uploads")
    assert tuple(row) == (2, 1)
    other = await tenant.call("POST", path, {"question": "Opening hours?", "answer": "9 to 5"})
    clash = await tenant.call("PATCH", one, {"question": "opening  HOURS?"})
    assert (clash.status, clash.code) == (409, "question_taken")
    listed = (await tenant.call("GET", path)).json["items"]
    assert [item["question"] for item in listed] == ["Opening hours?", PAIR["question"]]
    for query in ("tag=ship", "words=NORWAY", "words=two days"):
        found = (await tenant.call("GET", f"{path}?{query}")).json["items"]
        assert [item["document_id"] for item in found] == [made.json["document_id"]], query
    document = f"{tenant.path}/documents/{made.json['document_id']}"
    assert (await tenant.call("GET", document)).json["document_kind"] == "qa"
    title = await tenant.call("PATCH", document, {"title": "x"})
    assert (title.status, title.code) == (409, "wrong_kind")
    assert (await tenant.call("DELETE", one)).status == 204
    assert (await tenant.call("DELETE", document)).status == 404
    assert (await tenant.call("GET", one)).status == 404
    assert [str(each) for each in indexer.forgotten] == [made.json["document_id"]]
    assert (await tenant.call("POST", path, PAIR)).status == 201, "asked and answered anew"
    gone = f"{tenant.path}/documents/{other.json['document_id']}"
    assert (await tenant.call("DELETE", gone)).status == 204
    assert len((await tenant.call("GET", path)).json["items"]) == 1
    assert ForgetDocument.address


async def test_a_table_of_pairs(running: Running, owners: Owners) -> None:
    Indexer(owners)
    await owners.start()
    tenant = await running.tenant()
    table = (
        "\ufeffquestion;answer;alternatives;tags\n"
        "Where is it?;In the post;Is it late? | Where?;post|late\n"
        ";no question;;\n"
        "Radite li?;Da, čak i „nedjeljom”;;hr\n"
        'Two lines?;"one\nand two";;\n'
        "where IS it?;twice;;\n"
    )
    first = await import_table(tenant, table.encode())
    assert first.status == 200, first.raw
    told = first.json
    assert [told[name] for name in ("created", "replaced", "unchanged", "failed")] == [3, 0, 0, 2]
    assert [each["line"] for each in told["problems"]] == [3, 7]
    again = "answer,question\nAt the door,where is IT?\n“Yes”,Radite li?\n"
    second = (await import_table(tenant, again.encode())).json
    assert [second[name] for name in ("created", "replaced", "failed")] == [0, 2, 0]
    listed = (await tenant.call("GET", f"{tenant.path}/qa-pairs?words=where")).json["items"]
    assert listed[0]["alternatives"] == ["Is it late?", "Where?"], "kept, as no column names them"
    assert listed[0]["tags"] == ["post", "late"]
    key = {"Idempotency-Key": str(uuid4())}
    more = b"question,answer\nNew?,Yes\n"
    assert (await import_table(tenant, more, **key)).json["created"] == 1
    assert (await import_table(tenant, more, **key)).json["created"] == 1
    wrong: list[Any] = [
        b"",
        b"a,b\n1,2\n",
        b"question\nx\n",
        "question,answer\nš,x".encode("cp1250"),
    ]
    wrong += [b"question,answer\n" + b"a,b\n" * 2001, b"question,answer,answer\n1,2,3\n"]
    for data in wrong:
        answer = await import_table(tenant, data)
        assert (answer.status, answer.code) == (422, "invalid_table"), data[:30]
