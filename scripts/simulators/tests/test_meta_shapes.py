"""Every shape that WhatsApp and Messenger take is accepted; what they refuse is refused."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from simulators.meta import MetaSimulator

PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"
Json = dict[str, Any]


def button(number: int, title: str = "") -> Json:
    return {"type": "reply", "reply": {"id": f"b{number}", "title": title or f"Choice {number}"}}


def buttons(*some: Json, **more: Any) -> Json:
    action = {"buttons": list(some)}
    return {"interactive": {"type": "button", "body": {"text": "Which?"}, "action": action, **more}}


def rows(count: int, **more: Any) -> Json:
    found = [{"id": f"r{n}", "title": f"Row {n}", **more} for n in range(count)]
    action = {"button": "Choose", "sections": [{"title": "All", "rows": found}]}
    return {"interactive": {"type": "list", "body": {"text": "Which?"}, "action": action}}


def link(url: str = "https://example.org/") -> Json:
    action = {"name": "cta_url", "parameters": {"display_text": "Open", "url": url}}
    return {"interactive": {"type": "cta_url", "body": {"text": "Look"}, "action": action}}


FLOW = {
    "interactive": {
        "type": "flow",
        "body": {"text": "Book"},
        "action": {
            "name": "flow",
            "parameters": {"flow_message_version": "3", "flow_cta": "Book", "flow_id": "1"},
        },
    }
}
LOCATION = {"location": {"latitude": 45.8, "longitude": 15.97, "name": "Zagreb"}}
CONTACT = {"contacts": [{"name": {"formatted_name": "Ana Horvat", "first_name": "Ana"}}]}


async def send(http: aiohttp.ClientSession, **content: Any) -> tuple[int, Json]:
    content.setdefault("to", CUSTOMER)
    if content["to"] is None:
        del content["to"]
    kind = next(key for key in content if key not in ("to", "recipient", "context"))
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": kind,
        **content,
    }
    async with http.post(f"/v23.0/{PHONE}/messages", json=body) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("content", "choices"),
    [
        ({"text": {"body": "Hi", "preview_url": False}}, []),
        ({"text": {"body": "Hi"}, "context": {"message_id": "wamid.X"}}, []),
        ({"image": {"link": "https://example.org/a.jpg", "caption": "c"}}, []),
        ({"document": {"id": "1", "filename": "a.pdf", "caption": "c"}}, []),
        ({"audio": {"id": "1"}}, []),
        ({"sticker": {"id": "1"}}, []),
        (buttons(button(1), button(2), header={"type": "text", "text": "H"}), ["b1", "b2"]),
        (rows(10, description="d"), [f"r{n}" for n in range(10)]),
        (link(), ["https://example.org/"]),
        (FLOW, ["flow"]),
        (LOCATION, []),
        (CONTACT, []),
        ({"reaction": {"message_id": "wamid.X", "emoji": "👍"}}, []),
        ({"reaction": {"message_id": "wamid.X", "emoji": ""}}, []),
        ({"template": {"name": "hello", "language": {"code": "en_US"}}}, []),
    ],
)
async def test_whatsapp_shapes(
    quick: MetaSimulator, graph: aiohttp.ClientSession, content: Json, choices: list[str]
) -> None:
    status, said = await send(graph, **content)
    assert status == 200, said
    (sent,) = quick.sends.after(0)
    assert [choice["id"] for choice in sent.choices] == choices


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (buttons(), 131009),
        (buttons(*(button(n) for n in range(4))), 131009),
        (buttons(button(1, "x" * 21)), 100),
        (buttons(button(1), button(1)), 131009),
        (buttons(button(1, "Same"), button(2, "Same")), 131009),
        (buttons(button(1), footer={"text": "x" * 61}), 100),
        (buttons(button(1), body={"text": "x" * 1025}), 100),
        (rows(11), 131009),
        (rows(1, title="x" * 25), 100),
        (rows(1, description="x" * 73), 100),
        (link("ftp://example.org"), 131009),
        ({"image": {}}, 131008),
        ({"image": {"link": "nowhere"}}, 131009),
        ({"image": {"id": "1", "filename": "a"}}, 100),
        ({"audio": {"id": "1", "caption": "c"}}, 100),
        ({"image": {"id": "1", "caption": "x" * 1025}}, 100),
        ({"location": {"latitude": 91, "longitude": 0}}, 131009),
        ({"location": {"longitude": 0}}, 131008),
        ({"contacts": []}, 131009),
        ({"contacts": [{"name": {}}]}, 131008),
        ({"reaction": {"emoji": "👍"}}, 131008),
        ({"template": {"name": "hello"}}, 131008),
        ({"text": {"body": "Hi"}, "to": "US.13491208655302741918"}, 131009),
        ({"text": {"body": "Hi"}, "to": None, "recipient": CUSTOMER}, 131009),
        ({"text": {"body": "Hi"}, "to": None}, 131008),
    ],
)
async def test_whatsapp_refusals(graph: aiohttp.ClientSession, content: Json, code: int) -> None:
    status, said = await send(graph, **content)
    assert (status, said["error"]["code"]) == (400, code)
    assert said["error"]["error_data"]["details"]


async def test_who_hides_the_number_is_written_to_by_recipient(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    person = "US.13491208655302741918"
    status, said = await send(graph, text={"body": "Hi"}, to=None, recipient=person)
    assert (status, said["contacts"]) == (200, [{"input": person, "user_id": person}])
    assert next(quick.sends.after(0)).recipient == person


async def messenger(http: aiohttp.ClientSession, **body: Any) -> tuple[int, Json]:
    full = {"recipient": {"id": "1"}, "messaging_type": "RESPONSE", **body}
    async with http.post(f"/v23.0/{PAGE}/messages", json=full) as answer:
        return answer.status, await answer.json()


def attachment(kind: str, **payload: Any) -> Json:
    return {"message": {"attachment": {"type": kind, "payload": payload}}}


POSTBACK = {"type": "postback", "title": "Yes", "payload": "YES"}
QUICK = {"content_type": "text", "title": "Yes", "payload": "YES"}


@pytest.mark.parametrize(
    ("body", "kind", "choices"),
    [
        ({"message": {"text": "Hi", "quick_replies": [QUICK]}}, "text", ["YES"]),
        ({"message": {"text": "Hi"}, "reply_to": {"mid": "m_1"}}, "text", []),
        (attachment("image", url="https://example.org/a.jpg"), "image", []),
        (attachment("file", attachment_id="1"), "file", []),
        (attachment("template", template_type="button", text="?", buttons=[POSTBACK]), "template",
         ["YES"]),
        (attachment("template", template_type="generic",
                    elements=[{"title": "Tent", "buttons": [POSTBACK]}]), "template", ["YES"]),
        ({"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT", "message": {"text": "Hi"}},
         "text", []),
    ],
)  # fmt: skip
async def test_messenger_shapes(
    quick: MetaSimulator, graph: aiohttp.ClientSession, body: Json, kind: str, choices: list[str]
) -> None:
    status, said = await messenger(graph, **body)
    assert status == 200, said
    (sent,) = quick.sends.after(0)
    assert (sent.kind, [choice["id"] for choice in sent.choices]) == (kind, choices)


@pytest.mark.parametrize(
    "body",
    [
        {"message": {"text": "Hi", "quick_replies": [QUICK] * 14}},
        {"message": {"text": "Hi", "quick_replies": [{**QUICK, "title": "x" * 21}]}},
        {"message": {"text": "Hi", "attachment": {"type": "image"}}},
        {"messaging_type": "MESSAGE_TAG", "message": {"text": "Hi"}},
        {"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE", "message": {"text": "Hi"}},
        {"sender_action": "dance"},
        {"sender_action": "typing_on", "message": {"text": "Hi"}},
        attachment("image"),
        attachment("template", template_type="button", text="?", buttons=[]),
        attachment("template", template_type="button", text="?", buttons=[POSTBACK] * 4),
        attachment("template", template_type="generic", elements=[{"title": "x" * 81}]),
        attachment("template", template_type="generic", elements=[{"title": "alone"}]),
    ],
)
async def test_messenger_refusals(graph: aiohttp.ClientSession, body: Json) -> None:
    status, said = await messenger(graph, **body)
    assert (status, said["error"]["code"]) == (400, 100)
    assert said["error"]["message"].startswith("(#100)")
    assert "error_data" not in said["error"]


async def test_a_retired_tag_is_refused_by_its_name(graph: aiohttp.ClientSession) -> None:
    tagged = {"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE", "message": {"text": "Hi"}}
    _, said = await messenger(graph, **tagged)
    assert "ACCOUNT_UPDATE has been retired" in said["error"]["message"]


async def test_typing_and_seen_reach_the_timeline(
    quick: MetaSimulator, graph: aiohttp.ClientSession
) -> None:
    for action in ("mark_seen", "typing_on"):
        assert (await messenger(graph, sender_action=action))[0] == 200
    assert [entry["what"] for entry in quick.timeline.after(0, "1")] == ["read", "typing"]
    assert quick.sends.total == 0
