"""Who wrote: the ids of an item to the contact that a tenant knows by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from channel_ingress.contact_linking import ContactLinking, News
from channel_ingress.contact_merging import ContactMerging
from channel_ingress.contact_reading import ContactReading
from channel_ingress.contact_store import Claimed, ContactStore
from channel_ingress.domain import conversation_identity
from channel_ingress.identity import (
    ChannelContact,
    Ids,
    claims_of,
    ids_of,
    is_business_scoped,
    is_settled,
    names,
    without_plus,
)
from channel_ingress.items import IdentityChange, Payload, Person, Preference
from channel_ingress.store import Channel
from contracts.message import Message
from contracts.v1.contacts import ContactsMerged, ContactUpdated
from contracts.v1.shapes import ContactRef
from outbox import Outbox
from postgres import Transaction

MOVES_MAX = 8
"""How often a stable key may have moved on to an older one."""
PHONE_LIMIT = 32
LEARNED_MAX = 10_000

Named: TypeAlias = tuple[Channel, Person]


@dataclass(frozen=True, slots=True)
class Known:
    """A person's place in the tenant's book."""

    contact: ContactRef
    """`external_id` is the stable key on the channel, whatever ids come and go."""
    conversation_id: UUID


@dataclass(frozen=True, slots=True)
class Address:
    """How a contact is reached on a channel now."""

    to: str
    is_user_id: bool
    """A business-scoped user id, which is not addressed as a phone number."""


class ContactBook:
    """Finds, makes and joins contacts, and says what became of them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._store, self._reading = ContactStore(), ContactReading()
        self._linking = ContactLinking(self._store, ContactMerging(self._store))
        self._resolved: WeakKeyDictionary[Transaction, dict[tuple[UUID, Person], Known]]
        self._resolved = WeakKeyDictionary()
        self._learned: set[tuple[UUID, Ids]] = set()

    async def resolve(self, tx: Transaction, people: Sequence[Named]) -> list[Known]:
        """The contact of each, in the same order; those asked for before cost nothing."""
        known = self._resolved.setdefault(tx, {})
        named = {(channel.channel_id, person): (channel, person) for channel, person in people}
        wanted = [one for key, one in named.items() if key not in known]
        if wanted:
            found, is_news = await self._resolve_all(tx, wanted)
            if is_news:
                known.clear()
                if len(wanted) < len(named):
                    found, _ = await self._resolve_all(tx, list(named.values()))
            known.update(found)
        return [known[channel.channel_id, person] for channel, person in people]

    async def learn(self, tx: Transaction, people: Sequence[Named]) -> None:
        """Statuses name a number and a user id together: that joins what is known, no more."""
        wanted = [
            (channel, ids)
            for channel, person in dict.fromkeys(people)
            if (ids := ids_of(channel.channel_type, person)).phone
            and ids.user_id
            and (channel.channel_id, ids) not in self._learned
        ]
        if not wanted:
            return
        news = News()
        for (channel, ids), rows in zip(
            wanted, await self._store.find_rows(tx, wanted), strict=True
        ):
            named = [row for row in rows if names(row, channel.channel_type, ids)]
            if len(named) == 1 and is_settled(named[0], ids):
                self._remember(channel, ids)
            elif named:
                await self._linking.place(tx, channel, ids, news)
        self._resolved.pop(tx, None)
        await self.say(tx, news)

    async def opt_out(self, tx: Transaction, channel: Channel, stable_key: str) -> None:
        """The provider refused a marketing message: they had stopped them."""
        key = stable_key
        if await self._store.find_row(tx, channel.channel_id, key) is None:
            (known,) = await self.resolve(tx, [(channel, Person(stable_key))])
            key = known.contact.external_id
        contact_id = await self._store.keep_preference(
            tx, (channel.channel_id, key), wants_marketing=False, at=datetime.now(UTC)
        )
        if contact_id is not None:
            await self.say(tx, News({(channel.tenant_id, contact_id)}))

    async def follow(
        self, tx: Transaction, changes: Sequence[tuple[Channel, IdentityChange]]
    ) -> None:
        """People have new numbers or user ids."""
        news = News()
        for channel, change in changes:
            old, new = change.old, change.new
            if change.kind == "phone":
                old, new = without_plus(old), without_plus(new)
            await self._linking.follow(tx, channel, replace(change, old=old, new=new), news)
        self._resolved.pop(tx, None)
        await self.say(tx, news)

    async def prefer(
        self, tx: Transaction, preferences: Sequence[tuple[Channel, Preference]]
    ) -> None:
        """People stop or resume marketing messages; the newest word counts."""
        people = [(channel, preference.person) for channel, preference in preferences]
        known = await self.resolve(tx, people)
        news = News()
        for (channel, preference), person in zip(preferences, known, strict=True):
            contact_id = await self._store.keep_preference(
                tx,
                (channel.channel_id, person.contact.external_id),
                wants_marketing=preference.wants_marketing,
                at=preference.at,
            )
            if contact_id is not None:
                news.changed.add((channel.tenant_id, contact_id))
        await self.say(tx, news)

    async def address_of(self, tx: Transaction, channel_id: UUID, stable_key: str) -> Address:
        """How the person behind a stable key is reached now: by phone, else by user id."""
        key = stable_key
        for _ in range(MOVES_MAX):
            row = await self._store.find_row(tx, channel_id, key)
            if row is None or row.moved_to is None:
                break
            key = row.moved_to
        if row is not None and row.phone is not None:
            return Address(row.phone, is_user_id=False)
        if row is not None and row.user_id is not None:
            return Address(row.user_id, is_user_id=True)
        return Address(stable_key, is_user_id=is_business_scoped(stable_key))

    async def is_opted_out(
        self, tx: Transaction, tenant_id: UUID, channel_id: UUID, stable_key: str
    ) -> bool:
        """Whether the person behind a stable key stopped marketing messages."""
        return await self._store.is_opted_out(tx, tenant_id, channel_id, stable_key)

    async def say(self, tx: Transaction, news: News) -> None:
        """Say whole contacts that changed, and merges."""
        says: list[Message] = [
            ContactsMerged.make(tenant_id=tenant_id, merge=merge)
            for tenant_id, merge in news.merges
        ]
        for tenant_id in sorted({tenant_id for tenant_id, _ in news.changed}):
            changed = [contact for tenant, contact in news.changed if tenant == tenant_id]
            says += [
                ContactUpdated.make(tenant_id=tenant_id, contact=contact)
                for contact in await self._reading.contacts(tx, tenant_id, changed)
            ]
        if says:
            await self._outbox.say(tx, *says)

    def _remember(self, channel: Channel, ids: Ids) -> None:
        """Nothing is learned from the same words again; forgetting costs one look."""
        if len(self._learned) >= LEARNED_MAX:
            self._learned.clear()
        self._learned.add((channel.channel_id, ids))

    async def _resolve_all(
        self, tx: Transaction, people: Sequence[Named]
    ) -> tuple[dict[tuple[UUID, Person], Known], bool]:
        """The place of each, and whether anything about contacts changed by it."""
        wanted = [(channel, ids_of(channel.channel_type, person)) for channel, person in people]
        found = await self._store.find_rows(tx, wanted)
        rows, news = dict(_settled(wanted, found)), News()
        if len(rows) < len(wanted):
            strangers = [n for n, some in enumerate(found) if not some]
            rows |= await self._make_all(tx, wanted, strangers, news)
            for place, (channel, ids) in enumerate(wanted):
                if place not in rows:
                    rows[place] = await self._linking.place(tx, channel, ids, news)
            if news.merges:
                rows |= dict(_settled(wanted, await self._store.find_rows(tx, wanted)))
            await self.say(tx, news)
        known = {
            (channel.channel_id, person): _known(rows[place], person)
            for place, (channel, person) in enumerate(people)
        }
        return known, bool(news.changed)

    async def _make_all(
        self,
        tx: Transaction,
        wanted: Sequence[tuple[Channel, Ids]],
        strangers: Sequence[int],
        news: News,
    ) -> dict[int, ChannelContact]:
        """New contacts, all at once, of those whose every id nobody has; the others are absent."""
        claimed = _claims_apart(wanted, strangers)
        if not claimed:
            return {}
        given = await self._store.claim(tx, [one for some in claimed.values() for one in some])
        whole = {
            place: some[0].contact_id
            for place, some in claimed.items()
            if given.count(some[0].contact_id) == len(some)
        }
        partly = [
            some[0].contact_id
            for place, some in claimed.items()
            if place not in whole and some[0].contact_id in given
        ]
        if partly:
            await self._store.unclaim(tx, partly)
        if not whole:
            return {}
        new = [(*wanted[place], contact_id) for place, contact_id in whole.items()]
        await self._store.make_contacts(
            tx, [(contact, channel.tenant_id, ids.display_name) for channel, ids, contact in new]
        )
        made = await self._store.make_rows(
            tx,
            [
                (
                    channel,
                    ids.key,
                    conversation_identity(channel.channel_id, ids.key),
                    contact,
                    ids,
                )
                for channel, ids, contact in new
            ],
        )
        news.changed |= {(row.tenant_id, row.contact_id) for row in made}
        by_contact = {row.contact_id: row for row in made}
        return {place: by_contact[contact_id] for place, contact_id in whole.items()}


def person_of(payload: Payload) -> Person | None:
    """Whom an item names; of a changed id, the person under the new one."""
    if isinstance(payload, IdentityChange):
        new = without_plus(payload.new)
        if payload.kind == "phone":
            return Person(new, phone=new)
        return Person(payload.new, user_id=payload.new)
    person: Person | None = getattr(payload, "person", None)
    return person


def _settled(
    wanted: Sequence[tuple[Channel, Ids]], found: Sequence[Sequence[ChannelContact]]
) -> Iterable[tuple[int, ChannelContact]]:
    """Of those of whom nothing new is said: their place and row."""
    for place, ((channel, ids), rows) in enumerate(zip(wanted, found, strict=True)):
        named = [row for row in rows if names(row, channel.channel_type, ids)]
        if len(named) == 1 and is_settled(named[0], ids):
            yield place, named[0]


def _claims_apart(
    wanted: Sequence[tuple[Channel, Ids]], strangers: Sequence[int]
) -> dict[int, list[Claimed]]:
    """The claims of strangers, each with a contact of their own, whom no other of them meets."""
    taken: set[tuple[UUID, UUID | None, str, str]] = set()
    claimed: dict[int, list[Claimed]] = {}
    for place in strangers:
        channel, ids = wanted[place]
        contact_id = uuid4()
        some = [
            Claimed(channel.tenant_id, contact_id, channel.channel_id, claim)
            for claim in claims_of(channel.channel_type, ids)
        ]
        keys: set[tuple[UUID, UUID | None, str, str]] = {
            (channel.tenant_id, channel.channel_id, "key", ids.key),
            *((one.tenant_id, one.scope, one.claim.kind, one.claim.value) for one in some),
        }
        if some and not keys & taken:
            taken |= keys
            claimed[place] = some
    return claimed


def _known(row: ChannelContact, person: Person) -> Known:
    phone = person.phone or row.phone
    contact = ContactRef(
        external_id=row.external_id,
        display_name=person.display_name or row.display_name,
        phone=phone if phone and len(phone) <= PHONE_LIMIT else None,
        contact_id=row.contact_id,
        user_id=person.user_id or row.user_id,
        username=person.username or row.username,
        email=person.email or row.email,
    )
    return Known(contact, row.conversation_id)
