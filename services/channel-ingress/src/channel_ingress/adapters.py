"""The interfaces of all channels, inward and outward, and which adapter serves which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from channel_ingress.graph_sends import MessengerSends, WhatsAppSends
from channel_ingress.items import Item
from channel_ingress.messenger import MessengerAdapter
from channel_ingress.webchat import WebChatAdapter
from channel_ingress.whatsapp import WhatsAppAdapter


class Normaliser(Protocol):
    """Turns a body into items."""

    def normalise(self, body: dict[str, Any], received_at: datetime) -> Iterator[Item]:
        """Every item of the body; one bad item never loses the others."""
        ...


class GraphAdapter(Protocol):
    """A channel whose sends are Graph calls."""

    def request(
        self,
        sender: str,
        recipient: str,
        message: dict[str, Any],
        reference: str,
        *,
        message_tag: str | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Path (below the Graph version) and body of one send of a rendered message."""
        ...

    def accepted_id(self, answer: dict[str, Any], body: dict[str, Any]) -> str:
        """The provider's message id in the answer to this body; raises when there is none."""
        ...


GRAPH_ADAPTERS: dict[str, GraphAdapter] = {
    "whatsapp": WhatsAppSends(),
    "messenger": MessengerSends(),
}
NORMALISERS: dict[str, Normaliser] = {
    "whatsapp": WhatsAppAdapter(),
    "messenger": MessengerAdapter(),
    "webchat": WebChatAdapter(),
}
