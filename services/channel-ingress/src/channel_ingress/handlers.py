"""What channel-ingress hears, and who handles it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bus.tracing import TRACEPARENT, heard_span
from channel_ingress.intake import Intake
from channel_ingress.known_channels import KnownChannels
from channel_ingress.outbound import Outbound
from channel_ingress.parking import Parking
from channel_ingress.store import Store
from contracts.message import Message
from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import PLATFORM
from contracts.v1.tenants import ChannelConfigured, RepeatConfiguration, TenantConfigured
from contracts.v1.turns import ConversationUpdated
from outbox import Outbox, traceparent_of
from outbox.inbox import BatchHandler
from postgres import Database, Transaction

MessageType = TypeVar("MessageType", bound=Message)

INTAKE_BATCH = 16
SEND_BATCH = 16


class Configuration:
    """Copies of what other services own."""

    def __init__(self, store: Store, channels: KnownChannels, parking: Parking) -> None:
        self._store, self._channels, self._parking = store, channels, parking

    async def channel_configured(self, event: ChannelConfigured, tx: Transaction) -> None:
        """Keep the newest state of a channel, its credentials still sealed."""
        await self._store.configure_channel(tx, event)
        await self._parking.channel_configured(tx, event)
        tx.after_commit.append(self._channels.forget)

    async def tenant_configured(self, event: TenantConfigured, tx: Transaction) -> None:
        """Keep whether a tenant is served."""
        await self._store.configure_tenant(tx, event)
        tx.after_commit.append(self._channels.forget)

    async def conversation_updated(self, event: ConversationUpdated, tx: Transaction) -> None:
        """Keep the highest fencing number: sends with a lower one are refused."""
        await self._store.raise_ownership(
            tx, event.conversation_id, event.tenant_id, event.ownership_number
        )


def register(
    outbox: Outbox, configuration: Configuration, intake: Intake, outbound: Outbound
) -> None:
    """Tie every message that is heard to its handler."""
    outbox.hear(ChannelConfigured, configuration.channel_configured)
    outbox.hear(TenantConfigured, configuration.tenant_configured)
    outbox.hear(ConversationUpdated, configuration.conversation_updated)
    outbox.hear_batch(ChannelWebhookReceived, in_their_order(intake.receive), batch=INTAKE_BATCH)
    outbox.hear_batch(SendMessage, in_their_order(outbound.send), batch=SEND_BATCH)


def in_their_order(
    handle: Callable[[MessageType, Transaction], Awaitable[None]],
) -> BatchHandler[MessageType]:
    """One after the other: two messages of one conversation side by side could change places."""

    async def in_order(messages: list[MessageType], tx: Transaction) -> None:
        for message in messages:
            headers = {TRACEPARENT: traceparent_of(message)}
            with heard_span(message.address, headers, message.message_id):
                await handle(message, tx)

    return in_order


async def ask_for_configuration(database: Database, outbox: Outbox, store: Store) -> bool:
    """With an empty database, ask gateway to say every channel again; whether it was asked."""
    async with database.system() as tx:
        if await store.any_channel(tx):
            return False
        request = RepeatConfiguration.make(tenant_id=PLATFORM, service="channel-ingress")
        await outbox.say(tx, request)
        return True
