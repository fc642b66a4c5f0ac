"""Files go up and down with Meta's hashes, lives and limits."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import aiohttp
import orjson
import pytest

from simulators.meta import MetaSimulator
from simulators.webhook_receiver import WebhookReceiver

PHONE, PAGE, DAY = "106540352242922", "61550000000001", 86_400
PICTURE = b"\xff\xd8picture"
Json = dict[str, Any]


def form(content: bytes = PICTURE, content_type: str = "image/jpeg") -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("messaging_product", "whatsapp")
    made.add_field("file", content, filename="a.jpg", content_type=content_type)
    return made


async def say(quick: MetaSimulator, **fields: Any) -> Json:
    async with (
        aiohttp.ClientSession(quick.url) as http,
        http.post("/_sim/inbound", json={"receiver": PHONE, **fields}) as answer,
    ):
        assert answer.status == 200, await answer.text()
        said: Json = await answer.json()
        return said


async def test_a_customers_picture_can_be_fetched_for_seven_days(
    quick: MetaSimulator, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    fields = {"kind": "image", "fields": {"caption": "Look"}, "mime_type": "image/jpeg"}
    await say(quick, **fields, content_base64=base64.b64encode(PICTURE).decode())
    value = receiver.arrived[0].body["entry"][0]["changes"][0]["value"]
    image = value["messages"][0]["image"]
    digest = hashlib.sha256(PICTURE).digest()
    assert (base64.b64decode(image["sha256"]), image["caption"]) == (digest, "Look")
    async with graph.get(f"/v23.0/{image['id']}") as answer:
        found = await answer.json()
    assert bytes.fromhex(found["sha256"]) == digest
    async with graph.get(found["url"].removeprefix(quick.url)) as answer:
        assert (await answer.read(), answer.content_type) == (PICTURE, "image/jpeg")
    async with graph.get(f"/v23.0/{image['id']}", params={"phone_number_id": PHONE}) as answer:
        assert (await answer.json())["error"]["error_subcode"] == 33
    quick.clock.advance(7 * DAY + 1)
    async with graph.get(f"/v23.0/{image['id']}") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, 100)


async def test_an_uploaded_file_lives_thirty_days_and_its_link_five_minutes(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    async with graph.post(f"/v23.0/{PHONE}/media", data=form()) as answer:
        media_id = (await answer.json())["id"]
    async with graph.get(f"/v23.0/{media_id}", params={"phone_number_id": PHONE}) as answer:
        path = (await answer.json())["url"].removeprefix(quick.url)
    quick.clock.advance(299)
    async with graph.get(path) as answer:
        assert answer.status == 200
    quick.clock.advance(2)
    async with graph.get(path) as answer:
        assert answer.status == 404
    quick.clock.advance(30 * DAY)
    async with graph.get(f"/v23.0/{media_id}") as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"x", "application/x-msdownload", 100),
        (b"", "image/png", 131053),
        (b"x" * (5 * 1024 * 1024 + 1), "image/png", 131053),
    ],
)
async def test_files_that_whatsapp_does_not_take(
    graph: aiohttp.ClientSession, content: bytes, content_type: str, code: int
) -> None:
    async with graph.post(f"/v23.0/{PHONE}/media", data=form(content, content_type)) as answer:
        assert (await answer.json())["error"]["code"] == code


async def test_messenger_attachments_go_up_by_file_and_by_link(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    message = {"attachment": {"type": "image", "payload": {"is_reusable": True}}}
    made = aiohttp.FormData()
    made.add_field("message", orjson.dumps(message).decode())
    made.add_field("filedata", PICTURE, filename="a.jpg", content_type="image/jpeg")
    async with graph.post(f"/v23.0/{PAGE}/message_attachments", data=made) as answer:
        first = (await answer.json())["attachment_id"]
    message["attachment"]["payload"] = {"url": "https://example.org/a.jpg"}
    body = {"message": message}
    async with graph.post(f"/v23.0/{PAGE}/message_attachments", json=body) as answer:
        second = (await answer.json())["attachment_id"]
    assert first != second
    async with graph.get(f"/_sim/media/{first}") as answer:
        assert await answer.read() == PICTURE
    async with graph.post(f"/v23.0/{PAGE}/message_attachments", json={}) as answer:
        assert (await answer.json())["error"]["code"] == 100


async def test_a_messenger_send_may_bring_its_file(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    made = aiohttp.FormData()
    made.add_field("recipient", '{"id": "1"}')
    message = {"attachment": {"type": "image", "payload": {"is_reusable": True}}}
    made.add_field("message", orjson.dumps(message).decode())
    made.add_field("filedata", PICTURE, filename="a.jpg", content_type="image/jpeg")
    async with graph.post(f"/v23.0/{PAGE}/messages", data=made) as answer:
        said = await answer.json()
    (sent,) = quick.sends.after(0)
    assert (sent.kind, sent.media_id) == ("image", said["attachment_id"])


async def test_a_messenger_picture_has_a_public_link(
    quick: MetaSimulator, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    content = base64.b64encode(PICTURE).decode()
    fields = {"platform": "messenger", "receiver": PAGE, "customer": "1"}
    await say(quick, **fields, kind="image", content_base64=content, mime_type="image/png")
    item = receiver.arrived[0].body["entry"][0]["messaging"][0]
    url = item["message"]["attachments"][0]["payload"]["url"]
    async with aiohttp.ClientSession() as stranger, stranger.get(url) as answer:
        assert (await answer.read(), answer.content_type) == (PICTURE, "image/png")


async def test_downloads_go_wrong_when_told_to(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    media = quick.media.add(PICTURE, "image/jpeg", origin="webhook")
    quick.faults.add({"kind": "error_code", "code": 131052, "operation": "media"})
    async with graph.get(f"/v23.0/{media.media_id}") as answer:
        assert (await answer.json())["error"]["code"] == 131052
    quick.faults.add({"kind": "cut", "operation": "download"})
    async with graph.get(f"/v23.0/{media.media_id}") as answer:
        path = (await answer.json())["url"].removeprefix(quick.url)
    with pytest.raises(aiohttp.ClientError):
        async with graph.get(path) as answer:
            await answer.read()


async def test_a_hash_may_lie_and_the_link_may_come_along(
    quick: MetaSimulator, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    await say(quick, kind="voice", wrong_sha256=True, media_url=True)
    value = receiver.arrived[0].body["entry"][0]["changes"][0]["value"]
    audio = value["messages"][0]["audio"]
    assert audio["voice"] is True
    assert base64.b64decode(audio["sha256"]) == bytes(32)
    async with graph.get(audio["url"].removeprefix(quick.url)) as answer:
        assert await answer.read() == b"simulated voice"
