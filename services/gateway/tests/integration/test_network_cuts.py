"""A widget whose network breaks again and again: every message once, in order, both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import socketio

from bus.service_bus import outgoing
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.sending import DeliverToVisitor
from contracts.v1.shapes import RecordedMessage
from contracts.v1.turns import MessageRecorded
from gateway.widget import visitors
from testkit import TcpProxy, eventually_async

from .conftest import Owners, Running
from .test_widget_sockets import ORIGIN, answer_places, recorded, session, shop

MESSAGES = 500
CUTS = 20


class Conversation:
    """The services behind the gateway: they give places, and answer each message."""

    def __init__(self, owners: Owners, tenant_id: UUID, channel_id: UUID, visitor: str) -> None:
        self.messages: list[RecordedMessage] = []
        self._owners, self._visitor = owners, visitor
        self._place = {"tenant_id": tenant_id, "channel_id": channel_id}
        self._conversation_id = uuid4()
        self._heard: set[UUID] = set()

    async def hear(self, delivery: Any) -> None:
        event = ChannelWebhookReceived.hear(delivery.body)
        if event.delivery_id not in self._heard:
            self._heard.add(event.delivery_id)
            body = json.loads(event.body or "")
            mine = self._append("customer", body["text"], body["client_message_id"])
            reply = self._append("bot", f"re {body['text']}", None)
            await self._tell(mine, reply)
        await delivery.done()

    def knows(self, text: str) -> bool:
        return any(message.text == text for message in self.messages)

    def _append(self, role: str, text: str, client_message_id: str | None) -> RecordedMessage:
        seq = len(self.messages) + 1
        message = recorded(seq, role, text, client_message_id=client_message_id)
        self.messages.append(message)
        return message

    async def _tell(self, mine: RecordedMessage, reply: RecordedMessage) -> None:
        placed = MessageRecorded.make(
            conversation_id=self._conversation_id,
            channel_type="webchat",
            contact_external_id=self._visitor,
            message=mine,
            **self._place,
        )
        shown = DeliverToVisitor.make(
            conversation_id=self._conversation_id,
            visitor_id=self._visitor,
            message=reply,
            **self._place,
        )
        await self._owners.of("orchestrator").publish(outgoing(placed))
        await self._owners.of("channel-ingress").publish(outgoing(shown))


class PatientWidget:
    """A client as docs/widget-protocol.md asks for: one message at a time, resume by seq."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self.shown: dict[int, str] = {}
        self.sent_twice = 0
        self.last_seq = 0
        self._own: dict[str, str] = {}
        self._ready, self._gone = asyncio.Event(), asyncio.Event()
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("ready", self._on_ready)
        self._client.on("message", self._on_message)
        self._client.on("recorded", self._on_recorded)
        self._client.on("disconnect", self._on_disconnect)

    async def stay(self) -> None:
        """Connect again, for as long as the test runs."""
        while True:
            if not self._client.connected:
                with suppress(socketio.exceptions.ConnectionError, OSError):
                    await self._client.connect(
                        self._url,
                        auth={"token": self._token},
                        headers={"Origin": ORIGIN},
                        transports=["websocket"],
                        wait_timeout=2,
                    )
            if self._ready.is_set() and self._has_gap():
                await self._resume()
            await asyncio.sleep(0.05)

    async def say(self, text: str) -> None:
        """Send until it is acknowledged, always under the same id."""
        own_id = str(uuid4())
        self._own[own_id] = text
        while True:
            await self._ready.wait()
            answer = await self._ask("message", {"client_message_id": own_id, "text": text})
            if answer is not None and answer["ok"]:
                return

    async def close(self) -> None:
        await self._client.disconnect()

    async def _on_ready(self, _data: Any) -> None:
        self._gone.clear()
        await self._resume()
        self._ready.set()

    async def _on_disconnect(self, *_: Any) -> None:
        self._ready.clear()
        self._gone.set()

    async def _on_message(self, message: Any) -> None:
        self._show(message["seq"], message["text"])

    async def _on_recorded(self, place: Any) -> None:
        self._show(place["seq"], self._own[place["client_message_id"]])

    async def _resume(self) -> None:
        answer = await self._ask("resume", {"last_seq": self.last_seq})
        for message in answer["messages"] if answer is not None else []:
            self._show(message["seq"], message["text"])

    async def _ask(self, event: str, data: dict[str, Any]) -> Any:
        """The acknowledgement; None when the connection ended before it came."""
        asking = asyncio.create_task(self._client.call(event, data, timeout=5))
        leaving = asyncio.create_task(self._gone.wait())
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not asking.done():
            asking.cancel()
            return None
        return None if asking.exception() is not None else asking.result()

    def _has_gap(self) -> bool:
        return max(self.shown, default=0) > self.last_seq

    def _show(self, seq: int, text: str) -> None:
        if seq in self.shown:
            assert self.shown[seq] == text
            return
        self.shown[seq] = text
        while self.last_seq + 1 in self.shown:
            self.last_seq += 1


async def cut_during(
    text: str, widget: PatientWidget, talk: Conversation, proxy: TcpProxy, *, slowly: bool
) -> bool:
    """Break the network under a message: before it leaves, or (slowly) when it was committed but
    its acknowledgement is still under way, so that it is sent twice."""
    proxy.latency_seconds = 0.4 if slowly else 0.0
    saying = asyncio.create_task(widget.say(text))
    if slowly:
        await eventually_async(lambda: talk.knows(text), "the message behind the door")
        widget.sent_twice += not saying.done()
    else:
        await asyncio.sleep(0)
    was_open = proxy.cut() > 0
    proxy.latency_seconds = 0.0
    await saying
    return was_open


async def test_twenty_cuts_lose_double_and_disorder_nothing(
    start_gateway: Callable[..., Any], owners: Owners, monkeypatch: Any
) -> None:
    monkeypatch.setattr(visitors, "EVENTS_PER_SECOND", 100_000.0)
    monkeypatch.setattr(visitors, "BURST", 100_000.0)
    first: Running = await start_gateway()
    second: Running = await start_gateway(database=first.database)
    _, channel = await shop(first)
    opened = (await session(first, channel["external_id"])).json
    await session(second, channel["external_id"])  # it learns the page's origin
    talk = Conversation(
        owners, UUID(channel["tenant_id"]), UUID(channel["channel_id"]), opened["visitor_id"]
    )
    answer_places(owners.of("orchestrator"), talk.messages)
    owners.of("channel-ingress").listen(ChannelWebhookReceived, talk.hear)
    await owners.start()
    ports = [urlsplit(running.url).port or 0 for running in (first, second)]
    async with TcpProxy("127.0.0.1", ports[0]) as proxy:
        widget = PatientWidget(f"http://127.0.0.1:{proxy.port}", opened["token"])
        staying = asyncio.create_task(widget.stay())
        cuts = 0
        for number in range(MESSAGES):
            if number % (MESSAGES // CUTS) == 7:
                proxy.target = ("127.0.0.1", ports[cuts % 2])
                cuts += await cut_during(f"m{number}", widget, talk, proxy, slowly=cuts % 4 == 3)
            else:
                await widget.say(f"m{number}")
        await eventually_async(lambda: widget.last_seq == 2 * MESSAGES, "all messages")
        staying.cancel()
        await widget.close()
    assert cuts == CUTS
    assert widget.sent_twice > 0
    said = [f"m{number}" for number in range(MESSAGES)]
    rows = await first.rows(
        "select convert_from(body, 'UTF8')::jsonb ->> 'text' as text from webhook_ledger"
        " order by received_at"
    )
    assert [row["text"] for row in rows] == said
    everything = [widget.shown[seq] for seq in sorted(widget.shown)]
    assert everything == [message.text for message in talk.messages]
    assert [text for text in everything if text.startswith("m")] == said
    assert [text for text in everything if text.startswith("re ")] == [f"re {m}" for m in said]
