"""The web-chat widget: gateway's socket messages in, `deliver-to-visitor` out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from channel_ingress.items import Item
from channel_ingress.reading import MALFORMED, Json, unreadable_item
from channel_ingress.webchat_messages import read_widget
from contracts.v1.sending import DeliverToVisitor, SendMessage
from contracts.v1.shapes import RecordedMessage


class WebChatAdapter:
    """Normalises what a widget says; one body is one message, or how far it was read."""

    channel_type = "webchat"

    def normalise(self, body: Json, received_at: datetime) -> Iterator[Item]:
        """The channel is named by the event, not by the body; several files are several items."""
        try:
            yield from list(read_widget(body, received_at))
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
            author=command.author_name,
            reply_to=command.reply_to,
            extras=command.body.extras,
        ),
    )
