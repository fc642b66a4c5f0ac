"""Visitors' files, choices, read marks and signed identities; frames that end a connection."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import socketio

from bus.service_bus import outgoing
from contracts.v1.sending import DeliverToVisitor
from contracts.v1.shapes import MessageExtras, OutgoingMedia
from contracts.v1.tenants import ChannelConfigured
from gateway.widget import sockets
from gateway.widget.identity import Identity, signature
from testkit import eventually_async

from .conftest import Answered, Owners, Running
from .test_widget_sockets import (
    ORIGIN,
    Widget,
    answer_places,
    opened_widgets,
    recorded,
    session,
    shop,
)

OGG = b"OggS\0\x02" + b"OpusHead" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def upload(running: Running, token: str | None, data: bytes, **headers: str) -> Answered:
    form = aiohttp.FormData()
    form.add_field("file", data, filename="note.bin")
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await running.call.using(None)("POST", "/widget/uploads", data=form, headers=headers)


async def kept(running: Running) -> list[Any]:
    rows = await running.rows(
        "select convert_from(body, 'UTF8') as body from webhook_ledger order by received_at"
    )
    return [json.loads(row["body"]) for row in rows]


async def test_a_voice_note_a_choice_and_a_reply(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    owners.of("channel-ingress")
    await owners.start()
    channel, opened, (widget,) = await opened_widgets(running, 1)
    assert opened["limits"]["upload_bytes_max"] == 10 * 1024 * 1024
    assert "audio/*" in opened["limits"]["upload_types"]
    note = await upload(running, opened["token"], OGG, Origin=ORIGIN)
    assert note.status == 201, note.raw
    assert (note.json["kind"], note.json["mime_type"]) == ("voice", "audio/ogg")
    assert note.json["url"].startswith("/media/")
    assert (await running.call.using(None)("GET", note.json["url"])).raw == OGG
    own_id = str(uuid4())
    message = {"client_message_id": own_id, "media_ids": [note.json["media_id"]], "reply_to": "r"}
    assert (await widget.client.call("message", message, timeout=10))["ok"] is True
    tap = {"client_message_id": str(uuid4()), "choice": {"payload": "p1", "title": "Yes"}}
    assert (await widget.client.call("message", tap, timeout=10))["ok"] is True
    first, second = await kept(running)
    (file,) = first.pop("media")
    assert first == {
        "visitor_id": opened["visitor_id"], "client_message_id": own_id, "text": "", "reply_to": "r"
    }  # fmt: skip
    assert (file["kind"], file["mime_type"], file["size_bytes"]) == ("voice", "audio/ogg", len(OGG))
    assert (second["text"], second["choice"]) == ("Yes", {"payload": "p1", "title": "Yes"})
    stranger = (await session(running, channel["external_id"])).json
    other = Widget(running.url)
    await other.connect(stranger["token"], Origin=ORIGIN)
    await other.hears("ready")
    stolen = {**message, "client_message_id": str(uuid4())}
    assert (await other.client.call("message", stolen, timeout=10))["code"] == "not_found"
    picture = OutgoingMedia(
        kind="image", sha256=file["sha256"], mime_type="image/png", file_name=None, size_bytes=3
    )
    extras = MessageExtras(
        header=None, footer=None, media=[picture], choices=None, template=None, location=None,
        reaction=None,
    )  # fmt: skip
    command = DeliverToVisitor.make(
        tenant_id=UUID(channel["tenant_id"]),
        channel_id=UUID(channel["channel_id"]),
        visitor_id=opened["visitor_id"],
        conversation_id=uuid4(),
        message=recorded(1).model_copy(update={"extras": extras, "author": "Mia"}),
    )
    await owners.of("channel-ingress").publish(outgoing(command))
    shown = await widget.hears("message")
    assert shown["author"] == "Mia"
    assert file["sha256"] not in json.dumps(shown)
    got = await running.call.using(None)("GET", shown["extras"]["media"][0]["url"])
    assert got.raw == OGG
    for each in (widget, other):
        await each.client.disconnect()


async def test_who_may_upload_what(start_gateway: Any, owners: Owners) -> None:
    running: Running = await start_gateway(
        widget_upload_bytes_max=1000, widget_upload_types="image/png", widget_uploads_per_minute=5
    )
    _, channel = await shop(running)
    opened = (await session(running, channel["external_id"])).json
    token = opened["token"]
    for wrong in (None, "x", opened["visitor_token"]):
        refused = await upload(running, wrong, PNG)
        assert (refused.status, refused.code) == (401, "unauthorized")
    foreign = await upload(running, token, PNG, Origin="https://evil.example")
    assert (foreign.status, foreign.code) == (403, "origin_not_allowed")
    assert (await upload(running, token, PNG * 20)).code == "file_too_large"
    assert (await upload(running, token, OGG)).code == "unsupported_type"
    assert (await upload(running, token, PNG)).status == 201
    codes = [(await upload(running, token, PNG)).status for _ in range(4)]
    assert codes[-1] == 429
    preflight = await running.call.using(None)(
        "OPTIONS", "/widget/uploads",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"},
    )  # fmt: skip
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]


async def test_what_was_read_is_written_once_and_only_rises(
    running: Running, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "READ_PAUSE_SECONDS", 0.2)
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, opened, widgets = await opened_widgets(running, 2)
    for seq in (1, 2, 3, 5, 4):
        for widget in widgets:
            await widget.client.emit("read", {"seq": seq})

    async def marks() -> list[int]:
        return [body["read_seq"] for body in await kept(running)]

    async def is_written() -> bool:
        return await marks() == [5]

    await eventually_async(is_written, "the mark of all")
    for odd in (None, {"seq": "6"}, {"seq": -1}, {"seq": True}):
        await widgets[0].client.emit("read", odd)
    monkeypatch.setattr(sockets, "READ_PAUSE_SECONDS", 600)
    await widgets[0].client.emit("read", {"seq": 9})
    await widgets[0].client.call("resume", {"last_seq": 0}, timeout=10)  # heard after the mark
    await widgets[0].client.disconnect()

    async def is_written_too() -> bool:
        return await marks() == [5, 9]

    await eventually_async(is_written_too, "the mark of the one who left")
    assert (await kept(running))[0] == {"visitor_id": opened["visitor_id"], "read_seq": 5}
    await widgets[1].client.disconnect()


async def test_frames_that_end_a_connection(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, channel = await shop(running)
    opened = (await session(running, channel["external_id"])).json

    async def ends(work: Any) -> Widget:
        widget = Widget(running.url)
        await widget.connect(opened["token"], Origin=ORIGIN)
        await widget.hears("ready")
        await work(widget)
        await eventually_async(lambda: widget.of("disconnect"), "the end of the connection")
        return widget

    own = {"client_message_id": str(uuid4())}
    binary = await ends(lambda w: w.client.emit("message", {**own, "text": b"bytes"}))
    assert binary.of("error")[0]["code"] == "binary_refused"
    hoard = await ends(lambda w: w.client.eio.send('5999999999-["message",{"_placeholder":true}]'))
    assert hoard.of("error")[0]["code"] == "binary_refused"
    raw = await ends(lambda w: w.client.eio.send(b"\x00\x01"))
    assert raw.of("error")[0]["code"] == "binary_refused"
    broken = await ends(lambda w: w.client.eio.send('2["message",{'))
    assert broken.of("error")[0]["code"] == "invalid_message"
    rooms = await ends(lambda w: w.client.emit("join", "visitor:*"))
    assert rooms.of("error")[0]["code"] == "unknown_event"
    await ends(lambda w: w.client.emit("message", {**own, "text": "x" * 1_000_000}))

    async def floods(widget: Widget) -> None:
        async with asyncio.timeout(10):
            for number in range(100):
                await widget.client.emit("message", {**own, "text": f"{number}"})

    flood = await ends(floods)
    assert flood.of("error")[0]["code"] == "rate_limited"
    assert len(await running.rows("select 1 from webhook_ledger")) <= 1


async def test_pages_elsewhere_are_refused_on_polling_and_on_upgrade(
    running: Running, owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, channel = await shop(running)
    good = (await session(running, channel["external_id"])).json["token"]
    evil = {"Origin": "https://evil.example"}
    address = f"{running.url}/socket.io/?EIO=4&transport=polling"
    async with running.call.http.get(address, headers=evil) as answer:
        assert answer.status == 400
    async with running.call.http.get(address, headers={"Origin": ORIGIN}) as answer:
        assert answer.status == 200
        sid = json.loads((await answer.text())[1:])["sid"]
    upgrade = f"{running.url}/socket.io/?EIO=4&transport=websocket&sid={sid}"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await running.call.http.ws_connect(upgrade, headers=evil)
    for transport in ("polling", "websocket"):
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(
                running.url, auth={"token": good}, headers=evil, transports=[transport]
            )


async def test_a_signed_in_visitor_is_the_same_one_everywhere(
    running: Running, owners: Owners
) -> None:
    answer_places(owners.of("orchestrator"), [])
    heard: list[ChannelConfigured] = []

    async def hear(delivery: Any) -> None:
        heard.append(ChannelConfigured.hear(delivery.body))
        await delivery.done()

    owners.of("channel-ingress").listen(ChannelConfigured, hear)
    await owners.start()
    tenant, channel = await shop(running)
    key, path = channel["external_id"], f"{tenant.path}/channels/{channel['channel_id']}"
    made = await tenant.call("POST", f"{path}/identity-secret")
    assert made.status == 201, made.raw
    secret = made.json["identity_secret"]
    assert secret not in (await tenant.call("GET", path)).raw.decode()
    await eventually_async(lambda: len(heard) == 2, "both states of the channel")
    assert {event.sealed_credentials for event in heard} == {None}
    for table in ("channels", "outbox", "audit_log", "idempotency"):
        (row,) = await running.rows(f"select coalesce(string_agg(t::text, ''), '') from {table} t")
        assert secret not in row[0]
    now = int(time.time())

    def identity(issued_at: int = now, **changes: Any) -> dict[str, Any]:
        who = Identity("4711", "ana@example.com", "Ana")
        signed = signature(secret, key, who, issued_at)
        given = {"external_id": "4711", "email": who.email, "name": who.name}
        return {**given, "issued_at": issued_at, "signature": signed, **changes}

    laptop = (await session(running, key, identity=identity())).json
    phone = (await session(running, key, identity=identity(now - 60))).json
    assert laptop["identified"] is True
    assert laptop["visitor_id"] == phone["visitor_id"]
    renewed = (await session(running, key, visitor_token=laptop["visitor_token"])).json
    assert (renewed["identified"], renewed["visitor_id"]) == (True, laptop["visitor_id"])
    for wrong in (
        identity(signature="0" * 64), identity(external_id="4712"), identity(email=None),
        identity(now - 4_000), identity(now + 4_000), {**identity(), "issued_at": now - 1},
    ):  # fmt: skip
        refused = await session(running, key, identity=wrong)
        assert (refused.status, refused.code) == (401, "invalid_identity"), wrong
    broken_line = await session(running, key, identity=identity(name="Ana\n1"))
    assert broken_line.status == 422
    unsigned = (await session(running, key, identity=identity(signature=None))).json
    assert unsigned["identified"] is False
    assert unsigned["visitor_id"] != laptop["visitor_id"]
    widget = Widget(running.url)
    await widget.connect(renewed["token"], Origin=ORIGIN)
    await widget.hears("ready")
    assert (await widget.say("hello"))["ok"] is True
    (body,) = await kept(running)
    assert (body["tenant_external_id"], body["email"], body["display_name"]) == (
        "4711", "ana@example.com", "Ana",
    )  # fmt: skip
    await widget.client.disconnect()
    await tenant.call("PUT", path, {"settings": {"require_identity": True}})
    assert (await session(running, key)).code == "identity_required"
    assert (await session(running, key, identity=identity())).status == 200
    again = await session(running, key, visitor_token=laptop["visitor_token"])
    assert again.status == 200
    assert (await tenant.call("POST", f"{path}/identity-secret")).status == 201
    assert (await session(running, key, identity=identity())).code == "invalid_identity"
    stale = await session(running, key, visitor_token=laptop["visitor_token"])
    assert stale.code == "invalid_visitor_token"
    assert (await tenant.call("DELETE", f"{path}/identity-secret")).status == 204
