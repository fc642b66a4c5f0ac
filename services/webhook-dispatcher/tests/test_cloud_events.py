"""What integrators read, for every event that the catalogue marks public."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.catalogue import all_messages
from contracts.message import Event
from contracts.v1.channels import MessageReceived
from contracts.v1.documents import DocumentUploaded
from contracts.v1.shapes import ContactRef, MessageContent
from webhook_dispatcher.cloud_events import (
    EVENT_BYTES_MAX,
    amqp_headers,
    render,
    render_test,
)
from webhook_dispatcher.event_feed import amqp_message

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TENANT = UUID("0193a1f2-7c1e-7d40-9d0c-2f6f1d1c9a11")
EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"
PUBLIC = [message for message in all_messages() if message.public]


def received(text: str = "Where is my order?") -> MessageReceived:
    return MessageReceived.make(
        tenant_id=TENANT,
        occurred_at=datetime(2026, 11, 22, 10, 0, 0, 123456, UTC),
        channel_id=uuid4(),
        channel_type="whatsapp",
        conversation_id=uuid4(),
        contact=ContactRef(external_id="49170", display_name="Jo", phone="49170"),
        provider_message_id="wamid.1",
        sent_at=datetime.now(UTC),
        content=MessageContent(kind="text", text=text, media=None, data=None),
        reply_to=None,
        client_message_id=None,
    )


def body_of(event: Event, **wishes: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(render(event, "acme", TRACEPARENT, **wishes).body)
    return read


def test_a_message_received_in_full() -> None:
    event = received()
    body = body_of(event)
    assert body["specversion"] == "1.0"
    assert body["id"] == str(event.message_id)
    assert body["type"] == "dev.metachat.message.received.v1"
    assert body["source"] == f"/tenants/acme/channels/{event.channel_id}"
    assert body["subject"] == f"conversations/{event.conversation_id}"
    assert body["time"] == "2026-11-22T10:00:00.123456Z"
    assert body["datacontenttype"] == "application/json"
    assert (body["tenantid"], body["channel"]) == ("acme", "whatsapp")
    assert body["partitionkey"] == str(event.conversation_id)
    assert body["correlationid"] == str(event.correlation_id)
    assert body["traceparent"] == TRACEPARENT
    assert body["data"]["content"]["text"] == "Where is my order?"
    assert "causationid" not in body
    assert "dataschema" not in body


def test_the_schema_is_linked_where_a_public_address_is_known() -> None:
    body = body_of(received(), public_url="https://chat.example.com/")
    assert body["dataschema"].startswith("https://chat.example.com/contracts/events/message.")


def test_attribute_names_and_the_sequence_follow_the_specification() -> None:
    earlier, later = (
        body_of(received()),
        body_of(
            received().model_copy(
                update={"occurred_at": datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)}
            )
        ),
    )
    assert earlier["sequence"] < later["sequence"]
    assert len(earlier["sequence"]) == len(later["sequence"])
    for name in set(earlier) - {"data"}:
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)


def test_nothing_of_the_inside_is_shown() -> None:
    event = DocumentUploaded.make(
        tenant_id=TENANT,
        document_id=uuid4(),
        title="Returns",
        file_name="returns.pdf",
        declared_type=None,
        size_bytes=1,
        sha256="a" * 64,
        language=None,
    )
    body = body_of(event)
    assert "a" * 64 not in json.dumps(body)
    assert body["subject"] == f"documents/{event.document_id}"
    assert not {"message_id", "tenant_id", "correlation_id"} & set(body["data"])


def test_a_long_event_is_cut_visibly() -> None:
    rendered = render(received("ü" * 65_000), "acme", "")
    assert len(rendered.body.encode()) <= EVENT_BYTES_MAX
    assert json.loads(rendered.body)["data"]["truncated"] is True


@pytest.mark.parametrize("message", PUBLIC, ids=lambda message: str(message.public))
def test_public_types_make_five_word_routing_keys(message: type[Event]) -> None:
    assert re.fullmatch(r"[a-z-]+\.[a-z-]+", str(message.public))


@pytest.mark.parametrize(
    ("public", "about"),
    [
        ("channel.health-changed", "channels/"),
        ("contact.updated", "contacts/"),
        ("contact.merged", "contacts/"),
        ("conversation.thread-control-changed", "conversations/"),
        ("media.failed", "conversations/"),
        ("media.stored", "conversations/"),
        ("message.changed", "conversations/"),
        ("message.delayed", "conversations/"),
        ("message.echoed", "conversations/"),
        ("template.changed", "templates/"),
    ],
)
def test_what_an_event_is_about_stands_in_its_subject(public: str, about: str) -> None:
    message = next(message for message in PUBLIC if message.public == public)
    example = (EXAMPLES / f"{message.address}.json").read_bytes()
    event = message.hear(example)
    assert isinstance(event, Event)
    body = body_of(event)
    assert body["subject"].startswith(about)
    # Its order is that of its conversation, contact or channel, never of all that a tenant has.
    assert body["partitionkey"] != str(event.tenant_id)


def test_routing_keys() -> None:
    assert render(received(), "acme", "").routing_key == "acme.whatsapp.message.received.v1"
    test = render_test(uuid4(), TENANT, "acme", datetime.now(UTC))
    assert test.routing_key == "acme.-.webhook.test.v1"


def test_amqp_properties_and_header_copies() -> None:
    public = render(received(), "acme", TRACEPARENT)
    message = amqp_message(public)
    body = json.loads(public.body)
    assert message.body == public.body.encode()
    assert message.content_type == "application/cloudevents+json; charset=utf-8"
    assert (message.message_id, message.type) == (body["id"], body["type"])
    assert message.correlation_id == body["correlationid"]
    assert message.delivery_mode == 2
    assert message.user_id is None
    headers = amqp_headers(body)
    assert headers["cloudEvents_tenantid"] == "acme"
    assert headers["traceparent"] == TRACEPARENT
    assert not [name for name in headers if name.startswith("x-")]
