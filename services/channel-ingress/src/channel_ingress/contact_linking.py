"""People of whom something new is said: one at a time, their contacts locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from channel_ingress.contact_merging import ContactMerging
from channel_ingress.contact_store import Claimed, ContactStore
from channel_ingress.domain import conversation_identity
from channel_ingress.identity import (
    ChannelContact,
    Choice,
    Claim,
    Ids,
    by_age,
    choose,
    claims_of,
    free_key,
    is_other_person,
)
from channel_ingress.items import IdentityChange
from channel_ingress.store import Channel
from contracts.v1.contacts import ContactMerge, IdentityKind
from outbox import RetryLater
from postgres import Transaction

LOCK_TRIES = 5
EVIDENCE = {"phone": "number_changed", "user_id": "user_id_changed"}


@dataclass(slots=True)
class News:
    """What is to be said of contacts."""

    changed: set[tuple[UUID, UUID]] = field(default_factory=set)
    """Tenant and contact."""
    merges: list[tuple[UUID, ContactMerge]] = field(default_factory=list)


class ContactLinking:
    """Finds the row of a person, makes it, and gives it what is new."""

    def __init__(self, store: ContactStore, merging: ContactMerging) -> None:
        self._store, self._merging = store, merging

    async def place(
        self, tx: Transaction, channel: Channel, ids: Ids, news: News
    ) -> ChannelContact:
        """The person's row, with all that the item says of them."""
        rows, owners = await self._locked(tx, channel, ids)
        choice = await self._choice(tx, channel, ids, rows)
        ids = choice.ids or ids
        if choice.loses_phone is not None:
            await self._release_phone(tx, choice.loses_phone, news)
            owners = {claim: owner for claim, owner in owners.items() if claim.kind != "phone"}
        row = choice.row
        if row is None:
            owner = await self._owner_of_new(tx, ids, owners)
            row = await self._make(tx, channel, ids, owner)
            news.changed.add((channel.tenant_id, row.contact_id))
        elif choice.younger is not None:
            reach = (ids.phone, ids.user_id, True)
            row = await self._join(tx, row, choice.younger, reach, "same_message", news)
        for claim in claims_of(channel.channel_type, ids):
            owner = owners.get(claim)
            if await self._is_other_person(tx, row, claim, owner):
                row = await self._switch(tx, channel, row, owner, news)
            elif owner is not None and not await self._are_two(tx, ids, claim, owner):
                row = await self._settle_owner(tx, row, claim, owner, news)
        return await self._learn(tx, channel, row, ids, news)

    async def follow(
        self, tx: Transaction, channel: Channel, change: IdentityChange, news: News
    ) -> None:
        """A person has a new number or user id: their row keeps its key and conversation."""
        if change.old == change.new:
            return
        old_ids, new_ids = (
            _ids_of_change(change.kind, change.old),
            _ids_of_change(change.kind, change.new),
        )
        rows, _ = await self._locked(tx, channel, old_ids, new_ids)
        old = next((r for r in rows if getattr(r, change.kind) == change.old), None)
        new = next((r for r in rows if getattr(r, change.kind) == change.new), None)
        evidence = EVIDENCE[change.kind]
        if old is None and new is not None:
            return
        if old is None:
            old = await self._make(tx, channel, replace(new_ids, key=change.old), None)
            claim = Claim(change.kind, change.old, change.kind == "user_id", evidence)
            claimed = Claimed(channel.tenant_id, old.contact_id, channel.channel_id, claim)
            await self._store.keep_closed(tx, claimed, change.at)
        scope = channel.channel_id if change.kind == "user_id" else None
        closed = await self._store.close(
            tx, old.contact_id, change.kind, change.old, scope, change.at
        )
        if new is not None:
            reach = _reach_after(change, old, new)
            row = await self._join(tx, *by_age(old, new), reach, evidence, news, closed)
        else:
            row = _with_new_id(old, change)
            await self._store.update_row(tx, row)
        claim = Claim(change.kind, change.new, change.kind == "user_id", evidence)
        await self._claim(tx, row, claim)
        news.changed.add((row.tenant_id, row.contact_id))

    async def _locked(
        self, tx: Transaction, channel: Channel, *wanted: Ids
    ) -> tuple[list[ChannelContact], dict[Claim, UUID]]:
        """Rows and owners of these ids, their contacts locked and read again under the lock."""
        claims = [claim for ids in wanted for claim in claims_of(channel.channel_type, ids)]
        locked: set[UUID] = set()
        for _ in range(LOCK_TRIES):
            found = await self._store.find_rows(tx, [(channel, ids) for ids in wanted])
            rows = list({row.external_id: row for some in found for row in some}.values())
            owners = await self._store.owners(tx, channel, claims)
            concerned = {row.contact_id for row in rows} | {one for one in owners if one}
            if concerned <= locked:
                known = zip(claims, owners, strict=True)
                return rows, {claim: owner for claim, owner in known if owner is not None}
            locked |= set(await self._store.lock(tx, sorted(concerned)))
        raise RetryLater("contacts are being merged", delay_seconds=1.0)

    async def _choice(
        self, tx: Transaction, channel: Channel, ids: Ids, rows: Sequence[ChannelContact]
    ) -> Choice:
        choice = choose(channel.channel_type, ids, rows, lambda *_: False)
        if choice.younger is not None and choice.row is not None:
            pair = choice.row.contact_id, choice.younger.contact_id
            if pair[0] != pair[1] and await self._store.are_apart(tx, *pair):
                return choose(channel.channel_type, ids, rows, lambda *_: True)
        return choice

    async def _release_phone(self, tx: Transaction, row: ChannelContact, news: News) -> None:
        """The number has another owner now; this row is reached by its user id."""
        await self._store.update_row(tx, replace(row, phone=None, is_paired=False))
        now = datetime.now(UTC)
        await self._store.close(tx, row.contact_id, "phone", row.phone or "", None, now)
        news.changed.add((row.tenant_id, row.contact_id))

    async def _make(
        self, tx: Transaction, channel: Channel, ids: Ids, contact_id: UUID | None
    ) -> ChannelContact:
        """A new row under a free key, of a new contact where none is given."""
        wanted = [key for key in (ids.key, ids.user_id, ids.phone) if key]
        taken = await self._store.taken_keys(tx, channel.channel_id, wanted, f"{ids.key}~")
        key = free_key(ids, taken.__contains__)
        if contact_id is None:
            contact_id = uuid4()
            await self._store.make_contacts(tx, [(contact_id, channel.tenant_id, ids.display_name)])
        conversation_id = conversation_identity(channel.channel_id, key)
        (row,) = await self._store.make_rows(tx, [(channel, key, conversation_id, contact_id, ids)])
        for claim in claims_of(channel.channel_type, ids):
            await self._claim(tx, row, claim)
        return row

    async def _join(
        self,
        tx: Transaction,
        older: ChannelContact,
        younger: ChannelContact,
        reach: tuple[str | None, str | None, bool],
        evidence: str,
        news: News,
        closed: list[UUID] | None = None,
    ) -> ChannelContact:
        """One person under two keys: the older one stays, with its contact."""
        row, joined = await self._merging.join_rows(tx, older, younger, reach)
        if older.contact_id != younger.contact_id:
            merge = await self._merging.merge(
                tx,
                row.tenant_id,
                older.contact_id,
                younger.contact_id,
                evidence=evidence,
                joined=joined,
                closed=closed,
            )
            news.merges.append((row.tenant_id, merge))
            news.changed.add((row.tenant_id, younger.contact_id))
        news.changed.add((row.tenant_id, older.contact_id))
        return row

    async def _owner_of_new(
        self, tx: Transaction, ids: Ids, owners: dict[Claim, UUID]
    ) -> UUID | None:
        """The contact of somebody who is new on the channel, by the surest of their ids."""
        for claim, owner in owners.items():
            if not await self._are_two(tx, ids, claim, owner):
                return owner
        return None

    async def _is_other_person(
        self, tx: Transaction, row: ChannelContact, claim: Claim, owner: UUID | None
    ) -> bool:
        """Whether the tenant vouches for somebody else than the contact of this row."""
        if is_other_person(row, claim):
            return True
        if claim.kind != "external_id" or owner == row.contact_id:
            return False
        return await self._store.has_current(
            tx, row.contact_id, "external_id", other_than=claim.value
        )

    async def _are_two(self, tx: Transaction, ids: Ids, claim: Claim, owner: UUID) -> bool:
        """Whether an e-mail is shared by people whom the tenant tells apart by its own ids."""
        if claim.kind != "email" or ids.tenant_external_id is None:
            return False
        return await self._store.has_current(
            tx, owner, "external_id", other_than=ids.tenant_external_id
        )

    async def _settle_owner(
        self, tx: Transaction, row: ChannelContact, claim: Claim, owner: UUID, news: News
    ) -> ChannelContact:
        """An id that the item names is another contact's: are they one?"""
        owner = await self._merging.root(tx, row.tenant_id, owner)
        if owner == row.contact_id or claim.is_of_channel:
            return row
        if claim.kind == "phone" and await self._store.has_current(tx, row.contact_id, "phone"):
            return row
        if await self._store.are_apart(tx, owner, row.contact_id):
            return row
        evidence = claim.evidence if claim.kind != "phone" else "same_message"
        return await self._merge_with(tx, row, owner, evidence, news)

    async def _switch(
        self,
        tx: Transaction,
        channel: Channel,
        row: ChannelContact,
        contact_id: UUID | None,
        news: News,
    ) -> ChannelContact:
        """The tenant vouches for somebody else at the same browser: no merge, another contact."""
        own = claims_of(channel.channel_type, Ids(row.external_id))
        for claim in own:
            at = datetime.now(UTC)
            await self._store.close(
                tx, row.contact_id, claim.kind, claim.value, channel.channel_id, at
            )
        if contact_id is None:
            contact_id = uuid4()
            await self._store.make_contacts(tx, [(contact_id, channel.tenant_id, None)])
        moved = replace(
            row,
            contact_id=contact_id,
            email=None,
            tenant_external_id=None,
            username=None,
            display_name=None,
        )
        await self._store.update_row(tx, moved)
        news.changed |= {(row.tenant_id, row.contact_id), (row.tenant_id, contact_id)}
        return moved

    async def _merge_with(
        self, tx: Transaction, row: ChannelContact, other: UUID, evidence: str, news: News
    ) -> ChannelContact:
        """The older contact stays."""
        made = await self._store.lock(tx, [row.contact_id, other])
        kept, merged = sorted((row.contact_id, other), key=lambda one: (made[one][0], one))
        merge = await self._merging.merge(tx, row.tenant_id, kept, merged, evidence=evidence)
        news.merges.append((row.tenant_id, merge))
        news.changed |= {(row.tenant_id, kept), (row.tenant_id, merged)}
        return replace(row, contact_id=kept)

    async def _learn(
        self, tx: Transaction, channel: Channel, row: ChannelContact, ids: Ids, news: News
    ) -> ChannelContact:
        """Give the row what is new: its ids, in the place of those before, and its names."""
        now = replace(
            row,
            phone=ids.phone or row.phone,
            user_id=ids.user_id or row.user_id,
            is_paired=bool(ids.phone and ids.user_id)
            or (row.is_paired and not (ids.phone and ids.phone != row.phone)),
            email=ids.email or row.email,
            tenant_external_id=ids.tenant_external_id or row.tenant_external_id,
            username=ids.username or row.username,
            display_name=ids.display_name or row.display_name,
        )
        if now != row:
            await self._store.update_row(tx, now)
            news.changed.add((row.tenant_id, row.contact_id))
        if now.display_name and now.display_name != row.display_name:
            await self._store.name(tx, row.contact_id, now.display_name)
        at = datetime.now(UTC)
        for claim in claims_of(channel.channel_type, ids):
            before = _value_before(row, claim.kind)
            if before is not None and before != claim.value:
                scope = channel.channel_id if claim.is_of_channel else None
                await self._store.close(tx, row.contact_id, claim.kind, before, scope, at)
            await self._claim(tx, now, claim)
        return now

    async def _claim(self, tx: Transaction, row: ChannelContact, claim: Claim) -> None:
        claimed = Claimed(row.tenant_id, row.contact_id, row.channel_id, claim)
        await self._store.claim(tx, [claimed])


def _ids_of_change(kind: str, value: str) -> Ids:
    return Ids(value, phone=value) if kind == "phone" else Ids(value, user_id=value)


def _with_new_id(row: ChannelContact, change: IdentityChange) -> ChannelContact:
    """The other id is still theirs, but was never named together with the new one."""
    if change.kind == "phone":
        return replace(row, phone=change.new, is_paired=False)
    return replace(row, user_id=change.new, is_paired=False)


def _reach_after(
    change: IdentityChange, old: ChannelContact, new: ChannelContact
) -> tuple[str | None, str | None, bool]:
    """By which ids the one person is reached: the newer row's, where it has them."""
    if change.kind == "phone":
        return change.new, new.user_id or old.user_id, new.user_id is not None and new.is_paired
    return new.phone or old.phone, change.new, new.phone is not None and new.is_paired


def _value_before(row: ChannelContact, kind: IdentityKind) -> str | None:
    before = {
        "phone": row.phone,
        "user_id": row.user_id,
        "email": row.email,
        "external_id": row.tenant_external_id,
    }
    return before.get(kind)
