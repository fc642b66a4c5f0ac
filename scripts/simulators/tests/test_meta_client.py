"""The Python client plays customers and turns the simulated world, as its documentation says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaClient, MetaSimulator, SimulatorRefused
from simulators.webhook_receiver import WebhookReceiver

PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"
Json = dict[str, Any]


@pytest.fixture
async def meta(quick: MetaSimulator) -> AsyncIterator[MetaClient]:
    async with MetaClient(quick.url) as client:
        await client.until_ready()
        yield client


async def answer_with(http: aiohttp.ClientSession, **content: Any) -> None:
    body = {"messaging_product": "whatsapp", "to": CUSTOMER, **content}
    async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
        assert answer.status == 200, await answer.text()


def last(receiver: WebhookReceiver) -> Json:
    value = receiver.arrived[-1].body["entry"][0]["changes"][0]["value"]
    message: Json = value["messages"][0]
    return message


async def test_a_customer_taps_by_number_title_and_id(
    meta: MetaClient, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    customer = meta.whatsapp_customer(PHONE, CUSTOMER, name="Ana")
    await customer.say("Hello")
    reply_buttons = [
        {"type": "reply", "reply": {"id": f"b{n}", "title": f"Choice {n}"}} for n in (1, 2)
    ]
    interactive = {
        "type": "button",
        "body": {"text": "Which?"},
        "action": {"buttons": reply_buttons},
    }
    await answer_with(graph, type="interactive", interactive=interactive)
    reply = await customer.reply()
    for choice in (2, "choice 2", "b2"):
        await customer.press(reply, choice)
        message = last(receiver)
        assert message["interactive"]["button_reply"] == {"id": "b2", "title": "Choice 2"}
        assert message["context"]["id"] == reply.message_id
    with pytest.raises(LookupError, match="2 Choice 2"):
        await customer.press(reply, 3)


async def test_a_template_is_read_and_its_button_tapped(
    meta: MetaClient, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    components = [
        {"type": "BODY", "text": "Hi {{1}}, did it arrive?"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]},
    ]
    await meta.template("arrived", components=components, status="APPROVED", quiet=True)
    call = {
        "name": "arrived",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}],
    }
    await answer_with(graph, type="template", template=call)
    customer = meta.whatsapp_customer(PHONE, CUSTOMER)
    reply = await customer.reply()
    assert reply.shown == "Hi Ana, did it arrive?"
    await customer.press(reply, "Yes")
    assert last(receiver)["button"] == {"payload": "Yes", "text": "Yes"}


async def test_files_come_from_paths(
    meta: MetaClient, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    customer = meta.whatsapp_customer(PHONE, CUSTOMER)
    (tmp_path / "a.png").write_bytes(b"png")
    (tmp_path / "bill.pdf").write_bytes(b"pdf")
    await customer.file(tmp_path / "a.png", caption="Look")
    image = last(receiver)["image"]
    assert (image["mime_type"], image["caption"]) == ("image/png", "Look")
    assert await meta.media(image["id"]) == b"png"
    await customer.file(tmp_path / "bill.pdf")
    assert last(receiver)["document"]["filename"] == "bill.pdf"
    await customer.voice(b"ogg")
    assert last(receiver)["audio"]["voice"] is True


async def test_reactions_edits_and_revokes(meta: MetaClient, receiver: WebhookReceiver) -> None:
    customer = meta.whatsapp_customer(PHONE, "", user_id="US.1349")
    message_id = await customer.say("Helo", reply_to="wamid.X")
    await customer.react("wamid.X")
    await customer.react("wamid.X", "")
    assert "emoji" not in last(receiver)["reaction"]
    await customer.edit(message_id, "Hello")
    assert last(receiver)["edit"]["original_message_id"] == message_id
    await customer.revoke(message_id)
    assert last(receiver)["from_user_id"] == "US.1349"


async def test_messenger_taps(
    meta: MetaClient, graph: aiohttp.ClientSession, receiver: WebhookReceiver
) -> None:
    replies = [{"content_type": "text", "title": "Yes", "payload": "Y"}]
    body = {"recipient": {"id": "1"}, "message": {"text": "?", "quick_replies": replies}}
    await graph.post(f"/v23.0/{PAGE}/messages", json=body)
    customer = meta.messenger_customer(PAGE, "1")
    await customer.press(await customer.reply(), "yes")
    item = receiver.arrived[-1].body["entry"][0]["messaging"][0]
    assert item["message"]["quick_reply"] == {"payload": "Y"}


async def test_the_world_turns(meta: MetaClient, graph: aiohttp.ClientSession) -> None:
    await meta.fault("error_code", code=131047, details="too late")
    body = {
        "messaging_product": "whatsapp",
        "to": CUSTOMER,
        "type": "text",
        "text": {"body": "Hi"},
    }
    path = f"/v23.0/{PHONE}/messages"
    async with graph.post(path, json=body) as answer:
        assert (await answer.json())["error"]["error_data"]["details"] == "too late"
    await meta.statuses()
    await meta.rules(window=True)
    await meta.advance(10)
    await meta.node(PHONE, "phone", quality_rating="YELLOW")
    await meta.notice("number_quality", display_number="15550783881", event="DOWNGRADE")
    await meta.token("*", "expired")
    async with graph.post(path, json=body) as answer:
        assert (await answer.json())["error"]["code"] == 190
    assert await meta.verify("secret") is False
    with pytest.raises(SimulatorRefused, match="state must be one of"):
        await meta.token("*", "tired")
    await meta.reset()
    async with graph.post(path, json=body) as answer:
        assert answer.status == 200
    assert (await meta.wait_for_send(CUSTOMER)).text == "Hi"
    events, following = await meta.events(customer=CUSTOMER)
    assert [event["what"] for event in events] == ["send"]
    assert await meta.events(after=following) == ([], following)
