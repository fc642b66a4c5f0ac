"""What a test of channel-ingress touches: its neighbours, its database, the simulated Meta."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson

from bus import Bus
from bus.service_bus import outgoing
from channel_ingress.composition import Parts
from channel_ingress.config import Settings
from channel_ingress.domain import conversation_identity
from contracts.message import Message
from contracts.v1.channel_health import ChannelHealthChanged
from contracts.v1.channels import (
    ChannelWebhookReceived,
    EchoReceived,
    MediaFailed,
    MediaStored,
    MessageChanged,
    MessageReceived,
    UpdateReceived,
)
from contracts.v1.sending import (
    DeliverToVisitor,
    MessageDelayed,
    MessageFailed,
    MessageSent,
    MessageStatusChanged,
    MessageUnknown,
    OutgoingBody,
    SendMessage,
)
from contracts.v1.shapes import PLATFORM
from contracts.v1.templates import TemplateChanged
from contracts.v1.tenants import ChannelConfigured, RepeatConfiguration
from postgres import Database
from sealing import KeyRing
from simulators.meta import MetaSimulator
from testkit import eventually_async

M = TypeVar("M", bound=Message)

KEYS = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PHONE, PAGE, CUSTOMER = "106540352242922", "61550000000001", "16505551234"
HEARD: dict[str, tuple[type[Message], ...]] = {
    "orchestrator": (
        MessageReceived,
        MessageChanged,
        EchoReceived,
        MessageSent,
        MessageFailed,
        MessageUnknown,
        MessageDelayed,
        MessageStatusChanged,
        MediaStored,
        MediaFailed,
    ),
    "webhook-dispatcher": (UpdateReceived, ChannelHealthChanged, TemplateChanged),
    "gateway": (DeliverToVisitor, RepeatConfiguration),
}


@dataclass
class Neighbours:
    """What the other services hear, and what they say."""

    buses: dict[str, Bus]
    heard: list[Message] = field(default_factory=list)

    async def say(self, *messages: Message) -> None:
        for message in messages:
            await self.buses[message.speakers[0]].publish(outgoing(message))

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    async def wait_for(
        self, kind: type[M], count: int = 1, timeout_seconds: float = 15.0
    ) -> list[M]:
        await eventually_async(
            lambda: len(self.of(kind)) >= count, f"{count} × {kind.__name__}", timeout_seconds
        )
        return self.of(kind)


@dataclass
class World:
    """Everything a test of channel-ingress touches."""

    meta: MetaSimulator
    neighbours: Neighbours
    database: Database
    parts: Parts
    settings: Settings
    tenant_id: UUID = field(default_factory=uuid4)
    channels: dict[str, UUID] = field(default_factory=dict)

    async def configure(
        self, channel_type: str = "whatsapp", external_id: str = PHONE, **changes: Any
    ) -> UUID:
        """Say a channel as gateway would, and wait until it is known."""
        channel_id = changes.pop("channel_id", None) or uuid4()
        credentials = orjson.dumps({"access_token": "token"})
        context = f"channel:{self.tenant_id}:{channel_id}"
        fields: dict[str, Any] = {
            "revision": 1,
            "channel_id": channel_id,
            "channel_type": channel_type,
            "name": "A channel",
            "state": "active",
            "external_id": external_id,
            "sealed_credentials": KeyRing.from_text(KEYS).seal(credentials, context),
            **changes,
        }
        await self.neighbours.say(ChannelConfigured.make(tenant_id=self.tenant_id, **fields))
        await self.until("select revision from channels where channel_id = $1", channel_id)
        self.channels[channel_type] = channel_id
        return UUID(str(channel_id))

    async def post(self, body: Any, **changes: Any) -> ChannelWebhookReceived:
        """Say a body as gateway would; None for one that is in blobs."""
        text = body if body is None or isinstance(body, str) else orjson.dumps(body).decode()
        fields: dict[str, Any] = {
            "delivery_id": uuid4(),
            "channel_type": "whatsapp",
            "channel_id": None,
            "body": text,
            "body_sha256": None,
            **changes,
        }
        tenant_id = fields.pop("tenant_id", PLATFORM)
        event = ChannelWebhookReceived.make(tenant_id=tenant_id, **fields)
        await self.neighbours.say(event)
        return event

    def command(self, text: str = "Hello", seq: int = 2, **changes: Any) -> SendMessage:
        """An answer as orchestrator would command it."""
        channel_type = changes.pop("channel_type", "whatsapp")
        contact = changes.pop("contact", CUSTOMER)
        channel_id = self.channels.get(channel_type) or uuid4()
        fields: dict[str, Any] = {
            "send_id": uuid4(),
            "conversation_id": conversation_identity(channel_id, contact),
            "channel_id": channel_id,
            "channel_type": channel_type,
            "contact_external_id": contact,
            "recorded_message_id": uuid4(),
            "seq": seq,
            "author": "bot",
            "turn_id": None,
            "ownership_number": 1,
            "body": OutgoingBody(text=text, citations=[]),
            "reply_to": None,
            "created_at": datetime.now(UTC),
            **changes,
        }
        return SendMessage.make(tenant_id=self.tenant_id, **fields)

    async def value(self, sql: str, *args: object) -> Any:
        """One value from the service's database."""
        async with self.database.system() as tx:
            return await tx.fetchval(sql, *args)

    async def until(self, sql: str, *args: object) -> Any:
        """Wait until a value is true, and answer it."""
        return await eventually_async(lambda: self.value(sql, *args), sql)

    async def state(self, send_id: UUID) -> str:
        """A send's state."""
        return str(await self.value("select state from sends where send_id = $1", send_id))

    async def until_state(self, send_id: UUID, state: str) -> None:
        """Wait for a send's state."""
        await self.until("select true from sends where send_id = $1 and state = $2", send_id, state)
