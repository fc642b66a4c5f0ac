"""The simulated Graph endpoints answer as Meta's do, and go wrong when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaSimulator

PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"
TOKEN = {"Authorization": "Bearer a-token"}


def text(body: str = "Hello", to: str = CUSTOMER, **more: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"body": body},
        **more,
    }


@pytest.fixture
async def meta() -> AsyncIterator[MetaSimulator]:
    async with MetaSimulator() as simulator:
        yield simulator


@pytest.fixture
async def http(meta: MetaSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(meta.url, headers=TOKEN) as session:
        yield session


async def test_a_text_is_accepted_and_recorded(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    body = text("Hi there", biz_opaque_callback_data="send-1")
    async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
        assert answer.status == 200
        said = await answer.json()
    assert said["contacts"] == [{"input": CUSTOMER, "wa_id": CUSTOMER}]
    assert said["messages"][0]["id"].startswith("wamid.")
    async with http.get("/_sim/sends") as answer:
        sends = (await answer.json())["sends"]
    assert [(s["recipient"], s["text"], s["biz_opaque_callback_data"]) for s in sends] == [
        (CUSTOMER, "Hi there", "send-1")
    ]
    assert sends[0]["message_id"] == said["messages"][0]["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**text(), "to": None}, 131008),
        (text("x" * 4097), 100),
        (text(""), 131008),
        ({**text(), "type": "hologram"}, 131009),
        (text(biz_opaque_callback_data="x" * 513), 100),
        ({**text(), "type": "image", "image": {"id": "1", "link": "http://x"}}, 131008),
    ],
)
async def test_wrong_requests_get_the_error_envelope(
    meta: MetaSimulator, http: aiohttp.ClientSession, body: dict[str, Any], code: int
) -> None:
    async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert error["code"] == code
    assert {"message", "type", "code", "error_data", "fbtrace_id"} <= set(error)
    assert meta.sends.total == 0


async def test_a_call_without_token_is_refused_with_190(meta: MetaSimulator) -> None:
    async with (
        aiohttp.ClientSession(meta.url) as session,
        session.post(f"/v23.0/{PHONE}/messages", json=text()) as answer,
    ):
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == 190


async def test_read_mark_with_typing_indicator(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    body = {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.X",
        "typing_indicator": {"type": "text"},
    }
    async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
        assert await answer.json() == {"success": True}
    assert meta.sends.total == 0
    assert meta.messages.actions[0]["message_id"] == "wamid.X"


async def test_messenger_text_is_accepted(meta: MetaSimulator, http: aiohttp.ClientSession) -> None:
    body = {
        "recipient": {"id": "psid-1"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hi", "metadata": "send-2"},
    }
    async with http.post(f"/v23.0/{PAGE}/messages", json=body) as answer:
        said = await answer.json()
    assert said["recipient_id"] == "psid-1"
    assert said["message_id"].startswith("m_")
    assert next(meta.sends.after(0)).biz_opaque_callback_data == "send-2"
    body["message"] = {"text": "x" * 2001}
    async with http.post(f"/v23.0/{PAGE}/messages", json=body) as answer:
        assert (await answer.json())["error"]["code"] == 100


async def test_faults_are_used_up_in_order(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    faults = [
        {"kind": "error_code", "code": 131056},
        {"kind": "json_500"},
        {"kind": "html_502"},
        {"kind": "slow", "milliseconds": 1},
    ]
    async with http.post("/_sim/faults", json=faults) as answer:
        assert answer.status == 200
    seen = []
    for _ in range(5):
        async with http.post(f"/v23.0/{PHONE}/messages", json=text()) as answer:
            seen.append((answer.status, answer.content_type))
    json_type = "application/json"
    assert seen == [
        (400, json_type),
        (500, json_type),
        (502, "text/html"),
        (200, json_type),
        (200, json_type),
    ]
    assert meta.sends.total == 2


async def test_a_fault_for_one_recipient_spares_the_others(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    meta.faults.add({"kind": "error_code", "code": 131026, "recipient": "1"})
    async with http.post(f"/v23.0/{PHONE}/messages", json=text(to="2")) as answer:
        assert answer.status == 200
    async with http.post(f"/v23.0/{PHONE}/messages", json=text(to="1")) as answer:
        assert (await answer.json())["error"]["code"] == 131026


@pytest.mark.parametrize(("kind", "accepted"), [("unread_answer", 1), ("drop", 0)])
async def test_hanging_up_with_and_without_accepting(
    meta: MetaSimulator, http: aiohttp.ClientSession, kind: str, accepted: int
) -> None:
    meta.faults.add({"kind": kind})
    with pytest.raises(aiohttp.ClientError):
        await http.post(f"/v23.0/{PHONE}/messages", json=text())
    assert meta.sends.total == accepted


async def test_an_unknown_fault_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/_sim/faults", json={"kind": "gremlin"}) as answer:
        assert answer.status == 422


async def test_waiting_for_a_send_returns_when_it_comes(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    wait = http.get("/_sim/sends", params={"recipient": CUSTOMER, "wait_seconds": "5"})
    async with aiohttp.ClientSession(meta.url, headers=TOKEN) as other:
        pending = asyncio.ensure_future(wait)
        await other.post(f"/v23.0/{PHONE}/messages", json=text("late"))
        answer = await pending
        found = await answer.json()
    assert [send["text"] for send in found["sends"]] == ["late"]
    assert found["next"] == 1


async def test_media_goes_up_and_down_and_links_die(
    meta: MetaSimulator, http: aiohttp.ClientSession
) -> None:
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("file", b"\xff\xd8picture", filename="a.jpg", content_type="image/jpeg")
    async with http.post(f"/v23.0/{PHONE}/media", data=form) as answer:
        media_id = (await answer.json())["id"]
    async with http.get(f"/v23.0/{media_id}") as answer:
        found = await answer.json()
    assert (found["mime_type"], found["file_size"]) == ("image/jpeg", "9")
    path = found["url"].removeprefix(meta.url)
    async with http.get(path) as answer:
        assert await answer.read() == b"\xff\xd8picture"
    async with aiohttp.ClientSession(meta.url) as stranger, stranger.get(path) as answer:
        assert answer.status == 401
    meta.clock.advance(301)
    async with http.get(path) as answer:
        assert answer.status == 404
    async with http.delete(f"/v23.0/{media_id}") as answer:
        assert await answer.json() == {"success": True}
    async with http.get(f"/v23.0/{media_id}") as answer:
        assert (await answer.json())["error"]["code"] == 100


async def test_reset_forgets_everything(meta: MetaSimulator, http: aiohttp.ClientSession) -> None:
    await http.post(f"/v23.0/{PHONE}/messages", json=text())
    meta.faults.add({"kind": "hang", "count": 9})
    await http.post("/_sim/reset")
    async with http.get("/_sim/sends") as answer:
        assert (await answer.json()) == {"sends": [], "next": 0}
    assert not meta.faults.waiting
