"""`chatctl simulate` says what was asked, shows choices and marks, and plays a whole chat."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from chatctl import command_simulate
from chatctl.command_simulate import Wish
from chatctl.simulated_person import Person, new_key, person_of
from chatctl.simulated_talk import Talk, coordinates, fields_of
from chatctl.simulated_view import event_line, send_lines
from simulators.meta import MetaClient, MetaSimulator, Send, Settings
from simulators.webhook_receiver import WebhookReceiver
from testkit import eventually_async

PHONE, CUSTOMER = "106540352242922", "16505551234"
Json = dict[str, Any]


def sent(kind: str = "text", text: str = "Hi", **more: Any) -> Send:
    fields: Json = {
        "index": 0,
        "platform": "whatsapp",
        "sender": PHONE,
        "recipient": CUSTOMER,
        "message_id": "wamid.X",
        "biz_opaque_callback_data": "",
        "at": 0.0,
        "answered": True,
        "body": {},
    }
    return Send(**{**fields, "kind": kind, "text": text, **more})


def test_choices_are_numbered() -> None:
    choices = [
        {"kind": "list", "id": "a", "title": "Tents", "description": "for two"},
        {"kind": "url", "id": "https://example.org", "title": "Shop [new]"},
    ]
    body = {"interactive": {"header": {"type": "text", "text": "Our shop"}}}
    shown = "\n".join(send_lines(sent("interactive", "Which?", choices=choices, body=body)))
    console = Console(file=io.StringIO(), width=80)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines == ["Our shop", "Which?", "  1 ☰ Tents for two", "  2 ↗ Shop [new]"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"what": "typing"}, "typing"),
        ({"what": "read"}, "has read"),
        ({"what": "status", "status": "delivered"}, "delivered"),
        ({"what": "status", "status": "failed", "code": 131047}, "131047"),
        ({"what": "inbound"}, ""),
    ],
)
def test_marks_are_shown(event: Json, words: str) -> None:
    line = event_line(event)
    assert words in line
    assert bool(line) is bool(words)


def test_somebody_new_is_a_number_or_hides_it() -> None:
    assert new_key("whatsapp", "phone").isdigit()
    assert new_key("whatsapp", "bsuid").startswith("US.")
    assert new_key("messenger", "bsuid").isdigit()


def test_whoever_was_played_last_goes_on() -> None:
    state = {
        "CHAT_META_GRAPH_URL": "http://x",
        "CHAT_WHATSAPP_PHONE_NUMBER_ID": PHONE,
        "CHAT_SIMULATED_WHATSAPP_CUSTOMER": CUSTOMER,
    }
    assert person_of("whatsapp", state, again=True).key == CUSTOMER
    assert person_of("whatsapp", state).key != CUSTOMER


@pytest.mark.parametrize("text", ["45.8", "here,there"])
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        coordinates(text)


@pytest.mark.parametrize(
    ("wish", "is_answered"),
    [
        (Wish(text="Hi"), True),
        (Wish(choice="1"), True),
        (Wish(kind="order"), True),
        (Wish(kind="number_changed", fields=["new_wa_id=1"]), False),
        (Wish(reaction=""), False),
        (Wish(text="Hello", edit="wamid.1"), False),
        (Wish(revoke="wamid.1"), False),
    ],
)
def test_only_what_is_answered_is_waited_for(wish: Wish, is_answered: bool) -> None:
    assert wish.is_answered is is_answered


def test_a_wish_in_a_line() -> None:
    assert Wish(kind="text", fields=["a=1", "b=2"]).described() == "kind text · fields a=1 b=2"
    assert Wish(reaction="").described() == "reaction taken back"


def test_fields_are_pairs() -> None:
    assert fields_of(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    with pytest.raises(ValueError, match="NAME=VALUE"):
        fields_of(["a"])


class Shop:
    """A business that answers every message with two buttons, after a read mark."""

    def __init__(self, meta: MetaSimulator, receiver: WebhookReceiver) -> None:
        self.meta, self.receiver = meta, receiver
        self.person = Person("whatsapp", meta.url, PHONE, CUSTOMER)

    def message(self) -> Json:
        """What the customer said last."""
        value = self.receiver.arrived[-1].body["entry"][0]["changes"][0]["value"]
        found: Json = value["messages"][0]
        return found

    async def serve(self) -> None:
        """Answer until cancelled."""
        count = 0
        headers = {"Authorization": "Bearer t"}
        async with aiohttp.ClientSession(self.meta.url, headers=headers) as graph:
            while True:
                await self.receiver.wait_for(count + 1, 60)
                count = len(self.receiver.arrived)
                await self._answer(graph)

    async def _answer(self, graph: aiohttp.ClientSession) -> None:
        reply = {"type": "reply", "reply": {"id": "b1", "title": "Yes"}}
        interactive = {
            "type": "button",
            "body": {"text": "Sure?"},
            "action": {"buttons": [reply]},
        }
        common = {"messaging_product": "whatsapp"}
        mark = {"status": "read", "message_id": self.message()["id"]}
        send = {"to": CUSTOMER, "type": "interactive", "interactive": interactive}
        for body in (mark, send):
            async with graph.post(f"/v23.0/{PHONE}/messages", json=common | body) as answer:
                assert answer.status == 200


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with WebhookReceiver() as receiver:
        settings = Settings(
            whatsapp_webhook_url=receiver.url + "/whatsapp", status_delays_seconds={}
        )
        async with MetaSimulator(settings) as meta:
            shop = Shop(meta, receiver)
            serving = asyncio.create_task(shop.serve())
            yield shop
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    file = io.StringIO()
    monkeypatch.setattr(command_simulate, "console", Console(file=file, width=120))
    return file.getvalue


async def test_one_text_and_then_a_tap(shop: Shop, printed: Callable[[], str]) -> None:
    said = await command_simulate._say(shop.person, Wish(text="Is it open?"), 10)
    assert [reply["text"] for reply in said["replies"]] == ["Sure?"]
    assert [event["what"] for event in said["events"]] == ["read"]
    assert "whatsapp → Is it open?" in printed()
    assert "whatsapp ← Sure?" in printed()
    assert "1 ▢ Yes" in printed()
    await command_simulate._say(shop.person, Wish(choice="yes"), 10)
    assert shop.message()["interactive"]["button_reply"]["id"] == "b1"


async def test_files_reactions_and_places(
    shop: Shop, printed: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    wishes = {
        "image": Wish(text="Look", file=tmp_path / "a.png"),
        "audio": Wish(voice=tmp_path / "a.png"),
        "reaction": Wish(reaction="👍"),
        "location": Wish(location="45.8,15.98"),
        "request_welcome": Wish(kind="request_welcome"),
    }
    for kind, wish in wishes.items():
        await command_simulate._say(shop.person, wish, 10)
        assert shop.message()["type"] == kind


async def test_what_cannot_be_done_is_said_in_a_line(shop: Shop) -> None:
    with pytest.raises(RuntimeError, match="no message yet"):
        await command_simulate._say(shop.person, Wish(choice="1"), 10)


async def test_a_whole_chat(shop: Shop) -> None:
    file = io.StringIO()
    lines = ["Hello\n", "1\n", "/react\n", "/nonsense\n", "/quit\n"]
    arrived = [0]

    async with MetaClient(shop.meta.url) as meta:
        talk = Talk(Console(file=file, width=120), meta, shop.person)
        watching = asyncio.create_task(talk.watch(0))
        for line in lines[:2]:
            await talk.take(line.strip())
            arrived[0] += 1
            await meta.wait_for_send(CUSTOMER)
            await eventually_async(
                lambda: file.getvalue().count("Sure?") >= arrived[0], "the reply is shown"
            )
        assert shop.receiver.arrived[1].body["entry"][0]["changes"][0]["value"]["messages"][0][
            "interactive"
        ]["button_reply"] == {"id": "b1", "title": "Yes"}
        watching.cancel()
        left = iter(lines[2:])
        await talk.run(lambda: next(left))
    assert "/nonsense is no command" in file.getvalue()
    assert shop.message()["type"] == "reaction"
    assert "has read your message" in file.getvalue()
