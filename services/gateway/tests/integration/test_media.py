"""Files for messages: uploaded once, named in a message, opened by a link that dies."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg

from blobs import Blobs
from contracts.v1.conversations import (
    Conversation,
    ConversationFound,
    GetConversation,
    ListMessages,
    MessagePosted,
    MessagesListed,
    PostMessage,
)
from contracts.v1.shapes import ContactRef, MediaRef, MessageContent
from gateway import media_links

from .conftest import Answered, Owners, Running, Tenant
from .test_widget_sockets import recorded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


async def uploaded(
    tenant: Tenant,
    data: bytes,
    name: str = "a.png",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> Answered:
    form = aiohttp.FormData()
    form.add_field("file", data, filename=name, content_type="application/x-lie")
    for field, value in fields.items():
        form.add_field(field, value)
    return await tenant.call("POST", f"{tenant.path}/media", data=form, headers=headers or {})


class Desk:
    """orchestrator as the gateway sees it: one conversation, whose messages are listed."""

    def __init__(self, owners: Owners, channel_type: str = "whatsapp") -> None:
        self.conversation_id = uuid4()
        self.channel_type = channel_type
        self.posted: list[PostMessage] = []
        self.messages: list[Any] = []
        bus = owners.of("orchestrator")
        bus.answer(PostMessage, self._post)
        bus.answer(ListMessages, self._list)
        bus.answer(GetConversation, self._get)

    async def _post(self, request: PostMessage) -> MessagePosted:
        self.posted.append(request)
        message = recorded(len(self.messages) + 1, "agent", request.text)
        message = message.model_copy(update={"extras": request.extras, "author": request.author})
        self.messages.append(message)
        return MessagePosted(message=message)

    async def _list(self, request: ListMessages) -> MessagesListed:
        after = [m for m in self.messages if m.seq > request.after_seq]
        return MessagesListed(
            messages=after[: request.limit],
            last_seq=len(self.messages),
            more=len(after) > request.limit,
        )

    async def _get(self, _request: GetConversation) -> ConversationFound:
        return ConversationFound(
            conversation=Conversation(
                conversation_id=self.conversation_id,
                channel_id=uuid4(),
                channel_type=self.channel_type,
                contact=ContactRef(external_id="1", display_name=None, phone=None),
                status="active",
                owner_kind="human",
                assignee=None,
                ownership_number=1,
                last_seq=len(self.messages),
                created_at=datetime.now(UTC),
                last_message_at=None,
            )
        )

    def path(self, tenant: Tenant) -> str:
        return f"{tenant.path}/conversations/{self.conversation_id}/messages"


async def test_a_file_goes_with_a_message_and_opens_by_its_link(
    running: Running, owners: Owners
) -> None:
    desk = Desk(owners)
    await owners.start()
    one, two = await running.tenant(), await running.tenant()
    made = await uploaded(one, PNG, "../naïve\u202e.exe")
    assert made.status == 201, made.raw
    assert (made.json["kind"], made.json["mime_type"]) == ("image", "image/png")
    assert made.json["url"].startswith("http://chat.test/media/")
    body = {"text": "look", "media_ids": [made.json["media_id"]], "author": "Mia"}
    said = await one.call("POST", desk.path(one), body)
    assert said.status == 201, said.raw
    (sent,) = desk.posted
    assert sent.extras is not None
    assert sent.extras.media[0].sha256 == made.json["sha256"]
    listed = (await one.call("GET", desk.path(one))).json["items"]
    for message in (said.json, listed[0]):
        (file,) = message["extras"]["media"]
        path = file["url"].removeprefix("http://chat.test")
        got = await running.call.using(None)("GET", path)
        assert (got.status, got.raw) == (200, PNG)
        assert got.headers["Content-Type"] == "image/png"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert got.headers["Content-Disposition"].startswith("inline; filename=")
    assert (await two.call("POST", desk.path(two), body)).status == 404
    assert (await one.call("POST", desk.path(one), {"media_ids": [str(uuid4())]})).status == 404
    assert len(desk.posted) == 1


async def test_links_are_read_in_parts_and_die(running: Running, monkeypatch: Any) -> None:
    tenant = await running.tenant()
    path = (await uploaded(tenant, PNG)).json["url"].removeprefix("http://chat.test")
    open_call = running.call.using(None)
    parts = {"bytes=0-3": PNG[:4], "bytes=200-": PNG[200:], "bytes=-5": PNG[-5:]}
    for header, expected in parts.items():
        got = await open_call("GET", path, headers={"Range": header})
        assert (got.status, got.raw) == (206, expected), header
    assert got.headers["Content-Range"] == f"bytes {len(PNG) - 5}-{len(PNG) - 1}/{len(PNG)}"
    assert (await open_call("GET", path, headers={"Range": "bytes=999-"})).status == 416
    assert (await open_call("GET", path, headers={"Range": "lines=1-2"})).raw == PNG
    known = {"If-None-Match": got.headers["ETag"]}
    assert (await open_call("GET", path, headers=known)).status == 304
    assert (await open_call("GET", f"{path[:-2]}xx")).status == 404
    page = await uploaded(tenant, b"<script>alert(1)</script>", "x.html")
    shown = await open_call("GET", page.json["url"].removeprefix("http://chat.test"))
    assert shown.headers["Content-Type"] == "application/octet-stream"
    assert shown.headers["Content-Disposition"].startswith("attachment; ")
    later = time.time() + media_links.LINK_SECONDS
    monkeypatch.setattr(media_links.time, "time", lambda: later)
    assert (await open_call("GET", path)).status == 404


async def test_large_files_are_never_whole_in_memory(running: Running, monkeypatch: Any) -> None:
    tenant = await running.tenant()
    film = b"\x1a\x45\xdf\xa3V_" + bytes(1_000_000)
    path = (await uploaded(tenant, film)).json["url"].removeprefix("http://chat.test")

    async def whole(*_: object) -> bytes:
        raise AssertionError("it was read whole")

    monkeypatch.setattr(Blobs, "get", whole)
    open_call = running.call.using(None)
    got = await open_call("GET", path)
    assert (got.status, got.raw) == (200, film)
    assert got.headers["Content-Length"] == str(len(film))
    part = await open_call("GET", path, headers={"Range": "bytes=3-999999"})
    assert (part.status, part.raw) == (206, film[3:1_000_000])
    other = {"Range": "bytes=3-5", "If-Range": '"another"'}
    assert (await open_call("GET", path, headers=other)).status == 200
    await running.gateway.parts.blobs.delete(hashlib.sha256(film).hexdigest())
    assert (await open_call("GET", path)).status == 404


async def test_who_sends_slowly_keeps_nobody_waiting(running: Running) -> None:
    slow, quick = await running.tenant(), await running.tenant()
    held = asyncio.Event()

    async def drops() -> AsyncIterator[bytes]:
        yield b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
        await held.wait()

    form = {"Content-Type": "multipart/form-data; boundary=b"}
    path = f"{slow.path}/media"
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(slow.call("POST", path, data=drops(), headers=form))
        await asyncio.sleep(0.3)  # nothing tells that the first bytes were read
        async with asyncio.timeout(10):
            assert (await uploaded(quick, PNG)).status == 201
        held.set()


async def test_a_used_key_hides_neither_other_words_nor_other_files(
    running: Running, owners: Owners
) -> None:
    desk = Desk(owners)
    await owners.start()
    tenant = await running.tenant()
    made = await running.call("POST", f"{tenant.path}/keys", {"name": "another"})
    other = Tenant(tenant.tenant_id, running.call.using(made.json["key"]), tenant.path)
    key = {"Idempotency-Key": "1"}
    path = desk.path(tenant)
    await tenant.call("POST", path, {"text": "Yes"}, headers=key)
    await tenant.call("POST", path, {"text": "Yes"}, headers=key)
    await other.call("POST", path, {"text": "No"}, headers=key)
    first = await uploaded(tenant, PNG, headers={"Idempotency-Key": "2"})
    await forget_answers(running)
    await tenant.call("POST", path, {"text": "Yes"}, headers=key)
    await forget_answers(running)
    await tenant.call("POST", path, {"text": "On another day"}, headers=key)
    second = await uploaded(tenant, PNG + b"!", headers={"Idempotency-Key": "2"})
    assert [sent.text for sent in desk.posted] == ["Yes", "No", "Yes", "On another day"]
    yes, no, again, later = (sent.idempotency_key for sent in desk.posted)
    assert yes == again
    assert len({yes, no, later}) == 3
    assert first.json["media_id"] != second.json["media_id"]


async def forget_answers(running: Running) -> None:
    """As a day later."""
    connection = await asyncpg.connect(running.database.admin_url)
    try:
        await connection.execute("delete from idempotency")
    finally:
        await connection.close()


async def test_what_may_not_be_uploaded(start_gateway: Any) -> None:
    running: Running = await start_gateway(media_bytes_max=1000)
    tenant = await running.tenant()
    assert (await uploaded(tenant, PNG * 6)).code == "file_too_large"
    much = await uploaded(tenant, PNG + b"x" * 200_000)
    assert (much.status, much.code) == (413, "file_too_large")
    assert (await uploaded(tenant, b"MZ\x90\0")).code == "unsupported_type"
    assert (await uploaded(tenant, PNG, kind="voice")).status == 422
    assert (await uploaded(tenant, PNG, stranger="x")).status == 422
    no_form = await tenant.call("POST", f"{tenant.path}/media", {"file": "x"})
    assert no_form.status == 415
    assert await running.rows("select 1 from media_uploads") == []
    document = await uploaded(tenant, PNG, kind="document")
    assert document.json["kind"] == "document"


async def test_replies_and_reactions_name_the_channels_own_ids(
    running: Running, owners: Owners
) -> None:
    desk = Desk(owners)
    await owners.start()
    tenant = await running.tenant()
    media = MediaRef(
        provider_media_id="1", mime_type="image/jpeg", file_name=None, sha256="b" * 64,
        size_bytes=3, state="stored",
    )  # fmt: skip
    content = MessageContent(kind="image", text=None, media=media, data=None)
    told = recorded(1, "customer").model_copy(
        update={"provider_message_id": "wamid.A", "content": content}
    )
    desk.messages = [told, *(recorded(seq) for seq in range(2, 452))]
    path, about = desk.path(tenant), str(told.recorded_message_id)
    shown = (await tenant.call("GET", f"{path}?limit=1")).json["items"][0]
    assert shown["content"]["media"]["url"].startswith("http://chat.test/media/")
    replied = await tenant.call("POST", path, {"text": "this one", "reply_to": about})
    assert replied.status == 201, replied.raw
    liked = await tenant.call("POST", path, {"reaction": {"message_id": about, "emoji": "👍"}})
    assert liked.status == 201, liked.raw
    assert desk.posted[0].reply_to == "wamid.A"
    assert desk.posted[1].extras is not None
    assert desk.posted[1].extras.reaction is not None
    assert desk.posted[1].extras.reaction.about == "wamid.A"
    unsent = {"text": "x", "reply_to": str(desk.messages[300].recorded_message_id)}
    answer = await tenant.call("POST", path, unsent)
    assert (answer.status, answer.code) == (409, "not_sent_yet")
    desk.channel_type = "webchat"
    assert (await tenant.call("POST", path, unsent)).status == 201
    assert UUID(desk.posted[2].reply_to or "") == desk.messages[300].recorded_message_id
    nowhere = await tenant.call("POST", path, {"text": "x", "reply_to": str(uuid4())})
    assert nowhere.status == 404
