"""Webhook bodies through a real broker and database: everything once, nothing lost."""

from __future__ import annotations

import asyncio
from typing import Any

from orjson import dumps

from blobs import Blobs
from channel_ingress.domain import conversation_identity, item_identity
from contracts.v1.channels import EchoReceived, MessageReceived, UpdateReceived
from simulators.meta import messenger_bodies, whatsapp_bodies
from testkit import eventually_async

from .world import CUSTOMER, PAGE, PHONE, World


def body(*messages: dict[str, Any], phone: str = PHONE) -> dict[str, Any]:
    change = whatsapp_bodies.messages_change(phone, messages, {CUSTOMER: "Ana"})
    return whatsapp_bodies.body_of([change])


def text(words: str, message_id: str = "", sender: str = CUSTOMER) -> dict[str, Any]:
    return whatsapp_bodies.text_message(sender, words, message_id=message_id)


async def test_a_message_is_said_with_stable_ids(world: World) -> None:
    channel_id = await world.configure()
    event = await world.post(body(text("Where is my order?", "wamid.1")))
    (said,) = await world.neighbours.wait_for(MessageReceived)
    assert said.tenant_id == world.tenant_id
    assert said.message_id == item_identity(channel_id, "wamid.1")
    assert said.conversation_id == conversation_identity(channel_id, CUSTOMER)
    assert said.content.text == "Where is my order?"
    assert said.contact.display_name == "Ana"
    assert said.causation_id == event.message_id


async def test_five_parallel_duplicates_are_one_message(world: World) -> None:
    await world.configure()
    same = body(text("Hello", "wamid.same"))
    await asyncio.gather(*(world.post(same) for _ in range(5)))
    await world.until("select true from inbound_items where copies = 4")
    await world.post(body(text("last", "wamid.last")))
    said = await world.neighbours.wait_for(MessageReceived, 2)
    assert sorted(message.provider_message_id for message in said) == ["wamid.last", "wamid.same"]


async def test_same_id_with_other_content_is_counted_and_the_first_wins(world: World) -> None:
    await world.configure()
    await world.post(body(text("first", "wamid.1")))
    await world.neighbours.wait_for(MessageReceived)
    await world.post(body(text("second", "wamid.1")))
    await world.until("select true from inbound_items where differing = 1")
    await world.post(body(text("last", "wamid.2")))
    said = await world.neighbours.wait_for(MessageReceived, 2)
    assert [message.content.text for message in said] == ["first", "last"]


async def test_a_thousand_updates_in_one_body_with_bad_ones_between(world: World) -> None:
    await world.configure()
    messages: list[Any] = [text(f"text {n}", f"wamid.{n}") for n in range(1000)]
    for place in range(0, 1000, 100):
        messages[place] = {"from": CUSTOMER, "broken": place}
    whole = body(*[m for m in messages if "type" in m])
    whole["entry"][0]["changes"][0]["value"]["messages"] = messages
    sha256 = await Blobs.open(world.settings.blob_url).put(dumps(whole))
    await world.post(None, body_sha256=sha256)

    def heard() -> set[str]:
        return {said.provider_message_id for said in world.neighbours.of(MessageReceived)}

    # The broker may bring a message twice; its listeners' inboxes tell.
    await eventually_async(lambda: len(heard()) >= 990, "990 messages", 60)
    assert len(heard()) == 990
    ids = {said.message_id for said in world.neighbours.of(MessageReceived)}
    assert len(ids) == 990
    updates = await world.neighbours.wait_for(UpdateReceived, 10)
    assert {update.update_kind for update in updates} == {"unparsed"}
    assert await world.value("select count(*) from inbound_items where state = 'unparsed'") == 10
    assert await world.value("select count(*) from kept_bodies") == 0


async def test_an_unparsable_body_is_kept_and_visible(world: World) -> None:
    await world.configure()
    for raw in ("{broken", "[" * 60_000, '{"a": NaN}', "[]"):
        await world.post(raw)
    await world.until("select count(*) = 4 from kept_bodies where reason = 'unparsed'")
    await world.post(body(text("still alive")))
    await world.neighbours.wait_for(MessageReceived)


async def test_an_unknown_number_waits_for_its_channel(world: World) -> None:
    await world.post(body(text("early", "wamid.early"), phone="999"))
    await world.until("select true from inbound_items where state = 'unrouted'")
    assert world.neighbours.of(MessageReceived) == []
    await world.configure(external_id="999")
    (said,) = await world.neighbours.wait_for(MessageReceived)
    assert said.provider_message_id == "wamid.early"
    await world.until("select not exists (select 1 from inbound_items where state = 'unrouted')")


async def test_bodies_of_a_suspended_tenant_are_not_read_again_and_again(world: World) -> None:
    await world.value(
        "insert into tenants values ($1, 'suspended', 1) returning true", world.tenant_id
    )
    await world.configure(external_id="998")
    await world.post(body(text("while suspended", "wamid.asleep"), phone="998"))
    waits = "select received_at from kept_bodies where reason = 'unrouted'"
    first = await world.until(waits)
    await asyncio.sleep(5 * world.settings.sweep_seconds)
    assert await world.value(waits) == first


async def test_a_named_channel_that_is_not_known_yet_is_retried(world: World) -> None:
    channel_id = await world.configure("webchat", "widget-key", sealed_credentials=None)
    unknown = conversation_identity(channel_id, "x")
    message = {"visitor_id": "v1", "client_message_id": "c1", "text": "Hi"}
    fields: dict[str, Any] = {"channel_type": "webchat", "tenant_id": world.tenant_id}
    await world.post(message, channel_id=unknown, **fields)
    await world.until("select true from outbox where available_at > now()")
    await world.configure("webchat", "other-key", channel_id=unknown, sealed_credentials=None)
    (said,) = await world.neighbours.wait_for(MessageReceived)
    assert (said.channel_id, said.client_message_id) == (unknown, "c1")


async def test_a_named_channel_takes_no_other_channels_items(world: World) -> None:
    channel_id = await world.configure()
    mixed = body(text("mine", "wamid.1"))
    mixed["entry"] += body(text("not mine", "wamid.2"), phone="999")["entry"]
    await world.post(mixed, channel_id=channel_id, tenant_id=world.tenant_id)
    await world.neighbours.wait_for(MessageReceived)
    await world.until("select true from inbound_items where state = 'unrouted'")
    assert len(world.neighbours.of(MessageReceived)) == 1


async def test_messenger_texts_and_echoes_come_as_what_they_are(world: World) -> None:
    await world.configure("messenger", PAGE)
    items = [
        messenger_bodies.text_message(PAGE, "psid-1", "Hi", message_id="m1"),
        messenger_bodies.echo(PAGE, "psid-1", "a person", message_id="m2"),
    ]
    await world.post(messenger_bodies.body_of(PAGE, items), channel_type="messenger")
    (echo,) = await world.neighbours.wait_for(EchoReceived)
    assert (echo.source, echo.content.text, echo.provider_message_id) == (
        "page_inbox",
        "a person",
        "m2",
    )
    assert echo.contact.external_id == "psid-1"
    (said,) = await world.neighbours.wait_for(MessageReceived)
    assert (said.contact.external_id, said.content.text) == ("psid-1", "Hi")


async def test_naughty_text_is_stored_and_said(world: World) -> None:
    await world.configure()
    raw = dumps(body(text("PLACE", "wamid.1"))).decode()
    await world.post(raw.replace("PLACE", r"a\u0000b\ud83d"))
    (said,) = await world.neighbours.wait_for(MessageReceived)
    assert said.content.text == "a\ufffdb\ufffd"
    assert await world.value("select flags from inbound_items") == ["text_cleaned"]


async def test_an_older_revision_of_a_channel_is_ignored(world: World) -> None:
    channel_id = await world.configure(revision=5)
    await world.configure(channel_id=channel_id, revision=4, state="disabled")
    await world.configure(external_id="222")
    assert await world.value("select state from channels where revision = 5") == "active"
