"""Customers' messages on demand: what `POST /_sim/inbound` asks for, turned into webhook bodies."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from simulators.meta import messenger_bodies, whatsapp_bodies
from simulators.meta.signing import SIGNATURES, Signature
from simulators.meta.webhook_sender import ONCE, WebhookSender

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inbound:
    """What customers say, and how it reaches the webhook."""

    platform: Literal["whatsapp", "messenger"] = "whatsapp"
    receiver: str = ""
    """Phone number id or page id that is written to."""
    customer: str = "16505551234"
    """wa_id or page-scoped id that writes."""
    name: str = ""
    """The customer's profile name (WhatsApp)."""
    texts: list[str] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    """Ids for the texts, in order; missing ones are made."""
    messages: list[Json] = field(default_factory=list)
    """Ready message objects (WhatsApp) or items (Messenger) instead of texts."""
    body: Json | None = None
    """A whole body instead of anything above."""
    raw: str | None = None
    """The text of a body that need not be JSON."""
    batch: bool = True
    """All texts in one body; otherwise one body each, in parallel and random order."""
    copies: int = 1
    """How often each body is posted, in parallel."""
    signature: Signature = "valid"
    retry: bool = True
    """Whether an answer that is not 200 is retried with back-off."""

    @classmethod
    def from_json(cls, fields: Json) -> Inbound:
        """Read the request body; ValueError or TypeError when it makes no sense."""
        if "text" in fields:
            fields = {**fields, "texts": [fields["text"]]}
            del fields["text"]
        inbound = cls(**fields)
        if inbound.platform not in ("whatsapp", "messenger"):
            raise ValueError("platform must be whatsapp or messenger")
        if inbound.signature not in SIGNATURES:
            raise ValueError(f"signature must be one of {', '.join(SIGNATURES)}")
        if not (inbound.texts or inbound.messages or inbound.body or inbound.raw is not None):
            raise ValueError("one of text, texts, messages, body or raw is needed")
        return inbound

    def items(self) -> list[Json]:
        """The message objects, with their ids."""
        if self.messages:
            return self.messages
        padded = self.message_ids + [""] * len(self.texts)
        pairs = list(zip(self.texts, padded, strict=False))
        if self.platform == "whatsapp":
            return [
                whatsapp_bodies.text_message(self.customer, text, message_id=message_id)
                for text, message_id in pairs
            ]
        return [
            messenger_bodies.text_message(self.receiver, self.customer, text, message_id=message_id)
            for text, message_id in pairs
        ]

    def bodies(self, items: list[Json]) -> list[Json]:
        """The webhook bodies that carry these items."""
        groups = [items] if self.batch else [[item] for item in items]
        if self.platform == "messenger":
            return [messenger_bodies.body_of(self.receiver, group) for group in groups]
        names = {self.customer: self.name} if self.name else None
        return [
            whatsapp_bodies.body_of([whatsapp_bodies.messages_change(self.receiver, group, names)])
            for group in groups
        ]


async def say(inbound: Inbound, sender: WebhookSender) -> Json:
    """Post it; answers `{message_ids, deliveries: [{status, attempts, seconds}]}`."""
    retry = None if inbound.retry else ONCE
    how: Json = {"copies": inbound.copies, "signature": inbound.signature, "retry": retry}
    if inbound.raw is not None:
        deliveries = await sender.send_raw(inbound.raw.encode("utf-8", "surrogatepass"), **how)
        return _answer([], deliveries)
    if inbound.body is not None:
        return _answer([], await sender.send(inbound.body, **how))
    items = inbound.items()
    bodies = inbound.bodies(items)
    if len(bodies) == 1:
        deliveries = await sender.send(bodies[0], **how)
    else:
        deliveries = await sender.send_reordered(bodies)
    return _answer([_id_of(item) for item in items], deliveries)


def _id_of(item: Json) -> str:
    message = item.get("message") or item.get("postback") or item
    return str(message.get("id") or message.get("mid") or "")


def _answer(message_ids: list[str], deliveries: list[Any]) -> Json:
    return {
        "message_ids": message_ids,
        "deliveries": [asdict(delivery) for delivery in deliveries],
    }
