"""The web-chat widget: gateway's socket messages in, `deliver-to-visitor` out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from channel_ingress.items import CustomerMessage, Item, Person
from channel_ingress.reading import (
    MALFORMED,
    TEXT_LIMIT,
    Json,
    cleaned,
    clipped,
    identifier,
    item_of,
    unreadable_item,
)
from contracts.v1.sending import DeliverToVisitor, SendMessage
from contracts.v1.shapes import MessageContent, RecordedMessage


class WebChatAdapter:
    """Normalises `{visitor_id, client_message_id, text}`; one body is one message."""

    channel_type = "webchat"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """The one message of a body; the channel is named by the event, not by the body."""
        try:
            yield _read_message(body, received_at)
        except MALFORMED as error:
            yield unreadable_item("", body, error)


def delivery_of(command: SendMessage) -> DeliverToVisitor:
    """The command that shows a message in the visitor's open widgets."""
    return DeliverToVisitor.after(
        command,
        message_id=command.send_id,
        channel_id=command.channel_id,
        visitor_id=command.contact_external_id,
        conversation_id=command.conversation_id,
        message=RecordedMessage(
            recorded_message_id=command.recorded_message_id,
            seq=command.seq,
            role=command.author,
            text=command.body.text,
            content=None,
            citations=command.body.citations,
            created_at=command.created_at,
            client_message_id=None,
            turn_id=command.turn_id,
            delivery="accepted",
            delivery_code=None,
        ),
    )


def _read_message(body: Json, received_at: datetime) -> Item:
    visitor_id = identifier(body["visitor_id"])
    client_message_id = identifier(body["client_message_id"])
    text = body["text"]
    if not isinstance(text, str) or not text.strip():
        raise ValueError("a message without text")
    payload = CustomerMessage(
        person=Person(visitor_id, clipped(body.get("display_name"), 512)),
        provider_message_id=client_message_id,
        sent_at=received_at,
        content=MessageContent(kind="text", text=cleaned(text[:TEXT_LIMIT]), media=None, data=None),
        client_message_id=client_message_id,
    )
    # One visitor's id says nothing about another's: the key holds both.
    return item_of("", f"{visitor_id}:{client_message_id}", body, payload)
