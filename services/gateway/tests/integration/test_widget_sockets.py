"""The widget's way: session, socket, message, place, words in the making, replay, expiry."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
import socketio

from bus import Bus
from bus.service_bus import outgoing
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.conversations import ListVisitorMessages, MessagesListed
from contracts.v1.sending import DeliverToVisitor
from contracts.v1.shapes import RecordedMessage
from contracts.v1.turns import MessageRecorded, ReplyDelta, TurnStarted
from gateway.widget import tokens
from testkit import eventually_async

from .conftest import Answered, Owners, Running, Tenant

ORIGIN = "https://shop.example"
NO_ALGORITHM = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}


EVENTS = (
    "ready", "message", "recorded", "delta", "withdrawn", "typing", "error", "disconnect",
)  # fmt: skip


class Widget:
    """A widget without a browser."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[tuple[str, Any]] = []
        self.client = socketio.AsyncClient(reconnection=False)
        for event in EVENTS:
            self.client.on(event, self._listener(event))

    def _listener(self, event: str) -> Any:
        async def listen(data: Any = None) -> None:
            self.heard.append((event, data))

        return listen

    async def connect(self, token: str | None, **headers: str) -> None:
        await self.client.connect(
            self.url,
            auth={"token": token} if token else None,
            headers=headers,
            transports=["websocket"],
        )

    def of(self, event: str) -> list[Any]:
        return [data for name, data in self.heard if name == event]

    async def hears(self, event: str) -> Any:
        await eventually_async(lambda: self.of(event), f"the event {event}")
        return self.of(event)[0]

    async def say(self, text: str, client_message_id: str | None = None) -> dict[str, Any]:
        message = {"client_message_id": client_message_id or str(uuid4()), "text": text}
        answer: dict[str, Any] = await self.client.call("message", message, timeout=10)
        return answer


async def session(running: Running, key: str, origin: str | None = ORIGIN, **body: Any) -> Answered:
    headers = {"Origin": origin} if origin else {}
    return await running.call.using(None)(
        "POST", "/widget/sessions", {"channel_key": key, **body}, headers=headers
    )


def recorded(seq: int, role: str = "bot", text: str = "Hi", **fields: Any) -> RecordedMessage:
    return RecordedMessage(
        recorded_message_id=uuid4(),
        seq=seq,
        role=role,
        text=text,
        content=None,
        citations=[],
        created_at=datetime.now(UTC),
        client_message_id=fields.get("client_message_id"),
        turn_id=fields.get("turn_id"),
        delivery="none",
        delivery_code=None,
    )


def answer_places(bus: Bus, messages: list[RecordedMessage]) -> None:
    async def answer(request: ListVisitorMessages) -> MessagesListed:
        after = [message for message in messages if message.seq > request.after_seq]
        last_seq = max((message.seq for message in messages), default=0)
        page = after[: request.limit]
        return MessagesListed(messages=page, last_seq=last_seq, more=len(after) > len(page))

    bus.answer(ListVisitorMessages, answer)


async def shop(running: Running) -> tuple[Tenant, dict[str, Any]]:
    tenant = await running.tenant()
    channel = await running.web_channel(
        tenant, title="Ask us", color="#1f5f4a", allowed_origins=[ORIGIN]
    )
    return tenant, channel


async def opened_widgets(running: Running, count: int) -> tuple[Any, Any, list[Widget]]:
    """A channel, a session on it, and so many windows of its visitor."""
    _, channel = await shop(running)
    opened = (await session(running, channel["external_id"])).json
    widgets = [Widget(running.url) for _ in range(count)]
    for widget in widgets:
        await widget.connect(opened["token"], Origin=ORIGIN)
        await widget.hears("ready")
    return channel, opened, widgets


async def test_from_a_session_to_a_kept_message_and_the_replay(
    running: Running, owners: Owners
) -> None:
    past = [recorded(number, text=f"m{number}") for number in range(1, 251)]
    answer_places(owners.of("orchestrator"), past)
    inbound: list[ChannelWebhookReceived] = []

    async def hear(delivery: Any) -> None:
        inbound.append(ChannelWebhookReceived.hear(delivery.body))
        await delivery.done()

    owners.of("channel-ingress").listen(ChannelWebhookReceived, hear)
    await owners.start()
    _, opened, (first, second) = await opened_widgets(running, 2)
    assert opened["channel"] == {
        "title": "Ask us", "color": "#1f5f4a", "greeting": None, "locale": None
    }  # fmt: skip
    ready = await first.hears("ready")
    assert ready == {"protocol": 1, "visitor_id": opened["visitor_id"], "last_seq": 250}
    resumed = await first.client.call("resume", {"last_seq": 20}, timeout=10)
    assert [message["seq"] for message in resumed["messages"]] == list(range(21, 251))
    assert resumed["last_seq"] == 250
    own_id = str(uuid4())
    taken = await first.say("Where is my order? \ud83d\ude00", own_id)
    assert taken["ok"] is True
    assert await second.say("Where is my order?", own_id) == taken
    (row,) = await running.rows("select * from webhook_ledger")
    assert str(row["delivery_id"]) == taken["message_id"]
    await eventually_async(lambda: inbound, "the event of the message")
    assert len(inbound) == 1
    body = inbound[0].body or ""
    assert opened["visitor_id"] in body
    assert own_id in body


class Story:
    """A turn as the other services tell it."""

    def __init__(self, owners: Owners, channel: Any, visitor_id: str) -> None:
        self.owners, self.visitor_id = owners, visitor_id
        self.conversation_id, self.turn_id = uuid4(), uuid4()
        self.place = {
            "tenant_id": UUID(channel["tenant_id"]),
            "channel_id": UUID(channel["channel_id"]),
        }
        self.who = {
            "conversation_id": self.conversation_id,
            "channel_type": "webchat",
            "contact_external_id": visitor_id,
            **self.place,
        }

    async def begins(self, client_message_id: str) -> None:
        mine = recorded(1, "customer", client_message_id=client_message_id)
        orchestrator = self.owners.of("orchestrator")
        await orchestrator.publish(outgoing(MessageRecorded.make(message=mine, **self.who)))
        started = TurnStarted.make(
            turn_id=self.turn_id, attempt=1, first_seq=1, last_seq=1, **self.who
        )
        await orchestrator.publish(outgoing(started))

    async def streams(self, *texts: str) -> None:
        for index, text in enumerate(texts):
            words = ReplyDelta.make(
                visitor_id=self.visitor_id, turn_id=self.turn_id, attempt=1, index=index,
                text=text, **self.place,
            )  # fmt: skip
            await self.owners.of("llm-router").stream(words)

    async def ends(self, text: str) -> None:
        reply = recorded(2, text=text, turn_id=self.turn_id)
        command = DeliverToVisitor.make(
            conversation_id=self.conversation_id, visitor_id=self.visitor_id, message=reply,
            **self.place,
        )  # fmt: skip
        await self.owners.of("channel-ingress").publish(outgoing(command))


async def test_every_window_sees_the_answer_being_made(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    for service in ("llm-router", "channel-ingress"):
        owners.of(service)
    await owners.start()
    channel, opened, widgets = await opened_widgets(running, 2)
    story, own_id = Story(owners, channel, opened["visitor_id"]), str(uuid4())
    await story.begins(own_id)
    await story.streams("It is ", "on its way.")
    for widget in widgets:
        recorded_place = await widget.hears("recorded")
        assert (recorded_place["seq"], recorded_place["client_message_id"]) == (1, own_id)
        assert (await widget.hears("typing")) == {"on": True}
        await eventually_async(lambda w=widget: len(w.of("delta")) == 2, "both deltas")
        pieces = sorted(widget.of("delta"), key=lambda piece: piece["index"])
        assert "".join(piece["text"] for piece in pieces) == "It is on its way."
    making = await widgets[1].client.call("resume", {"last_seq": 1}, timeout=10)
    assert making["streaming"] == {
        "turn_id": str(story.turn_id), "attempt": 1, "text": "It is on its way.", "next_index": 2
    }  # fmt: skip
    await story.ends("It is on its way.")
    for widget in widgets:
        assert (await widget.hears("message"))["seq"] == 2
        await eventually_async(lambda w=widget: {"on": False} in w.of("typing"), "silence")
    over = await widgets[1].client.call("resume", {"last_seq": 2}, timeout=10)
    assert "streaming" not in over
    for widget in widgets:
        await widget.client.disconnect()


async def test_visitors_hear_only_what_is_theirs(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    owners.of("channel-ingress")
    await owners.start()
    _, channel = await shop(running)
    one = (await session(running, channel["external_id"])).json
    two = (await session(running, channel["external_id"])).json
    assert one["visitor_id"] != two["visitor_id"]
    widgets = [Widget(running.url), Widget(running.url)]
    for widget, opened in zip(widgets, (one, two), strict=True):
        await widget.connect(opened["token"], Origin=ORIGIN)
        await widget.hears("ready")
    own_id = str(uuid4())
    acks = [await widget.say("hello", own_id) for widget in widgets]
    assert acks[0]["message_id"] != acks[1]["message_id"]
    assert len(await running.rows("select 1 from webhook_ledger")) == 2
    for opened in (one, two):
        await owners.of("channel-ingress").publish(
            outgoing(
                DeliverToVisitor.make(
                    tenant_id=UUID(channel["tenant_id"]),
                    channel_id=UUID(channel["channel_id"]),
                    visitor_id=opened["visitor_id"],
                    conversation_id=uuid4(),
                    message=recorded(1, text=opened["visitor_id"]),
                )
            )
        )
    for widget, opened in zip(widgets, (one, two), strict=True):
        assert (await widget.hears("message"))["text"] == opened["visitor_id"]
        assert len(widget.of("message")) == 1
        await widget.client.disconnect()


async def test_who_may_open_a_session(running: Running) -> None:
    tenant, channel = await shop(running)
    key = channel["external_id"]
    assert (await session(running, "wch_unknown")).code == "unknown_channel"
    assert (await session(running, key, "https://evil.example")).code == "origin_not_allowed"
    assert (await session(running, key, "null")).code == "origin_not_allowed"
    own_page = await session(running, key, "http://chat.test")
    assert own_page.status == 200
    allowed = await session(running, key)
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed.headers["Cache-Control"] == "no-store"
    refused = await session(running, key, "https://evil.example")
    assert "Access-Control-Allow-Origin" not in refused.headers
    back = await session(running, key, visitor_token=allowed.json["visitor_token"])
    assert back.json["visitor_id"] == allowed.json["visitor_id"]
    for wrong in ("x", allowed.json["token"], allowed.json["visitor_token"][:-2]):
        answer = await session(running, key, visitor_token=wrong)
        assert (answer.status, answer.code) == (401, "invalid_visitor_token")
    other = await running.web_channel(tenant, allowed_origins=[ORIGIN])
    elsewhere = await session(
        running, other["external_id"], visitor_token=allowed.json["visitor_token"]
    )
    assert elsewhere.status == 401
    more = await session(running, key, tenant_id=tenant.tenant_id)
    assert more.status == 422
    preflight = await running.call.using(None)(
        "OPTIONS",
        "/widget/sessions",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"},
    )
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)


def forged(token: str, **changes: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, "another secret of thirty-two bytes", "HS256")


async def test_who_may_connect(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, channel = await shop(running)
    opened = (await session(running, channel["external_id"])).json
    good = opened["token"]
    head, payload, _ = good.split(".")
    wrong = [
        None,
        "",
        "x",
        opened["visitor_token"],
        forged(good),
        forged(good, aud="widget", exp=int(time.time()) + 9_999),
        f"{NO_ALGORITHM}.{payload}.",
        f"{head}.{payload}.",
    ]
    for token in wrong:
        with pytest.raises(socketio.exceptions.ConnectionError):
            await Widget(running.url).connect(token)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "http://chat.test"}):
        with pytest.raises(socketio.exceptions.ConnectionError):
            await Widget(running.url).connect(good, **headers)
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(
            f"{running.url}?token={good}", auth={"token": good}, transports=["websocket"]
        )
    assert (await polled(running, good, f"&token={good}")).startswith("44")
    assert (await polled(running, good)).startswith("40")
    widget = Widget(running.url)
    await widget.connect(good, Origin=ORIGIN)
    await widget.client.disconnect()


async def polled(running: Running, token: str, query: str = "") -> str:
    """Connect by polling, word by word: 40 is welcome, 44 is refused."""
    address = f"{running.url}/socket.io/?EIO=4&transport=polling{query}"
    http, headers = running.call.http, {"Origin": ORIGIN}
    async with http.get(address, headers=headers) as answer:
        address += f"&sid={json.loads((await answer.text())[1:])['sid']}"
    wish = f"40{json.dumps({'token': token})}"
    async with http.post(address, data=wish, headers=headers) as answer:
        assert answer.status == 200
    async with http.get(address, headers=headers) as answer:
        return await answer.text()


async def test_a_socket_ends_with_its_token(
    running: Running, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, channel = await shop(running)
    monkeypatch.setattr(tokens, "SESSION_SECONDS", 2)
    opened = (await session(running, channel["external_id"])).json
    widget = Widget(running.url)
    await widget.connect(opened["token"], Origin=ORIGIN)
    assert (await widget.hears("error"))["code"] == "token_expired"
    await eventually_async(lambda: widget.of("disconnect"), "the end of the connection")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await Widget(running.url).connect(opened["token"], Origin=ORIGIN)


async def test_what_a_socket_may_not_say(running: Running, owners: Owners) -> None:
    answer_places(owners.of("orchestrator"), [])
    await owners.start()
    _, channel = await shop(running)
    opened = (await session(running, channel["external_id"])).json
    widget = Widget(running.url)
    await widget.connect(opened["token"], Origin=ORIGIN)
    unfit = [
        (None, "invalid_message"),
        ("text", "invalid_message"),
        ({"text": "x"}, "invalid_message"),
        ({"client_message_id": "1", "text": "x"}, "invalid_message"),
        ({"client_message_id": str(uuid4()), "text": 1}, "invalid_message"),
        ({"client_message_id": str(uuid4()), "text": "  "}, "empty_text"),
        ({"client_message_id": str(uuid4()), "text": "ä" * 8193}, "text_too_long"),
    ]
    for data, code in unfit:
        answer = await widget.client.call("message", data, timeout=10)
        assert (answer["ok"], answer["code"]) == (False, code), data
    nul = await widget.say("a\u0000b")
    assert nul["ok"] is True
    (row,) = await running.rows("select convert_from(body, 'UTF8') as body from webhook_ledger")
    assert "\\u0000" not in row["body"]
    answers = await asyncio.gather(*(widget.say(f"m{number}") for number in range(40)))
    assert "rate_limited" in {answer.get("code") for answer in answers}
    await widget.client.emit("drop_tables", {})
    assert (await widget.hears("error"))["code"] == "unknown_event"
    await eventually_async(lambda: widget.of("disconnect"), "the end of the connection")
