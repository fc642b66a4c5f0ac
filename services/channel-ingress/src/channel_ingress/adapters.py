"""The one interface of all channels, and which adapter serves which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from channel_ingress.items import Item
from channel_ingress.messenger import MessengerAdapter
from channel_ingress.webchat import WebChatAdapter
from channel_ingress.whatsapp import WhatsAppAdapter


class Normaliser(Protocol):
    """Turns a body into items."""

    def normalise(self, body: dict[str, Any], received_at: datetime) -> Iterator[Item]:
        """Every item of the body; one bad item never loses the others."""
        ...


class GraphAdapter(Normaliser, Protocol):
    """A channel whose sends are Graph calls."""

    text_limit: int

    def request(
        self, sender: str, recipient: str, text: str, reference: str
    ) -> tuple[str, dict[str, Any]]:
        """Path (below the Graph version) and body of one text send."""
        ...

    def accepted_id(self, answer: dict[str, Any]) -> str:
        """The provider's message id in the answer to a send; raises when there is none."""
        ...


GRAPH_ADAPTERS: dict[str, GraphAdapter] = {
    "whatsapp": WhatsAppAdapter(),
    "messenger": MessengerAdapter(),
}
NORMALISERS: dict[str, Normaliser] = {**GRAPH_ADAPTERS, "webchat": WebChatAdapter()}
