"""What two do to the same documents at once, and lists while their owner lags behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import ClientDisconnect

from contracts.v1.documents import DocumentsListed, ListDocuments
from gateway.housekeeping import keep_house
from gateway.problems import Problem
from gateway.resumable_writing import begin_writing
from postgres import Queries

from .conftest import Owners, Running
from .test_document_texts import outcomes, push, record
from .test_documents import Indexer
from .test_qa_pairs import PAIR
from .test_question_sets import made, question
from .test_resumable_uploads import begin, bring


class PagedIndexer(Indexer):
    """Shows a page, the newest first, as the real one does."""

    async def _list(self, request: ListDocuments) -> DocumentsListed:
        newest = list(self.known.values())[::-1]
        return DocumentsListed(documents=newest[: request.limit], next_cursor=None)


async def test_a_list_leaves_out_no_known_document_and_calls_none_queued(
    running: Running, owners: Owners
) -> None:
    indexer = PagedIndexer(owners)
    await owners.start()
    tenant = await running.tenant()
    ids = []
    for number in range(40):
        answer = await push(tenant, record(number))
        ids.append(answer.json["items"][0]["document_id"])
        indexer.knows(ids[-1], "ready")
    await running.rows("update uploads set created_at = now() - interval '1 hour'")
    page = f"{tenant.path}/documents?limit=5"
    shown = (await tenant.call("GET", page)).json["items"]
    assert [item["document_id"] for item in shown] == ids[:-6:-1]
    assert {item["stage"] for item in shown} == {"ready"}
    late = (await push(tenant, record(99))).json["items"][0]["document_id"]
    shown = (await tenant.call("GET", page)).json["items"]
    assert [item["document_id"] for item in shown] == [late, *ids[:-6:-1]]
    assert shown[0]["stage"] == "queued"


async def test_a_pair_that_is_deleted_while_it_is_changed_stays_deleted(
    running: Running, owners: Owners
) -> None:
    Indexer(owners)
    await owners.start()
    tenant, parts = await running.tenant(), running.gateway.parts
    path = f"{tenant.path}/qa-pairs"
    document_id = (await tenant.call("POST", path, PAIR)).json["document_id"]
    tenant_id = UUID(tenant.tenant_id)
    async with parts.outbox.transaction(tenant_id) as tx:
        await parts.uploads.lock(tx, tenant_id)
        pair = await parts.pairs.find(tx, tenant_id, UUID(document_id))
        assert pair is not None
        deleting = asyncio.create_task(tenant.call("DELETE", f"{path}/{document_id}"))
        await asyncio.wait({deleting}, timeout=0.5)
        await parts.pairs.save(tx, tenant_id, [pair])
    assert (await deleting).status == 204
    assert await running.rows("select * from qa_pairs") == []
    assert (await tenant.call("POST", path, PAIR)).status == 201


async def test_a_long_question_is_kept_once(running: Running) -> None:
    tenant = await running.tenant()
    drawn = random.Random(7)
    long = "".join(chr(drawn.randrange(0x4E00, 0x9FFF)) for _ in range(8_192))
    found = await made(tenant, questions=[question(long), question(long[:-1])])
    more = {"items": [question(long, 2.0)]}
    path = f"{tenant.path}/question-sets/{found['set_id']}/questions"
    assert (await tenant.call("POST", path, more)).json["questions"] == 2


async def test_a_key_that_is_used_again_days_later_overwrites_nothing(running: Running) -> None:
    tenant, key = await running.tenant(), {"Idempotency-Key": "monday"}
    assert outcomes(await push(tenant, {"title": "A", "text": "one"}, headers=key)) == ["created"]
    pairs = f"{tenant.path}/qa-pairs"
    assert (await tenant.call("POST", pairs, PAIR, headers={"Idempotency-Key": "p"})).status == 201
    await running.rows("delete from idempotency")
    assert outcomes(await push(tenant, {"title": "B", "text": "two"}, headers=key)) == ["created"]
    other = {"question": "Opening hours?", "answer": "9 to 5"}
    assert (await tenant.call("POST", pairs, other, headers={"Idempotency-Key": "p"})).status == 201
    assert len((await tenant.call("GET", pairs)).json["items"]) == 2


async def test_a_new_title_brings_no_bytes_back_that_were_rolled_away(running: Running) -> None:
    tenant = await running.tenant()
    document_id = (await push(tenant, record(1))).json["items"][0]["document_id"]
    await running.rows("update uploads set is_rolled_back = true")
    one = f"{tenant.path}/documents/{document_id}"
    refused = await tenant.call("PATCH", one, {"title": "Another", "tags": ["a"]})
    assert (refused.status, refused.code) == (409, "rolled_back")
    (row,) = await running.rows("select replacement, tags from uploads")
    assert tuple(row) == (0, [])


async def test_a_stalled_writer_takes_no_bytes_of_the_next_one_along(running: Running) -> None:
    tenant, parts = await running.tenant(), running.gateway.parts
    place = (await begin(tenant, 10)).headers["Location"]
    upload = UUID(tenant.tenant_id), UUID(place.rpartition("/")[2])
    stalled = await begin_writing(parts.outbox, parts.resumables, parts.pieces, upload, 0)

    async def arriving() -> AsyncIterator[bytes]:
        yield b"01234"
        await running.rows("update resumable_uploads set writer_until = now()")
        assert (await bring(tenant, place, 0, b"01234")).status == 204
        raise ClientDisconnect

    async def finish(*_: Any) -> Any:
        raise AssertionError("it is not whole")

    with pytest.raises(Problem, match="Another request"):
        async with stalled.held():
            await stalled.write(arriving(), None, finish)
    whole = await bring(tenant, place, 5, b"56789")
    assert whole.status == 204, whole.raw


async def test_a_file_that_lost_a_piece_becomes_no_document(running: Running) -> None:
    tenant = await running.tenant()
    place = (await begin(tenant, 10)).headers["Location"]
    assert (await bring(tenant, place, 0, b"01234")).status == 204
    await running.rows("delete from resumable_pieces")
    lost = await bring(tenant, place, 5, b"56789")
    assert (lost.status, lost.code) == (409, "upload_lost")
    assert await running.rows("select * from uploads") == []


async def test_blobs_that_are_away_do_not_end_the_process(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = running.gateway.parts
    asked = asyncio.Event()

    async def away() -> int:
        asked.set()
        raise RuntimeError("the store of blobs is away")

    monkeypatch.setattr(parts.pieces, "forget_expired", away)
    house = asyncio.create_task(keep_house(parts.database, Queries("gateway"), 7, parts.pieces))
    async with asyncio.timeout(10):
        await asked.wait()
    await asyncio.wait({house}, timeout=0.1)
    assert not house.done()
    house.cancel()
