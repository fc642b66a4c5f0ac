"""Intake on a real database, without a broker: items in, messages recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from channel_ingress.change_effect import ChangeEffect
from channel_ingress.change_store import ChangeStore
from channel_ingress.contact_book import ContactBook
from channel_ingress.domain import conversation_identity
from channel_ingress.intake import Intake
from channel_ingress.items import CustomerMessage, Item, Payload, Person
from channel_ingress.known_channels import KnownChannels
from channel_ingress.preference_effect import PreferenceEffect
from channel_ingress.send_store import SendStore
from channel_ingress.status_join import StatusJoin
from channel_ingress.status_orphans import StatusOrphans
from channel_ingress.status_store import StatusStore
from channel_ingress.store import Store
from channel_ingress.windows import Windows
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.sending import OutgoingBody, SendMessage
from contracts.v1.shapes import PLATFORM, MessageContent
from contracts.v1.tenants import ChannelConfigured
from postgres import Database
from testkit import RecordingBus

T = TypeVar("T")
PHONE, PAGE, WIDGET = "106540352242922", "61550000000001", "widget"
ADDRESSES = {"whatsapp": PHONE, "messenger": PAGE, "webchat": WIDGET}
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Prepared:
    """Stands where a normaliser would: the test says what the body says."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def normalise(self, body: object, received_at: datetime) -> Iterator[Item]:
        del body, received_at
        yield from self.items


@dataclass
class Hearing:
    """One process's ears."""

    database: Database
    normaliser: Prepared
    orphan_after_seconds: float = 3600.0
    said: RecordingBus = field(default_factory=RecordingBus)
    tenant_id: UUID = field(default_factory=uuid4)
    channels: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outbox: Any = self.said
        store, statuses, sends = Store(), StatusStore(), SendStore()
        self.contacts = ContactBook(outbox)
        self.changes = ChangeEffect(outbox, ChangeStore(self.orphan_after_seconds), self.contacts)
        self.orphans = StatusOrphans(outbox, statuses, self.orphan_after_seconds)
        self.joins = StatusJoin(outbox, store, statuses, sends)
        self.intake = Intake(
            outbox,
            store,
            KnownChannels(store),
            statuses,
            self.joins,
            self.contacts,
            Windows(sends),
            [self.changes, PreferenceEffect(self.contacts)],
            lambda: None,
        )

    async def configure(
        self, channel_type: str = "whatsapp", tenant_id: UUID | None = None, address: str = ""
    ) -> UUID:
        """Make a channel."""
        channel_id = uuid4()
        event = ChannelConfigured.make(
            tenant_id=tenant_id or self.tenant_id,
            revision=1,
            channel_id=channel_id,
            channel_type=channel_type,
            name="A channel",
            state="active",
            external_id=address or ADDRESSES[channel_type],
            sealed_credentials=None,
        )
        async with self.database.system() as tx:
            await Store().configure_channel(tx, event)
        self.channels[channel_type] = channel_id
        return channel_id

    async def hear(
        self, *payloads: Payload, channel_type: str = "whatsapp", address: str = ""
    ) -> None:
        """Hear one body with these payloads."""
        where = address or ADDRESSES[channel_type]
        self.normaliser.items = [
            Item(where, _key_of(payload), "{}", payload) for payload in payloads
        ]
        async with self.database.system() as tx:
            await self.intake.receive(_webhook(channel_type), tx)

    async def sweep(self) -> None:
        """Look once at what waits."""
        for job in (self.changes.sweep, self.orphans.sweep):
            async with self.database.system() as tx:
                await job(tx)
        async with self.database.system() as tx:
            await self.joins.settle(tx, None)

    async def sent(self, provider_message_id: str, contact: str = "16505551234") -> SendMessage:
        """A message that we sent and that was accepted."""
        channel_id = self.channels["whatsapp"]
        command = SendMessage.make(
            tenant_id=self.tenant_id,
            send_id=uuid4(),
            conversation_id=conversation_identity(channel_id, contact),
            channel_id=channel_id,
            channel_type="whatsapp",
            contact_external_id=contact,
            recorded_message_id=uuid4(),
            seq=2,
            author="bot",
            turn_id=None,
            ownership_number=1,
            body=OutgoingBody(text="Hello", citations=[]),
            reply_to=None,
            created_at=START,
        )
        await self.execute(
            "insert into sends (send_id, tenant_id, conversation_id, channel_id, channel_type, seq,"
            " ownership_number, part_count, command, state, attempting_since, recorded_message_id)"
            " values ($1, $2, $3, $4, 'whatsapp', 2, 1, 1, $5, 'accepted', now(), $6)",
            command.send_id,
            self.tenant_id,
            command.conversation_id,
            channel_id,
            command.model_dump_json(),
            command.recorded_message_id,
        )
        await self.execute(
            "insert into sent_parts (channel_id, provider_message_id, tenant_id, send_id, part)"
            " values ($1, $2, $3, $4, 0)",
            channel_id,
            provider_message_id,
            self.tenant_id,
            command.send_id,
        )
        return command

    def of(self, kind: type[T]) -> list[T]:
        """What was said, of one class."""
        return self.said.heard(kind)

    async def execute(self, sql: str, *args: object) -> None:
        async with self.database.system() as tx:
            await tx.execute(sql, *args)

    async def value(self, sql: str, *args: object) -> Any:
        async with self.database.system() as tx:
            return await tx.fetchval(sql, *args)


def message(
    person: Person, provider_message_id: str = "", sent_at: datetime = START
) -> CustomerMessage:
    """A text of a person."""
    return CustomerMessage(
        person=person,
        provider_message_id=provider_message_id or f"wamid.{uuid4()}",
        sent_at=sent_at,
        content=MessageContent(kind="text", text="Hello", media=None, data=None),
    )


def _key_of(payload: Payload) -> str:
    own: Sequence[str] = [getattr(payload, "provider_message_id", "")]
    return own[0] if isinstance(payload, CustomerMessage) else f"key:{uuid4()}"


def _webhook(channel_type: str) -> ChannelWebhookReceived:
    return ChannelWebhookReceived.make(
        tenant_id=PLATFORM,
        delivery_id=uuid4(),
        channel_type=channel_type,
        channel_id=None,
        body="{}",
        body_sha256=None,
    )
