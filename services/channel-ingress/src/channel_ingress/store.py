"""Every table of channel-ingress, by named queries; each method works in the given transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from uuid import UUID

from contracts.v1.tenants import ChannelChoices, ChannelConfigured, TenantConfigured
from postgres import Queries, Transaction


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that items are routed to."""

    channel_id: UUID
    tenant_id: UUID
    channel_type: str
    external_id: str


@dataclass(frozen=True, slots=True)
class SendingChannel(Channel):
    """A channel with what sending needs."""

    state: str
    sealed_credentials: str | None
    revision: int
    choices_text: str | None = None
    """`ChannelChoices` as JSON text."""

    @property
    def choices(self) -> ChannelChoices | None:
        """What the tenant chose for it."""
        return _choices(self.choices_text) if self.choices_text else None


@lru_cache(maxsize=1_000)
def _choices(text: str) -> ChannelChoices:
    return ChannelChoices.model_validate_json(text, extra="ignore")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item to keep."""

    channel_id: UUID
    provider_key: str
    tenant_id: UUID
    address: str
    kind: str
    state: Literal["said", "unrouted", "unparsed"]
    problem: str | None
    item: str
    flags: str


class Store:
    """The queries of this service."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress")

    async def configure_channel(self, tx: Transaction, event: ChannelConfigured) -> bool:
        """Keep a channel's newest state; true when it was news."""
        return bool(
            await tx.fetchval(
                self._queries["configure_channel"],
                event.channel_id,
                event.tenant_id,
                event.channel_type,
                event.external_id,
                event.name,
                event.state,
                event.sealed_credentials,
                event.revision,
                event.choices.model_dump_json() if event.choices else None,
                event.choices.business_account_id if event.choices else None,
                event.choices.app_id if event.choices else None,
            )
        )

    async def configure_tenant(self, tx: Transaction, event: TenantConfigured) -> None:
        """Keep whether a tenant is served."""
        await tx.fetchval(
            self._queries["configure_tenant"], event.tenant_id, event.state, event.revision
        )

    async def any_channel(self, tx: Transaction) -> bool:
        """Whether there is a copy of any channel."""
        return bool(await tx.fetchval(self._queries["any_channel"]))

    async def find_channels(
        self, tx: Transaction, channel_type: str, addresses: list[str]
    ) -> list[SendingChannel]:
        """Served channels with these addresses."""
        sql = self._queries["find_channels"]
        return [SendingChannel(*row) for row in await tx.fetch(sql, channel_type, addresses)]

    async def find_channel(self, tx: Transaction, channel_id: UUID) -> SendingChannel | None:
        """One channel with its sealed credentials."""
        row = await tx.fetchrow(self._queries["find_channel"], channel_id)
        return SendingChannel(*row) if row else None

    async def keep_items(
        self, tx: Transaction, delivery_id: UUID, channel_type: str, rows: Sequence[ItemRow]
    ) -> tuple[set[tuple[UUID, str]], int]:
        """Keep items; answers the keys that are new, and how many old ones said something else."""
        found = await tx.fetch(
            self._queries["keep_items"],
            delivery_id,
            channel_type,
            [row.channel_id for row in rows],
            [row.provider_key for row in rows],
            [row.tenant_id for row in rows],
            [row.address for row in rows],
            [row.kind for row in rows],
            [row.state for row in rows],
            [row.problem for row in rows],
            [row.item for row in rows],
            [row.flags for row in rows],
        )
        new = {(row["channel_id"], row["provider_key"]) for row in found if row["is_new"]}
        return new, sum(1 for row in found if row["differing"] and not row["is_new"])

    async def keep_body(
        self,
        tx: Transaction,
        *,
        delivery_id: UUID,
        reason: Literal["in_blob", "unrouted", "unparsed"],
        address: str,
        tenant_id: UUID,
        channel_type: str,
        event: str,
        problem: str | None = None,
    ) -> None:
        """Keep a whole body that waits, or that a person should see."""
        await tx.execute(
            self._queries["keep_body"],
            delivery_id,
            reason,
            address,
            tenant_id,
            channel_type,
            event,
            problem,
        )

    async def claim_body(self, tx: Transaction) -> tuple[UUID, str, int] | None:
        """One large body that is due: delivery, event, tries with this one."""
        row = await tx.fetchrow(self._queries["claim_body"])
        return (row["delivery_id"], row["event"], row["tries"]) if row else None

    async def mark_body_unparsed(self, tx: Transaction, delivery_id: UUID, problem: str) -> None:
        """A large body could not be fetched or read."""
        await tx.execute(self._queries["mark_body_unparsed"], delivery_id, problem)

    async def forget_body(self, tx: Transaction, delivery_id: UUID, reason: str) -> None:
        """A kept body was read."""
        await tx.execute(self._queries["forget_body"], delivery_id, reason)

    async def find_routable(self, tx: Transaction, newest_seconds: float) -> list[tuple[str, str]]:
        """Channel type and address of unrouted bodies that have a channel by now."""
        rows = await tx.fetch(self._queries["find_routable"], newest_seconds)
        return [(row["channel_type"], row["address"]) for row in rows]

    async def take_unrouted(
        self, tx: Transaction, channel_type: str, address: str, newest_seconds: float
    ) -> list[str]:
        """Events whose items wait for this address, the oldest first."""
        sql = self._queries["take_unrouted"]
        rows = await tx.fetch(sql, channel_type, address, newest_seconds)
        return [row["event"] for row in rows]

    async def raise_ownership(
        self, tx: Transaction, conversation_id: UUID, tenant_id: UUID, number: int
    ) -> int:
        """Lock the conversation's sends; answers the highest fencing number heard."""
        sql = self._queries["raise_ownership"]
        return int(await tx.fetchval(sql, conversation_id, tenant_id, number))

    async def provider_ids(self, tx: Transaction, send_id: UUID) -> list[str]:
        """Provider ids of the parts, in order."""
        rows = await tx.fetch(self._queries["provider_ids"], send_id)
        return [row["provider_message_id"] for row in rows]

    async def trouble_counts(self, tx: Transaction) -> dict[str, int]:
        """What waits, by kind."""
        row = await tx.fetchrow(self._queries["trouble_counts"])
        return dict(row) if row else {}
