"""What the simulator takes, answers and says holds against Meta's own OpenAPI description."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import orjson
import pytest

from simulators.meta import MetaSimulator, whatsapp_bodies
from simulators.meta.specification import Specification, find_specification

PHONE, CUSTOMER = "106540352242922", "16505551234"


@pytest.fixture(scope="module")
def specification() -> Specification:
    path = find_specification()
    if path is None:
        pytest.skip("Meta's OpenAPI file is absent: name it with CHAT_META_OPENAPI")
    return Specification(path)


def test_the_judge_takes_metas_own_examples(specification: Specification) -> None:
    wrong = {}
    for name, body in specification.webhook_examples():
        if body["entry"][0]["changes"][0]["field"] != "messages":
            continue  # the group examples contradict their own schema (timestamp as text)
        if errors := specification.webhook_errors(body):
            wrong[name] = errors
    assert wrong == {}


def test_the_judge_refuses_what_is_wrong(specification: Specification) -> None:
    good = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": CUSTOMER,
        "type": "text",
        "text": {"body": "Hi"},
    }
    assert specification.send_request_errors(good) == []
    assert specification.send_request_errors({**good, "text": {"body": "Hi", "colour": "red"}})
    assert specification.send_request_errors({**good, "surprise": 1})
    assert specification.send_request_errors({k: v for k, v in good.items() if k != "to"})
    assert specification.send_request_errors({**good, "biz_opaque_callback_data": "x" * 513})


def test_webhooks_that_the_simulator_says_are_right(specification: Specification) -> None:
    messages = [
        whatsapp_bodies.text_message(CUSTOMER, "Hi"),
        whatsapp_bodies.reaction(CUSTOMER, "wamid.X", "👍"),
        whatsapp_bodies.button_reply(CUSTOMER, "yes", "Yes", "wamid.X"),
        whatsapp_bodies.media_message(
            CUSTOMER,
            "image",
            {"id": "1", "mime_type": "image/jpeg", "sha256": "abc", "caption": "c"},
        ),
    ]
    statuses = [
        whatsapp_bodies.status("wamid.X", name, CUSTOMER, callback_data="send-1")
        for name in ("sent", "delivered", "read", "failed")
    ]
    for change in (
        whatsapp_bodies.messages_change(PHONE, messages),
        whatsapp_bodies.statuses_change(PHONE, statuses),
    ):
        assert specification.webhook_errors(whatsapp_bodies.body_of([change])) == []


def with_links(example: Any) -> Any:
    """The example with an address where Meta's page says `<http(s)://…>`."""
    text = orjson.dumps(example).decode()
    text = re.sub(r'"type":"<[^"]*>"', '"type":"text"', text)
    return orjson.loads(re.sub(r'"<?http\(s\)://[^"]*"', '"https://example.org/file"', text))


async def test_metas_example_requests_are_accepted(specification: Specification) -> None:
    refused = {}
    async with (
        MetaSimulator() as meta,
        aiohttp.ClientSession(meta.url, headers={"Authorization": "Bearer t"}) as http,
    ):
        for name, example in specification.send_examples():
            body = with_links(example)
            async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
                said = await answer.json()
                if answer.status != 200:
                    refused[name] = said
                    continue
            component = (
                "MarkMessageResponsePayload" if "status" in body else ("MessageResponsePayload")
            )
            assert specification.errors(component, said) == [], name
    assert refused == {}


async def test_errors_have_metas_shape(specification: Specification) -> None:
    async with (
        MetaSimulator() as meta,
        aiohttp.ClientSession(meta.url) as http,
        http.post(f"/v23.0/{PHONE}/messages", json={}) as answer,
    ):
        assert specification.errors("GraphAPIError", await answer.json()) == []
