"""What integrators hear of a tenant's channels, and nobody else does."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from channel_desk import INBOX_APP_ID, PNG, ChannelDesk, channel_desk
from jsonschema import Draft202012Validator
from whole_platform import Shop, WholePlatform

from contracts.definitions import PUBLIC as PUBLIC_VHOST
from testkit import eventually_async

SCHEMAS = Path(__file__).parents[2] / "contracts" / "schemas"
EVENT_BYTES_MAX = 64 * 1024
WANTED = {
    "message.echoed": "channel-ingress.echo-received.v1",
    "message.changed": "channel-ingress.message-changed.v1",
    "message.delayed": "channel-ingress.message-delayed.v1",
    "media.stored": "channel-ingress.media-stored.v1",
    "contact.updated": "channel-ingress.contact-updated.v1",
    "channel.health-changed": "channel-ingress.channel-health-changed.v1",
    "conversation.thread-control-changed": "channel-ingress.thread-control-changed.v1",
}


class Feed:
    """Everything of the public feed from now on."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []

    async def take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        """Keep one event with its routing key."""
        assert len(message.body) <= EVENT_BYTES_MAX
        self.heard.append((message.routing_key or "", json.loads(message.body)))

    def of(self, slug: str) -> dict[str, dict[str, Any]]:
        """The newest event of each type that a tenant heard."""
        return {
            event["type"].removeprefix("dev.metachat.").removesuffix(".v1"): event
            for key, event in self.heard
            if key.startswith(f"{slug}.")
        }


@pytest.fixture
async def feed(platform: WholePlatform) -> AsyncIterator[Feed]:
    connection = await aio_pika.connect(platform.servers.rabbitmq.url(PUBLIC_VHOST))
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("chat.events", routing_key="#")
        listening = Feed()
        await queue.consume(listening.take, no_ack=True)
        yield listening


async def live_through(desk: ChannelDesk) -> None:
    """Let everything happen of which integrators hear."""
    token = f"token-{uuid4().hex}"
    await desk.change("whatsapp", credentials={"access_token": token})
    ana, ben = desk.customer(), desk.page_visitor()
    await ana.file(PNG, mime_type="image/png", caption="Is this yours?")
    await desk.until(ana, lambda m: (m["content"] or {}).get("media"), "the picture")
    hello = await ana.say("Hello")
    await ana.react(hello)
    await ana.send("echo", text="From the phone")
    await ben.say("Hello")
    await ben.send("take_thread_control", previous_owner="1", new_owner=INBOX_APP_ID)
    await desk.meta.token(token, "expired")
    await desk.customer().say("Does anybody answer?")


async def test_a_tenant_hears_all_of_its_own_channels_and_nothing_of_others(
    platform: WholePlatform, feed: Feed, shop: Shop
):
    other = await asyncio.to_thread(platform.shop)
    async with channel_desk(shop) as desk, channel_desk(other) as others:
        slug, foreign = [(await one.api.get(one.tenant))["slug"] for one in (desk, others)]
        await live_through(desk)
        await others.customer().say("Hello")
        await eventually_async(
            lambda: set(WANTED) <= set(feed.of(slug)) and "message.sent" in feed.of(foreign),
            "every kind of event",
            30,
        )
    for name, address in WANTED.items():
        event = feed.of(slug)[name]
        assert event["tenantid"] == slug
        assert event["subject"] != f"tenants/{shop.tenant_id}", name
        schema = json.loads((SCHEMAS / f"{address}.json").read_text())
        envelope = {"message_id", "tenant_id", "correlation_id", "causation_id", "occurred_at"}
        schema["required"] = sorted(set(schema["required"]) - envelope)
        schema["properties"] = {k: v for k, v in schema["properties"].items() if k not in envelope}
        Draft202012Validator(schema).validate(event["data"])
    own = [event for key, event in feed.heard if key.startswith(f"{slug}.")]
    ids = {str(channel["channel_id"]) for channel in other.channels.values()}
    assert not [event for event in own if ids & set(json.dumps(event).split('"'))]
    assert {event["tenantid"] for event in own} == {slug}
    assert feed.of(slug)["message.echoed"]["data"]["content"]["text"] == "From the phone"
    assert feed.of(slug)["channel.health-changed"]["data"]["level"] == "red"
    assert feed.of(slug)["message.delayed"]["data"]["code"] == "token_invalid"
    assert not {"message.echoed", "message.changed", "media.stored"} & set(feed.of(foreign))
