"""The simulated webhook sender signs, batches, duplicates, retries and follows sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaSimulator, Settings
from simulators.meta.signing import sign
from simulators.webhook_receiver import WebhookReceiver
from testkit import eventually_async

PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
async def meta(receiver: WebhookReceiver) -> AsyncIterator[MetaSimulator]:
    settings = Settings(
        whatsapp_webhook_url=receiver.url + "/whatsapp",
        messenger_webhook_url=receiver.url + "/messenger",
        whatsapp_app_secret="secret-w",
        messenger_app_secret="secret-m",
        status_delays_seconds={"sent": 0.0, "delivered": 0.01, "read": 0.05},
        webhook_backoff_seconds=0.01,
    )
    async with MetaSimulator(settings) as simulator:
        yield simulator


async def ask(meta: MetaSimulator, fields: dict[str, Any]) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(meta.url + "/_sim/inbound", json=fields) as answer,
    ):
        assert answer.status == 200, await answer.text()
        said: dict[str, Any] = await answer.json()
        return said


async def test_a_text_arrives_signed_over_its_raw_bytes(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    said = await ask(meta, {"receiver": PHONE, "customer": CUSTOMER, "text": "čokolada 🍫"})
    (arrived,) = receiver.arrived
    assert arrived.headers["X-Hub-Signature-256"] == sign(arrived.raw, "secret-w")
    value = arrived.body["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == PHONE
    assert value["messages"][0]["text"]["body"] == "čokolada 🍫"
    assert said["message_ids"] == [value["messages"][0]["id"]]
    assert said["deliveries"][0]["status"] == 200


async def test_a_thousand_texts_travel_in_one_body(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    texts = [f"text {n}" for n in range(1000)]
    said = await ask(meta, {"receiver": PHONE, "texts": texts})
    (arrived,) = receiver.arrived
    messages = arrived.body["entry"][0]["changes"][0]["value"]["messages"]
    assert [message["text"]["body"] for message in messages] == texts
    assert len(set(said["message_ids"])) == 1000


async def test_duplicates_and_single_bodies(meta: MetaSimulator, receiver: WebhookReceiver) -> None:
    await ask(meta, {"receiver": PHONE, "text": "again", "copies": 5})
    assert len(receiver.arrived) == 5
    assert len({arrived.raw for arrived in receiver.arrived}) == 1
    receiver.arrived.clear()
    await ask(meta, {"receiver": PHONE, "texts": ["a", "b", "c"], "batch": False})
    assert len(receiver.arrived) == 3


async def test_a_body_is_retried_until_it_is_taken(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    receiver.answers = [503, 500]
    said = await ask(meta, {"receiver": PHONE, "text": "please"})
    assert said["deliveries"][0]["attempts"] == 3
    assert said["deliveries"][0]["status"] == 200


@pytest.mark.parametrize("signature", ["wrong", "missing", "sha1_only", "reserialised"])
async def test_wrong_signatures_are_wrong(
    meta: MetaSimulator, receiver: WebhookReceiver, signature: str
) -> None:
    fields = {"receiver": PHONE, "text": "x y", "signature": signature, "retry": False}
    await ask(meta, fields)
    (arrived,) = receiver.arrived
    assert arrived.headers.get("X-Hub-Signature-256") != sign(arrived.raw, "secret-w")


async def test_statuses_follow_a_whatsapp_send_in_order(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    body = {
        "messaging_product": "whatsapp",
        "to": CUSTOMER,
        "type": "text",
        "text": {"body": "Hi"},
        "biz_opaque_callback_data": "send-7",
    }
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session:
        await session.post(f"{meta.url}/v23.0/{PHONE}/messages", json=body)
    seen: list[str] = []
    arrived = 0
    while len(seen) < 3:
        arrived += 1
        bodies = await receiver.wait_for(arrived)
        for change in bodies[arrived - 1].body["entry"][0]["changes"]:
            for status in change["value"]["statuses"]:
                assert status["biz_opaque_callback_data"] == "send-7"
                assert status["recipient_id"] == CUSTOMER
                seen.append(status["status"])
    assert seen == ["sent", "delivered", "read"]


async def test_echo_and_watermarks_follow_a_messenger_send(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    body = {"recipient": {"id": "psid-1"}, "message": {"text": "Hi", "metadata": "send-8"}}
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session:
        await session.post(f"{meta.url}/v23.0/{PAGE}/messages", json=body)
    kinds: list[str] = []
    arrived = 0
    while len(kinds) < 3:
        arrived += 1
        raw = (await receiver.wait_for(arrived))[arrived - 1]
        assert raw.headers["X-Hub-Signature-256"] == sign(raw.raw, "secret-m")
        for entry in raw.body["entry"]:
            item = entry["messaging"][0]
            kinds += [kind for kind in ("message", "delivery", "read") if kind in item]
            if "message" in item:
                assert item["message"]["is_echo"] is True
                assert item["message"]["metadata"] == "send-8"
                assert item["sender"]["id"] == PAGE
    assert kinds == ["message", "delivery", "read"]


async def test_messenger_texts_come_one_entry_each(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    fields = {"platform": "messenger", "receiver": PAGE, "customer": "psid-1", "texts": ["a", "b"]}
    said = await ask(meta, fields)
    (arrived,) = receiver.arrived
    entries = arrived.body["entry"]
    assert [entry["messaging"][0]["message"]["text"] for entry in entries] == ["a", "b"]
    assert all(message_id.startswith("m_") for message_id in said["message_ids"])


@pytest.mark.parametrize("fields", [{}, {"text": "x", "platform": "fax"}, {"text": "x", "no": 1}])
async def test_inbound_that_makes_no_sense_is_refused(
    meta: MetaSimulator, fields: dict[str, Any]
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(meta.url + "/_sim/inbound", json=fields) as answer,
    ):
        assert answer.status == 422


async def test_a_body_mixes_numbers_and_customers(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    texts = [str(number) for number in range(1000)]
    people = [f"16505550{number:03d}" for number in range(10)]
    said = await ask(meta, {"receivers": ["1", "2", "3"], "customers": people, "texts": texts})
    (arrived,) = receiver.arrived
    values = [change["value"] for change in arrived.body["entry"][0]["changes"]]
    assert [value["metadata"]["phone_number_id"] for value in values] == ["1", "2", "3"]
    assert sorted(m["text"]["body"] for v in values for m in v["messages"]) == sorted(texts)
    assert {len(value["contacts"]) for value in values} == {10}
    assert len(set(said["message_ids"])) == 1000
    assert meta.timeline.writer_of(said["message_ids"][11]) == people[1]


async def test_messenger_bodies_mix_pages(meta: MetaSimulator, receiver: WebhookReceiver) -> None:
    fields = {"platform": "messenger", "receivers": ["1", "2"], "texts": ["a", "b", "c"]}
    await ask(meta, fields)
    entries = receiver.arrived[0].body["entry"]
    assert [entry["id"] for entry in entries] == ["1", "2", "1"]


async def test_statuses_may_come_twice_and_deliveries_are_noted(
    meta: MetaSimulator, receiver: WebhookReceiver
) -> None:
    order = {"delays_seconds": {"sent": 0}, "copies": 3, "shuffle": True}
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session:
        await session.post(f"{meta.url}/_sim/statuses", json=order)
        body = {"messaging_product": "whatsapp", "to": "1", "type": "text", "text": {"body": "Hi"}}
        await session.post(f"{meta.url}/v23.0/{PHONE}/messages", json=body)
        wrong = {"delays_seconds": {"dreamt": 1}}
        async with session.post(f"{meta.url}/_sim/statuses", json=wrong) as answer:
            assert answer.status == 422
    arrived = await receiver.wait_for(3)
    assert len({one.raw for one in arrived}) == 1
    await eventually_async(
        lambda: sum(one["what"] == "webhook" for one in meta.timeline.after(0)) == 3,
        "three deliveries",
    )
