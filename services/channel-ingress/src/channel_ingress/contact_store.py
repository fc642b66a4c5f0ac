"""Contacts, their ids and their rows on channels, by named queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channel_ingress.identity import ChannelContact, Claim, Ids
from channel_ingress.store import Channel
from contracts.v1.contacts import IdentityKind
from postgres import Queries, Transaction

QUERIES = "queries_contacts.sql"


@dataclass(frozen=True, slots=True)
class Claimed:
    """An id that a contact is to have."""

    tenant_id: UUID
    contact_id: UUID
    channel_id: UUID
    claim: Claim

    @property
    def scope(self) -> UUID | None:
        """The channel that knows the id; None where the tenant does."""
        return self.channel_id if self.claim.is_of_channel else None


class ContactStore:
    """The queries by which contacts are found, made and changed."""

    def __init__(self) -> None:
        self._queries = Queries("channel_ingress", QUERIES)

    async def find_rows(
        self, tx: Transaction, people: Sequence[tuple[Channel, Ids]]
    ) -> list[list[ChannelContact]]:
        """Of each person: the rows that their ids lead to, or that have their best id as key."""
        found = await tx.fetch(
            self._queries["find_rows"],
            list(range(len(people))),
            [channel.channel_id for channel, _ in people],
            [ids.phone for _, ids in people],
            [ids.user_id for _, ids in people],
            [ids.key for _, ids in people],
        )
        rows: list[list[ChannelContact]] = [[] for _ in people]
        for row in found:
            rows[row["place"]].append(ChannelContact(*tuple(row)[1:]))
        return rows

    async def find_row(self, tx: Transaction, channel_id: UUID, key: str) -> ChannelContact | None:
        """One contact on a channel by its stable key."""
        row = await tx.fetchrow(self._queries["find_row"], channel_id, key)
        return ChannelContact(*row) if row else None

    async def owners(
        self, tx: Transaction, channel: Channel, claims: Sequence[Claim]
    ) -> list[UUID | None]:
        """Of each id: the contact that has it now."""
        found = await tx.fetch(
            self._queries["owners_of"],
            channel.tenant_id,
            list(range(len(claims))),
            [claim.kind for claim in claims],
            [claim.value for claim in claims],
            [channel.channel_id if claim.is_of_channel else None for claim in claims],
        )
        owners = {row["place"]: row["contact_id"] for row in found}
        return [owners.get(place) for place in range(len(claims))]

    async def lock(
        self, tx: Transaction, contact_ids: Sequence[UUID]
    ) -> dict[UUID, tuple[datetime, UUID | None]]:
        """Lock contacts; answers when each was made and what it is part of."""
        rows = await tx.fetch(self._queries["lock_contacts"], sorted(set(contact_ids)))
        return {row["contact_id"]: (row["created_at"], row["merged_into"]) for row in rows}

    async def claim(self, tx: Transaction, claimed: Sequence[Claimed]) -> list[UUID]:
        """Give ids that nobody has; answers the contact of each that was given."""
        rows = await tx.fetch(
            self._queries["claim_identities"],
            [one.tenant_id for one in claimed],
            [one.contact_id for one in claimed],
            [one.claim.kind for one in claimed],
            [one.claim.value for one in claimed],
            [one.scope for one in claimed],
            [one.claim.evidence for one in claimed],
        )
        return [row["contact_id"] for row in rows]

    async def unclaim(self, tx: Transaction, contact_ids: Sequence[UUID]) -> None:
        """Take ids back from contacts that are not made after all."""
        await tx.execute(self._queries["drop_identities"], list(contact_ids))

    async def close(
        self,
        tx: Transaction,
        contact_id: UUID,
        kind: IdentityKind,
        value: str,
        channel_id: UUID | None,
        at: datetime,
    ) -> list[UUID]:
        """Another id took this one's place; answers the identities that ended."""
        sql = self._queries["close_identities"]
        rows = await tx.fetch(sql, contact_id, kind, value, channel_id, at)
        return [row["identity_id"] for row in rows]

    async def keep_closed(self, tx: Transaction, claimed: Claimed, at: datetime) -> None:
        """An id that was a contact's before we first saw them."""
        await tx.execute(
            self._queries["keep_closed_identity"],
            claimed.tenant_id,
            claimed.contact_id,
            claimed.claim.kind,
            claimed.claim.value,
            claimed.scope,
            claimed.claim.evidence,
            at,
        )

    async def has_current(
        self,
        tx: Transaction,
        contact_id: UUID,
        kind: IdentityKind,
        other_than: str | None = None,
    ) -> bool:
        """Whether a contact has an id of this kind now, other than this one if it is named."""
        sql = self._queries["has_current"]
        return bool(await tx.fetchval(sql, contact_id, kind, other_than))

    async def make_contacts(
        self, tx: Transaction, contacts: Sequence[tuple[UUID, UUID, str | None]]
    ) -> None:
        """New contacts: id, tenant, name."""
        await tx.execute(
            self._queries["make_contacts"],
            [contact_id for contact_id, _, _ in contacts],
            [tenant_id for _, tenant_id, _ in contacts],
            [name for _, _, name in contacts],
        )

    async def make_rows(
        self, tx: Transaction, new: Sequence[tuple[Channel, str, UUID, UUID, Ids]]
    ) -> list[ChannelContact]:
        """New rows: channel, stable key, conversation, contact, ids; in no order."""
        rows = await tx.fetch(
            self._queries["make_rows"],
            [channel.channel_id for channel, _, _, _, _ in new],
            [key for _, key, _, _, _ in new],
            [channel.tenant_id for channel, _, _, _, _ in new],
            [contact_id for _, _, _, contact_id, _ in new],
            [conversation_id for _, _, conversation_id, _, _ in new],
            [ids.phone for _, _, _, _, ids in new],
            [ids.user_id for _, _, _, _, ids in new],
            [bool(ids.phone and ids.user_id) for _, _, _, _, ids in new],
            [ids.email for _, _, _, _, ids in new],
            [ids.tenant_external_id for _, _, _, _, ids in new],
            [ids.username for _, _, _, _, ids in new],
            [ids.display_name for _, _, _, _, ids in new],
        )
        return [ChannelContact(*row) for row in rows]

    async def taken_keys(
        self, tx: Transaction, channel_id: UUID, keys: Sequence[str], prefix: str
    ) -> set[str]:
        """Which stable keys somebody has: of these, and all that begin like this."""
        rows = await tx.fetch(self._queries["taken_keys"], channel_id, list(keys), prefix)
        return {row["external_id"] for row in rows}

    async def update_row(self, tx: Transaction, row: ChannelContact) -> None:
        """What is known of a contact on a channel from now on."""
        await tx.execute(
            self._queries["update_row"],
            row.channel_id,
            row.external_id,
            row.contact_id,
            row.phone,
            row.user_id,
            row.is_paired,
            row.email,
            row.tenant_external_id,
            row.username,
            row.display_name,
            row.moved_to,
        )

    async def name(self, tx: Transaction, contact_id: UUID, display_name: str) -> None:
        """The newest name that a channel gave."""
        await tx.execute(self._queries["name_contact"], contact_id, display_name)

    async def are_apart(self, tx: Transaction, one: UUID, other: UUID) -> bool:
        """Whether a person said that these two are not one."""
        return bool(await tx.fetchval(self._queries["are_apart"], one, other))

    async def keep_preference(
        self, tx: Transaction, row: tuple[UUID, str], *, wants_marketing: bool, at: datetime
    ) -> UUID | None:
        """The newest word on marketing; the contact, None when it was no news."""
        sql = self._queries["keep_preference"]
        contact_id: UUID | None = await tx.fetchval(sql, *row, wants_marketing, at)
        return contact_id

    async def is_opted_out(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, key: str
    ) -> bool:
        """Whether the person behind a stable key stopped marketing messages."""
        return bool(await tx.fetchval(self._queries["is_opted_out"], tenant_id, channel_id, key))
