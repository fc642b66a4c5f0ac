"""Contacts are merged with a reason, and parted again exactly."""

from __future__ import annotations

import pytest

from bus import Refused
from channel_ingress.contact_book import Address
from channel_ingress.items import Person
from contracts.v1.channels import MessageReceived
from contracts.v1.contacts import (
    Contact,
    ContactsMerged,
    ListContacts,
    MergeContacts,
    UndoMerge,
)

from .contact_desk import (
    BOTH,
    ID_ONLY,
    PHONE_ONLY,
    address,
    contacts,
    conversations,
    everything,
    get,
    requests,
)
from .hearing import Hearing, message


async def test_two_known_people_who_prove_to_be_one_are_merged_and_can_be_parted_again(
    hearing: Hearing,
) -> None:
    await hearing.hear(message(PHONE_ONLY))
    await hearing.hear(message(ID_ONLY))
    first, second = conversations(hearing)
    assert first != second
    before = await everything(hearing)
    await hearing.hear(message(BOTH))
    await hearing.hear(message(ID_ONLY))
    assert conversations(hearing)[2:] == [first, first]
    (said,) = hearing.of(ContactsMerged)
    assert said.merge.evidence == "same_message"
    (kept,) = await contacts(hearing)
    assert kept.contact_id == said.merge.kept_contact_id
    assert {channel.conversation_id for channel in kept.channels} == {first, second}
    assert (await get(hearing, said.merge.merged_contact_id)).merged_into == kept.contact_id
    assert await address(hearing, "US.1349") == Address("16505551234", is_user_id=False)

    undo = UndoMerge.make(tenant_id=hearing.tenant_id, merge_id=said.merge.merge_id)
    await requests(hearing).undo(undo)
    assert await everything(hearing) == before
    assert hearing.of(ContactsMerged)[-1].merge.undone_at is not None
    with pytest.raises(Refused, match="undone before"):
        await requests(hearing).undo(undo)
    await hearing.hear(message(BOTH))
    assert len(await contacts(hearing)) == 2, "what a person parted is not merged again"


async def test_a_person_merges_pages_and_undoes(hearing: Hearing) -> None:
    for number in range(5):
        await hearing.hear(message(Person(str(number), phone=str(number))))
    await hearing.hear(message(Person("psid-1", "Ana")), channel_type="messenger")
    seen: list[Contact] = []
    cursor: str | None = None
    while True:
        page = await requests(hearing).list(
            ListContacts.make(tenant_id=hearing.tenant_id, identity=None, cursor=cursor, limit=2)
        )
        seen += page.contacts
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({one.contact_id for one in seen}) == 6
    assert [one.created_at for one in seen] == sorted((o.created_at for o in seen), reverse=True)

    before = await everything(hearing)
    kept, merged = seen[5].contact_id, seen[0].contact_id
    wish = MergeContacts.make(
        tenant_id=hearing.tenant_id,
        kept_contact_id=kept,
        merged_contact_id=merged,
        merged_by="agent Bo",
    )
    found = await requests(hearing).merge(wish)
    assert len(found.contact.channels) == 2
    assert (found.merges[0].evidence, found.merges[0].merged_by) == ("person", "agent Bo")
    with pytest.raises(Refused, match="already"):
        await requests(hearing).merge(wish)
    by_id = ListContacts.make(tenant_id=hearing.tenant_id, identity="psid-1", cursor=None, limit=2)
    assert [one.contact_id for one in (await requests(hearing).list(by_id)).contacts] == [kept]
    await hearing.hear(message(Person("psid-1", "Ana")), channel_type="messenger")
    assert hearing.of(MessageReceived)[-1].contact.contact_id == kept
    undo = UndoMerge.make(tenant_id=hearing.tenant_id, merge_id=found.merges[0].merge_id)
    await requests(hearing).undo(undo)
    assert await everything(hearing) == before


async def test_merges_of_merges_are_undone_in_any_order(hearing: Hearing) -> None:
    for number in range(3):
        await hearing.hear(message(Person(str(number), phone=str(number))))
    before = await everything(hearing)
    one, two, three = (contact.contact_id for contact in await contacts(hearing))
    merges = []
    for kept, merged in ((two, one), (three, two)):
        wish = MergeContacts.make(
            tenant_id=hearing.tenant_id,
            kept_contact_id=kept,
            merged_contact_id=merged,
            merged_by="x",
        )
        merges.append((await requests(hearing).merge(wish)).merges[0].merge_id)
    for merge_id in merges:
        undo = UndoMerge.make(tenant_id=hearing.tenant_id, merge_id=merge_id)
        await requests(hearing).undo(undo)
    assert await everything(hearing) == before
