"""Every kind of inbound and of notice goes out, and holds against Meta's file where it is known."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaSimulator
from simulators.meta.kind_catalogue import catalogue
from simulators.webhook_receiver import WebhookReceiver

PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"
PERSON = "US.13491208655302741918"
Json = dict[str, Any]
VALUES: Json = {
    "latitude": 45.8,
    "longitude": 15.97,
    "attachments": [{"type": "image", "payload": {"url": "https://example.org/a.jpg"}}],
    "response": {"date": "2026-12-01"},
}


def fields_of(described: Json) -> Json:
    return {
        name: VALUES.get(name, "text")
        for name, default in described["fields"].items()
        if default == "required"
    }


async def say(quick: MetaSimulator, path: str = "inbound", **fields: Any) -> Json:
    async with (
        aiohttp.ClientSession(quick.url) as http,
        http.post(f"/_sim/{path}", json=fields) as answer,
    ):
        assert answer.status == 200, await answer.text()
        said: Json = await answer.json()
        return said


@pytest.mark.parametrize("kind", catalogue()["whatsapp"])
@pytest.mark.parametrize("user_id", ["", PERSON])
async def test_whatsapp_kinds(
    quick: MetaSimulator, receiver: WebhookReceiver, kind: str, user_id: str
) -> None:
    described = catalogue()["whatsapp"][kind]
    said = await say(
        quick,
        receiver=PHONE,
        customer="" if user_id else CUSTOMER,
        user_id=user_id,
        kind=kind,
        fields=fields_of(described),
        reply_to="wamid.X" if kind.endswith("_reply") or kind == "button" else "",
    )
    (arrived,) = receiver.arrived
    change = arrived.body["entry"][0]["changes"][0]
    assert change["value"]["metadata"]["phone_number_id"] == PHONE
    if change["field"] == "messages" and "messages" in change["value"]:
        (message,) = change["value"]["messages"]
        assert said["message_ids"] == [message["id"]]
        assert message.get("from_user_id", "") == user_id
        assert message.get("from", "") == ("" if user_id else CUSTOMER)
        assert ("contacts" in change["value"]) is (message["type"] != "system")


@pytest.mark.parametrize("kind", catalogue()["messenger"])
@pytest.mark.parametrize("standby", [False, True])
async def test_messenger_kinds(
    quick: MetaSimulator, receiver: WebhookReceiver, kind: str, standby: bool
) -> None:
    fields = fields_of(catalogue()["messenger"][kind])
    person = {"platform": "messenger", "receiver": PAGE, "customer": "1"}
    await say(quick, **person, kind=kind, fields=fields, standby=standby)
    (entry,) = receiver.arrived[0].body["entry"]
    (item,) = entry["standby" if standby else "messaging"]
    assert {item["sender"]["id"], item["recipient"]["id"]} == {PAGE, "1"}
    assert (item["sender"]["id"] == PAGE) is (kind == "echo")
    if standby and "postback" in item:
        assert "payload" not in item["postback"]


@pytest.mark.parametrize("kind", catalogue()["notices"])
async def test_notices(quick: MetaSimulator, receiver: WebhookReceiver, kind: str) -> None:
    fields = fields_of(catalogue()["notices"][kind])
    said = await say(quick, "notices", kind=kind, fields=fields, account_id="77")
    (arrived,) = receiver.arrived
    (entry,) = arrived.body["entry"]
    assert (entry["id"], entry["changes"][0]["field"]) == ("77", said["field"])


async def test_circumstances_of_a_message(quick: MetaSimulator, receiver: WebhookReceiver) -> None:
    await say(
        quick,
        receiver=PHONE,
        text="From the ad",
        forwarded=True,
        reply_to="wamid.X",
        referral={"headline": "Tents"},
        group_id="g1",
        timestamp_seconds=1_700_000_000,
        username="ana",
        user_id=PERSON,
    )
    value = receiver.arrived[0].body["entry"][0]["changes"][0]["value"]
    (message,) = value["messages"]
    assert message["context"] == {"from": "15550783881", "id": "wamid.X", "forwarded": True}
    assert message["referral"]["headline"] == "Tents"
    assert (message["group_id"], message["timestamp"]) == ("g1", "1700000000")
    assert (message["from"], message["from_user_id"]) == (CUSTOMER, PERSON)
    assert value["contacts"][0]["profile"]["username"] == "ana"


async def test_statuses_of_a_hidden_number_name_the_user_id(
    quick: MetaSimulator, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    quick.later.delays_seconds = {"delivered": 0.0, "played": 0.0}
    body = {"messaging_product": "whatsapp", "recipient": PERSON, "type": "audio"}
    path = f"/v23.0/{PHONE}/messages"
    async with graph.post(path, json={**body, "audio": {"id": "1"}}) as answer:
        assert answer.status == 200
    await receiver.wait_for(1)
    statuses = receiver.arrived[0].body["entry"][0]["changes"][0]["value"]["statuses"]
    assert [status["status"] for status in statuses] == ["delivered", "played"]
    assert all(status["recipient_user_id"] == PERSON for status in statuses)
    assert all("recipient_id" not in status for status in statuses)


async def test_the_judge_sees_a_wrong_webhook(
    quick: MetaSimulator, receiver: WebhookReceiver
) -> None:
    if not quick.findings.enabled:
        pytest.skip("Meta's OpenAPI file is absent: name it with CHAT_META_OPENAPI")
    await say(quick, receiver=PHONE, kind="text", fields={"text": 7})
    assert len(receiver.arrived) == 1
    (finding,) = quick.findings.found
    assert finding["where"] == "webhook"
    quick.findings.clear()
