"""Large files in pieces, word by word of the protocol: any gateway goes on where one stopped."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from gateway import resumable_writing
from testkit import eventually_async

from .conftest import Answered, Running, Tenant

VERSION = {"Tus-Resumable": "1.0.0"}
WORDS = random.Random(7).randbytes(40_000).hex().encode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def begin(tenant: Tenant, size: int, name: str = "large.txt", **fields: str) -> Answered:
    metadata = ",".join(
        f"{key} {encoded(text)}" for key, text in {"filename": name, **fields}.items()
    )
    headers = {**VERSION, "Upload-Length": str(size), "Upload-Metadata": metadata}
    return await tenant.call("POST", f"{tenant.path}/uploads", headers=headers)


async def bring(tenant: Tenant, place: str, offset: int, data: Any, **more: str) -> Answered:
    headers = {
        **VERSION, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
        **{name.replace("_", "-"): text for name, text in more.items()},
    }  # fmt: skip
    return await tenant.call("PATCH", place, data=data, headers=headers)


async def look(tenant: Tenant, place: str) -> Answered:
    return await tenant.call("HEAD", place, headers=VERSION)


def sha1(data: bytes) -> str:
    return "sha1 " + base64.b64encode(hashlib.sha1(data).digest()).decode()


async def pieces(running: Running) -> int:
    return len(await running.rows("select 1 from resumable_pieces"))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_writing, "PIECE_BYTES", 10_000)


async def test_a_file_in_pieces_becomes_a_document(
    running: Running, small_pieces: None, start_gateway: Any
) -> None:
    tenant = await running.tenant()
    other = await start_gateway(database=running.database)
    elsewhere = Tenant(tenant.tenant_id, other.call.using(tenant.call.key), tenant.path)
    told = await tenant.call("OPTIONS", f"{tenant.path}/uploads")
    assert told.status == 204
    assert told.headers["Tus-Extension"] == "creation,termination,expiration,checksum"
    made = await begin(tenant, len(WORDS), "../Räume.txt", title="Rooms", tags="a,b")
    assert made.status == 201, made.raw
    place = made.headers["Location"]
    assert made.headers["Upload-Offset"] == "0"
    first = await bring(tenant, place, 0, WORDS[:25_000])
    assert (first.status, first.headers["Upload-Offset"]) == (204, "25000"), first.raw
    seen = await look(elsewhere, place)
    assert (seen.headers["Upload-Offset"], seen.headers["Upload-Length"]) == ("25000", "80000")
    assert seen.headers["Cache-Control"] == "no-store"
    wrong = await bring(elsewhere, place, 10, b"x")
    assert (wrong.status, wrong.code) == (409, "wrong_offset")
    assert wrong.headers["Tus-Resumable"] == "1.0.0"
    last = await bring(elsewhere, place, 25_000, WORDS[25_000:])
    assert last.status == 204, last.raw
    document_id = last.headers["Chat-Document-Id"]
    assert (await look(tenant, place)).headers["Chat-Document-Id"] == document_id
    again = await bring(tenant, place, len(WORDS), b"")
    assert again.headers["Chat-Document-Id"] == document_id
    (row,) = await running.rows("select title, file_name, tags, sha256, size_bytes from uploads")
    assert tuple(row) == (
        "Rooms", "Räume.txt", ["a", "b"], hashlib.sha256(WORDS).hexdigest(), 80_000,
    )  # fmt: skip
    assert await running.gateway.parts.blobs.get(row["sha256"]) == WORDS
    assert await pieces(running) == 0
    twice = await begin(tenant, len(WORDS), "again.txt")
    same = await bring(tenant, twice.headers["Location"], 0, WORDS)
    assert same.headers["Chat-Document-Id"] == document_id, "the same bytes are one document"


async def test_a_broken_connection_costs_nothing(running: Running, small_pieces: None) -> None:
    tenant = await running.tenant()
    place = (await begin(tenant, len(WORDS))).headers["Location"]
    many = asyncio.Event()

    async def broken() -> Any:
        yield WORDS[:34_000]
        many.set()
        await asyncio.sleep(3600)

    sending = asyncio.create_task(bring(tenant, place, 0, broken()))
    await many.wait()

    async def has(offset: str) -> bool:
        return (await look(tenant, place)).headers["Upload-Offset"] == offset

    await eventually_async(lambda: has("30000"), "whole pieces are kept while more come")
    meanwhile = await bring(tenant, place, 30_000, b"x")
    assert (meanwhile.status, meanwhile.code) == (423, "locked")
    sending.cancel()
    await eventually_async(lambda: has("34000"), "what came before the end is kept as well")
    ended = await bring(tenant, place, 34_000, WORDS[34_000:])
    assert ended.status == 204, ended.raw
    blob = await running.gateway.parts.blobs.get(hashlib.sha256(WORDS).hexdigest())
    assert blob == WORDS


async def test_who_died_while_writing_stands_in_nobodys_way(running: Running) -> None:
    tenant = await running.tenant()
    place = (await begin(tenant, 10)).headers["Location"]
    taken = "update resumable_uploads set writer = gen_random_uuid(), writer_until = now() + $1"

    await running.rows(taken, timedelta(seconds=60))
    assert (await bring(tenant, place, 0, b"12345")).status == 423
    await running.rows(taken, timedelta(seconds=-1))
    assert (await bring(tenant, place, 0, b"12345")).status == 204
    gone = running.gateway.parts.resumables
    async with running.gateway.parts.database.system() as tx:
        late = await gone.find(tx, tenant.tenant_id, place.rsplit("/", 1)[1])
        assert late is not None
        assert await gone.finish(tx, late, uuid4(), uuid4()) is None, "a writer of before"


async def test_checksums_ends_and_expiry(running: Running, small_pieces: None) -> None:
    tenant = await running.tenant()
    place = (await begin(tenant, len(WORDS))).headers["Location"]
    wrong = await bring(tenant, place, 0, WORDS[:25_000], Upload_Checksum=sha1(b"other"))
    assert (wrong.status, wrong.code) == (460, "checksum_mismatch")
    assert (await look(tenant, place)).headers["Upload-Offset"] == "0"
    right = await bring(tenant, place, 0, WORDS[:25_000], Upload_Checksum=sha1(WORDS[:25_000]))
    assert (right.status, right.headers["Upload-Offset"]) == (204, "25000")
    unknown = await bring(tenant, place, 25_000, b"x", Upload_Checksum="crc32 AAAA")
    assert (unknown.status, unknown.code) == (400, "invalid_checksum")
    kept = [row["sha256"] for row in await running.rows("select sha256 from resumable_pieces")]
    assert len(kept) == 3
    assert (await tenant.call("DELETE", place, headers=VERSION)).status == 204
    assert (await look(tenant, place)).status == 404
    assert (await bring(tenant, place, 25_000, b"x")).status == 404
    old = (await begin(tenant, len(WORDS))).headers["Location"]
    await bring(tenant, old, 0, WORDS[:25_000])
    kept += [row["sha256"] for row in await running.rows("select sha256 from resumable_pieces")]
    await running.rows("update resumable_uploads set expires_at = now()")
    assert (await look(tenant, old)).status == 404
    assert await running.gateway.parts.pieces.forget_expired() == 1
    assert await running.rows("select 1 from resumable_uploads") == []
    blobs = running.gateway.parts.blobs
    assert [sha256 for sha256 in kept if await blobs.exists(sha256)] == []


async def test_what_is_refused(running: Running) -> None:
    tenant = await running.tenant()
    uploads = f"{tenant.path}/uploads"
    version = await tenant.call("POST", uploads, headers={"Upload-Length": "1"})
    assert (version.status, version.headers["Tus-Version"]) == (412, "1.0.0")
    large = await begin(tenant, 512 * 1024 * 1024 + 1)
    assert (large.status, large.code) == (413, "file_too_large")
    for length in ("-1", "x", "", "9" * 20):
        answer = await tenant.call("POST", uploads, headers={**VERSION, "Upload-Length": length})
        assert (answer.status, answer.code) == (400, "invalid_header"), length
    for metadata in ("filename ???", "a" * 20_000):
        headers = {**VERSION, "Upload-Length": "1", "Upload-Metadata": metadata}
        assert (await tenant.call("POST", uploads, headers=headers)).code == "invalid_metadata"
    assert (await begin(tenant, 9, "a.exe")).code == "unsupported_type"
    assert (await begin(tenant, 9, tags="x" * 70)).code == "invalid"
    place = (await begin(tenant, 9, "a.txt")).headers["Location"]
    plain = await tenant.call("PATCH", place, data=b"x", headers={**VERSION, "Upload-Offset": "0"})
    assert (plain.status, plain.code) == (415, "unsupported_media_type")
    more = await bring(tenant, place, 0, b"0123456789")
    assert (more.status, more.code) == (413, "too_large")
    foreign = await bring(tenant, place, 0, b"%PDF-1.7\n")
    assert (foreign.status, foreign.code) == (415, "type_mismatch")
    assert (await look(tenant, place)).status == 404, "what it is will not change"
    lost = (await begin(tenant, 9, "b.txt")).headers["Location"]
    assert (await bring(tenant, lost, 0, b"words")).status == 204
    (piece,) = await running.rows("select sha256 from resumable_pieces")
    await running.gateway.parts.blobs.delete(piece["sha256"])
    last = await bring(tenant, lost, 5, b"more")
    assert (last.status, last.code) == (409, "upload_lost")
    assert (await look(tenant, lost)).status == 404
    empty = await begin(tenant, 0, "empty.txt")
    assert (empty.status, len(empty.headers["Chat-Document-Id"])) == (201, 36)
    assert isinstance(running.url, str)
    async with aiohttp.ClientSession() as nobody:
        unknown = await nobody.head(running.url + place, headers=VERSION)
        assert unknown.status == 401
