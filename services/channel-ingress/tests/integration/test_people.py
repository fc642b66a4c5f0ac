"""Contacts and changes on the real road: bodies by the broker, requests by gateway."""

from __future__ import annotations

from typing import Any

import pytest

from bus import AskFailed
from contracts.v1.channels import MessageChanged, MessageReceived
from contracts.v1.contacts import GetContact, ListContacts, MergeContacts, UndoMerge
from simulators.meta import whatsapp_bodies

from .world import CUSTOMER, PHONE, World


def body(*messages: dict[str, Any]) -> dict[str, Any]:
    change = whatsapp_bodies.messages_change(PHONE, messages, {CUSTOMER: "Ana"})
    return whatsapp_bodies.body_of([change])


async def test_a_reaction_overtakes_its_message_and_gateway_merges_and_parts_contacts(
    world: World,
) -> None:
    await world.configure()
    gateway = world.neighbours.buses["gateway"]
    await world.post(body(whatsapp_bodies.reaction(CUSTOMER, "wamid.late", "\N{GRINNING FACE}")))
    await world.until("select true from message_states where not is_known")
    await world.post(body(whatsapp_bodies.text_message(CUSTOMER, "Hello", message_id="wamid.late")))
    (said,) = await world.neighbours.wait_for(MessageReceived)
    (changed,) = await world.neighbours.wait_for(MessageChanged)
    assert changed.conversation_id == said.conversation_id
    assert [one.emoji for one in changed.changes.reactions] == ["\N{GRINNING FACE}"]

    await world.post(body(whatsapp_bodies.text_message("4930123456", "Hi", message_id="wamid.2")))
    await world.neighbours.wait_for(MessageReceived, 2)
    listed = await gateway.ask(
        ListContacts.make(tenant_id=world.tenant_id, identity=None, cursor=None, limit=10),
        timeout_seconds=10.0,
    )
    other, ana = listed.contacts
    assert (ana.contact_id, ana.display_name) == (said.contact.contact_id, "Ana")
    merged = await gateway.ask(
        MergeContacts.make(
            tenant_id=world.tenant_id,
            kept_contact_id=ana.contact_id,
            merged_contact_id=other.contact_id,
            merged_by="agent",
        ),
        timeout_seconds=10.0,
    )
    assert len(merged.contact.channels) == 2
    undone = await gateway.ask(
        UndoMerge.make(tenant_id=world.tenant_id, merge_id=merged.merges[0].merge_id),
        timeout_seconds=10.0,
    )
    assert undone.contact.merged_into is None
    with pytest.raises(AskFailed, match="no such contact"):
        await gateway.ask(
            GetContact.make(tenant_id=world.tenant_id, contact_id=world.tenant_id),
            timeout_seconds=10.0,
        )
