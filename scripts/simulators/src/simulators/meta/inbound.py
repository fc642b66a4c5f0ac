"""Customers' messages on demand: what `POST /_sim/inbound` may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from simulators.meta.messenger_kinds import KINDS as MESSENGER_KINDS
from simulators.meta.signing import SIGNATURES, Signature
from simulators.meta.whatsapp_bodies import Person
from simulators.meta.whatsapp_changes import CHANGES
from simulators.meta.whatsapp_kinds import KINDS as WHATSAPP_KINDS

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inbound:
    """What customers say, and how it reaches the webhook."""

    platform: Literal["whatsapp", "messenger"] = "whatsapp"
    receiver: str = ""
    """Phone number id or page id that is written to."""
    customer: str = "16505551234"
    """wa_id or page-scoped id that writes; empty for a customer with a `user_id` only."""
    receivers: list[str] = field(default_factory=list)
    """Several numbers or pages: the texts go to them in turn, all in one body."""
    customers: list[str] = field(default_factory=list)
    """Several customers: the texts are from them in turn."""
    name: str = ""
    """The customer's profile name (WhatsApp)."""
    user_id: str = ""
    """The customer's business-scoped user id (WhatsApp)."""
    parent_user_id: str = ""
    """The user id that all businesses of the portfolio see (WhatsApp)."""
    username: str = ""
    """The customer's user name (WhatsApp)."""
    texts: list[str] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    """Ids for the texts, in order; missing ones are made."""
    messages: list[Json] = field(default_factory=list)
    """Ready message objects (WhatsApp) or items (Messenger) instead of texts."""
    body: Json | None = None
    """A whole body instead of anything above."""
    raw: str | None = None
    """The text of a body that need not be JSON."""
    kind: str = ""
    """Another kind than text: a name in `GET /_sim/kinds`, with its `fields`."""
    fields: Json = field(default_factory=dict)
    message_id: str = ""
    """The id of the message of that kind; made if empty."""
    reply_to: str = ""
    """Our message that it answers."""
    forwarded: bool = False
    referral: Json | None = None
    """The ad or link that brought the customer here."""
    group_id: str = ""
    timestamp_seconds: int | None = None
    content_base64: str = ""
    """The bytes of the file, for kinds that carry one; or `media_id` of `POST /_sim/media`."""
    mime_type: str = ""
    media_id: str = ""
    media_url: bool = False
    """Say the file's link in the webhook already (WhatsApp, as Meta does since late 2025)."""
    wrong_sha256: bool = False
    """Say a hash that is not the file's."""
    standby: bool = False
    """Another app holds the thread (Messenger)."""
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
        if inbound.kind and inbound.kind not in inbound.known_kinds():
            raise ValueError(f"kind must be one of {', '.join(inbound.known_kinds())}")
        if not (inbound.texts or inbound.messages or inbound.kind or inbound.body) and (
            inbound.raw is None
        ):
            raise ValueError("one of text, texts, messages, kind, body or raw is needed")
        return inbound

    def one_by_one(self) -> list[Inbound]:
        """The texts as an inbound each, with their receivers and customers in turn."""
        receivers, customers = self.receivers or [self.receiver], self.customers or [self.customer]
        ids = [*self.message_ids, *([""] * len(self.texts))]
        return [
            replace(
                self,
                texts=[text],
                message_ids=[],
                message_id=ids[number],
                receiver=receivers[number % len(receivers)],
                customer=customers[number % len(customers)],
                receivers=[],
                customers=[],
            )
            for number, text in enumerate(self.texts)
        ]

    def known_kinds(self) -> list[str]:
        """Every kind of this platform."""
        if self.platform == "messenger":
            return sorted(MESSENGER_KINDS)
        return sorted({**WHATSAPP_KINDS, **CHANGES})

    def person(self) -> Person:
        """The customer (WhatsApp)."""
        return Person(self.customer, self.user_id, self.parent_user_id, self.username, self.name)
