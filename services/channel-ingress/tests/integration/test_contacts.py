"""One person is one contact, over numbers, ids, channels and processes; and can be parted again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bus import Refused
from channel_ingress.contact_book import Address, ContactBook
from channel_ingress.domain import conversation_identity
from channel_ingress.items import Echo, IdentityChange, Person, Preference, Status
from channel_ingress.store import Channel
from contracts.v1.channels import MessageReceived
from contracts.v1.contacts import (
    ContactsMerged,
    ContactUpdated,
    GetContact,
    MergeContacts,
    UndoMerge,
)
from contracts.v1.shapes import MessageContent
from outbox import RetryLater
from testkit import RecordingBus

from .contact_desk import (
    BOTH,
    ID_ONLY,
    PHONE_ONLY,
    TABLES,
    address,
    contacts,
    conversations,
    requests,
)
from .hearing import START, Hearing, message


async def test_a_person_keeps_key_and_conversation_from_number_to_user_id(
    hearing: Hearing,
) -> None:
    for person in (PHONE_ONLY, BOTH, ID_ONLY, PHONE_ONLY):
        await hearing.hear(message(person))
    expected = conversation_identity(hearing.channels["whatsapp"], "16505551234")
    assert conversations(hearing) == [expected] * 4
    assert {one.contact.external_id for one in hearing.of(MessageReceived)} == {"16505551234"}
    (contact,) = await contacts(hearing)
    assert {one.contact.contact_id for one in hearing.of(MessageReceived)} == {contact.contact_id}
    assert {(one.kind, one.value) for one in contact.identities} == {
        ("phone", "16505551234"),
        ("user_id", "US.1349"),
    }
    assert contact.channels[0].last_message_at == START
    assert contact.channels[0].window_closes_at == START + timedelta(hours=24)


async def test_contacts_are_said_when_they_change_and_not_with_every_message(
    hearing: Hearing,
) -> None:
    for person in (PHONE_ONLY, PHONE_ONLY, Person("16505551234", phone="16505551234"), PHONE_ONLY):
        await hearing.hear(message(person))
    assert len(hearing.of(ContactUpdated)) == 1
    await hearing.hear(message(BOTH))
    renamed = Person("16505551234", "Ana Maria", phone="16505551234")
    await hearing.hear(message(renamed))
    names = [one.contact.display_name for one in hearing.of(ContactUpdated)]
    assert names == ["Ana", "Ana", "Ana Maria"]


async def test_a_changed_number_is_followed(hearing: Hearing) -> None:
    await hearing.hear(message(BOTH))
    change = IdentityChange(
        "phone", "16505551234", "+16505559999", START, Person("16505551234", phone="16505551234")
    )
    await hearing.hear(change)
    moved = Person("16505559999", "Ana", phone="16505559999", user_id="US.2000")
    await hearing.hear(message(moved))
    await hearing.hear(IdentityChange("user_id", "US.1349", "US.2000", START))
    await hearing.hear(message(Person("US.2000", "Ana", user_id="US.2000")))
    assert len(set(conversations(hearing))) == 1
    assert await address(hearing, "16505551234") == Address("16505559999", is_user_id=False)
    (contact,) = await contacts(hearing)
    ended = {one.value for one in contact.identities if one.until is not None}
    current = {one.value for one in contact.identities if one.until is None}
    assert (ended, current) == ({"16505551234", "US.1349"}, {"16505559999", "US.2000"})


async def test_a_message_that_overtakes_the_news_of_its_number_is_joined_by_it(
    hearing: Hearing,
) -> None:
    await hearing.hear(message(PHONE_ONLY))
    moved = Person("16505559999", "Ana", phone="16505559999")
    await hearing.hear(message(moved))
    await hearing.hear(IdentityChange("phone", "16505551234", "16505559999", START))
    await hearing.hear(message(moved))
    first, between, last = conversations(hearing)
    assert (first == last, first == between) == (True, False)
    assert hearing.of(ContactsMerged)[0].merge.evidence == "number_changed"
    merge_id = hearing.of(ContactsMerged)[0].merge.merge_id
    await requests(hearing).undo(UndoMerge.make(tenant_id=hearing.tenant_id, merge_id=merge_id))
    assert await address(hearing, "16505551234") == Address("16505551234", is_user_id=False)
    assert await address(hearing, "16505559999") == Address("16505559999", is_user_id=False)


async def test_the_next_owner_of_a_number_is_somebody_else(hearing: Hearing) -> None:
    await hearing.hear(message(BOTH))
    stranger = Person("16505551234", "Bo", phone="16505551234", user_id="DE.777")
    await hearing.hear(message(stranger))
    first, second = conversations(hearing)
    assert first != second
    assert await address(hearing, "16505551234") == Address("US.1349", is_user_id=True)
    assert await address(hearing, "DE.777") == Address("16505551234", is_user_id=False)
    assert hearing.of(ContactsMerged) == []
    await hearing.hear(message(ID_ONLY))
    assert conversations(hearing)[2] == first


async def test_a_status_that_names_both_ids_joins_what_is_known_and_makes_nobody(
    hearing: Hearing,
) -> None:
    await hearing.hear(Status("wamid.0", "sent", START, person=BOTH))
    assert await contacts(hearing) == []
    await hearing.hear(message(PHONE_ONLY))
    for name in ("sent", "delivered", "read"):
        await hearing.hear(Status("wamid.1", name, START, person=BOTH))
    await hearing.hear(message(ID_ONLY))
    assert len(set(conversations(hearing))) == 1
    assert len(hearing.of(ContactUpdated)) == 2


async def test_a_refused_marketing_message_is_an_opt_out_by_the_stable_key(
    hearing: Hearing,
) -> None:
    await hearing.hear(message(PHONE_ONLY))
    await hearing.hear(IdentityChange("phone", "16505551234", "16505559999", START))
    channel = Channel(hearing.channels["whatsapp"], hearing.tenant_id, "whatsapp", "")
    for key in ("16505551234", "49301234"):
        asked = hearing.tenant_id, channel.channel_id, key
        async with hearing.database.transaction(hearing.tenant_id) as tx:
            assert not await hearing.contacts.is_opted_out(tx, *asked)
            await hearing.contacts.opt_out(tx, channel, key)
            assert await hearing.contacts.is_opted_out(tx, *asked)
    assert [contact.opted_out for contact in await contacts(hearing)] == [True, True]


async def test_an_unknown_key_is_its_own_address(hearing: Hearing) -> None:
    assert await address(hearing, "4912345") == Address("4912345", is_user_id=False)
    assert await address(hearing, "DE.12345") == Address("DE.12345", is_user_id=True)


async def test_a_signed_identity_links_channels_and_a_claimed_one_does_not(
    hearing: Hearing,
) -> None:
    await hearing.hear(message(Person("v1", email="ana@example.com")), channel_type="webchat")
    await hearing.hear(message(Person("v2", phone="16505551234")), channel_type="webchat")
    await hearing.hear(message(PHONE_ONLY))
    assert len(await contacts(hearing)) == 3
    signed = Person("v3", email="Ana@example.com", tenant_external_id="user-1")
    await hearing.hear(message(signed), channel_type="webchat")
    assert len(await contacts(hearing)) == 3
    again = Person("v2", tenant_external_id="user-1")
    await hearing.hear(message(again), channel_type="webchat")
    (merged,) = hearing.of(ContactsMerged)
    assert merged.merge.evidence == "signed_identity"
    found = await contacts(hearing)
    ana = next(one for one in found if len(one.channels) == 3)
    assert {channel.external_id for channel in ana.channels} == {"v1", "v2", "v3"}


async def test_another_person_at_the_same_browser_is_not_merged(hearing: Hearing) -> None:
    for user in ("user-1", "user-2", "user-1"):
        signed = Person("v1", tenant_external_id=user, email=f"{user}@example.com")
        await hearing.hear(message(signed), channel_type="webchat")
    said = [one.contact.contact_id for one in hearing.of(MessageReceived)]
    assert (said[0] == said[2], said[0] == said[1]) == (True, False)
    assert hearing.of(ContactsMerged) == []


async def test_people_whom_the_tenant_tells_apart_may_share_an_e_mail(hearing: Hearing) -> None:
    for user in ("user-1", "user-2"):
        signed = Person(f"v-{user}", tenant_external_id=user, email="family@example.com")
        await hearing.hear(message(signed), channel_type="webchat")
    assert len(await contacts(hearing)) == 2
    assert hearing.of(ContactsMerged) == []


async def test_tenants_share_no_contacts(hearing: Hearing) -> None:
    other = uuid4()
    await hearing.hear(message(BOTH))
    whatsapp = hearing.channels["whatsapp"]
    await hearing.configure("whatsapp", tenant_id=other, address="another number")
    await hearing.hear(message(BOTH), address="another number")
    first, second = (one.contact.contact_id for one in hearing.of(MessageReceived))
    assert first != second
    async with hearing.database.transaction(other) as tx:
        for table in (*TABLES, "contact_merges"):
            seen = await tx.fetch(f"select tenant_id from {table}")
            assert {row["tenant_id"] for row in seen} <= {other}
        assert not await hearing.contacts.is_opted_out(tx, other, whatsapp, "16505551234")
    for request in (
        GetContact.make(tenant_id=other, contact_id=first),
        MergeContacts.make(
            tenant_id=other, kept_contact_id=second, merged_contact_id=first, merged_by="x"
        ),
    ):
        handler = requests(hearing)
        with pytest.raises(Refused, match="no such contact"):
            if isinstance(request, GetContact):
                await handler.get(request)
            else:
                await handler.merge(request)


async def test_twenty_first_messages_at_once_are_one_contact(hearing: Hearing) -> None:
    """Each in a transaction and a book of its own, as in twenty processes."""
    channel = Channel(hearing.channels["whatsapp"], hearing.tenant_id, "whatsapp", "")
    people = [(BOTH, PHONE_ONLY, ID_ONLY, BOTH)[number % 4] for number in range(20)]

    async def first(person: Person) -> UUID | None:
        for _ in range(6):
            outbox: Any = RecordingBus()
            try:
                async with hearing.database.system() as tx:
                    (known,) = await ContactBook(outbox).resolve(tx, [(channel, person)])
                return known.contact.contact_id
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, RetryLater):
                continue  # as the inbox does
        return None

    await asyncio.gather(*(first(person) for person in people))
    settled = {await first(person) for person in (BOTH, PHONE_ONLY, ID_ONLY)}
    assert len(settled) == 1
    assert None not in settled
    assert len(await contacts(hearing)) == 1


async def test_bodies_of_one_transaction_see_what_those_before_them_changed(
    hearing: Hearing,
) -> None:
    channel = Channel(hearing.channels["whatsapp"], hearing.tenant_id, "whatsapp", "")
    async with hearing.database.system() as tx:
        first = await hearing.contacts.resolve(tx, [(channel, PHONE_ONLY), (channel, ID_ONLY)])
        assert first[0].conversation_id != first[1].conversation_id
        again = [(channel, ID_ONLY), (channel, BOTH), (channel, PHONE_ONLY)]
        known = await hearing.contacts.resolve(tx, again)
        assert {one.conversation_id for one in known} == {first[0].conversation_id}
        other_name = (channel, replace(PHONE_ONLY, display_name="Anna"))
        await hearing.contacts.resolve(tx, [other_name])
        both = await hearing.contacts.resolve(tx, [(channel, PHONE_ONLY), other_name])
        assert [one.contact.display_name for one in both] == ["Ana", "Anna"]


async def test_a_thousand_people_cost_few_statements(hearing: Hearing) -> None:
    channel = Channel(hearing.channels["whatsapp"], hearing.tenant_id, "whatsapp", "")
    people = [(channel, Person(str(n), phone=str(n), user_id=f"US.{n}")) for n in range(1000)]
    counts = []
    for _ in range(2):
        async with hearing.database.system() as tx:
            counting: Any = Counting(tx)
            known = await hearing.contacts.resolve(counting, people)
            counts.append(counting.count)
            assert [one.contact.external_id for one in known] == [str(n) for n in range(1000)]
    assert counts[0] <= 8
    assert counts[1] == 1


async def test_the_newest_word_on_marketing_counts_on_every_channel(hearing: Hearing) -> None:
    await hearing.hear(Preference(PHONE_ONLY, wants_marketing=False, at=START))
    earlier = START - timedelta(days=1)
    await hearing.hear(Preference(PHONE_ONLY, wants_marketing=True, at=earlier))
    whatsapp = hearing.channels["whatsapp"]
    async with hearing.database.transaction(hearing.tenant_id) as tx:
        asked = (tx, hearing.tenant_id, whatsapp, "16505551234")
        assert await hearing.contacts.is_opted_out(*asked)
    (contact,) = await contacts(hearing)
    assert contact.opted_out
    later = START + timedelta(days=1)
    await hearing.hear(Preference(PHONE_ONLY, wants_marketing=True, at=later))
    assert hearing.of(ContactUpdated)[-1].contact.opted_out is False


async def test_whom_the_business_wrote_to_is_a_contact_too(hearing: Hearing) -> None:
    content = MessageContent(kind="text", text="Hi", media=None, data=None)
    await hearing.hear(Echo(PHONE_ONLY, "m1", START, content, "phone_app"))
    await hearing.hear(message(BOTH))
    assert len(await contacts(hearing)) == 1


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: Any) -> None:
        self._tx = tx
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        self.count += name in ("fetch", "fetchrow", "fetchval", "execute")
        return getattr(self._tx, name)
