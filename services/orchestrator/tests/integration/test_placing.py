"""Messages get their places: once, in order, in their own conversation."""

import asyncio

import pytest

from contracts.v1.sending import MessageFailed, MessageSent, MessageStatusChanged, SendMessage
from contracts.v1.shapes import ContactRef, MessageContent
from contracts.v1.tenants import RepeatConfiguration
from contracts.v1.turns import (
    ConversationUpdated,
    HandoffRequested,
    MessageRecorded,
    TurnCompleted,
)
from outbox import RetryLater


async def test_a_first_message_begins_a_conversation(desk):
    heard = desk.message("Hello", client_message_id="c1")
    await desk.hear(heard)
    recorded = desk.outbox.heard(MessageRecorded)[0]
    assert (recorded.message.seq, recorded.message.role) == (1, "customer")
    assert (recorded.message.text, recorded.message.client_message_id) == ("Hello", "c1")
    assert recorded.causation_id == heard.message_id
    assert (await desk.conversation())["owner_kind"] == "bot"


async def test_an_unknown_channel_waits_for_its_configuration(desk):
    stranger = desk.message("Hello", channel_id=desk.tenant_id)
    with pytest.raises(RetryLater):
        await desk.hear(stranger)
    assert await desk.rows("select 1 from conversations") == []


async def test_duplicates_five_times_at_once_are_one_message(desk, gate):
    desk.model_says(gate)
    copies = [desk.message("Hello", provider_id="wamid.1") for _ in range(5)]
    processes = [desk.another_process() for _ in range(5)]
    await asyncio.gather(
        *(desk.hear(copy, parts=parts) for copy, parts in zip(copies, processes, strict=True))
    )
    assert await desk.messages() == [(1, "customer", "Hello")]
    assert len(desk.outbox.heard(MessageRecorded)) == 1
    for parts in processes:
        await parts.runner.stop(grace_seconds=0.0)


async def test_duplicates_in_one_batch_are_one_message(desk, gate):
    desk.model_says(gate)
    await desk.hear(*(desk.message("Hello", provider_id="wamid.1") for _ in range(5)), "and more")
    assert [text for _, _, text in await desk.messages()] == ["Hello", "and more"]


async def test_a_batch_keeps_the_order_of_every_conversation(desk, gate):
    desk.model_says(gate)
    visitors = [f"visitor-{number}" for number in range(8)]
    batch = [desk.message(f"{n}", visitor=visitor) for n in range(12) for visitor in visitors]
    await desk.hear(*batch)
    for visitor in visitors:
        assert await desk.messages(visitor) == [(n + 1, "customer", str(n)) for n in range(12)]


async def test_replicas_that_hear_the_same_conversations_do_not_deadlock(desk, gate):
    desk.model_says(gate)
    visitors = [f"visitor-{number}" for number in range(10)]
    one = [desk.message("a", visitor=visitor) for visitor in visitors]
    other = [desk.message("b", visitor=visitor) for visitor in reversed(visitors)]
    for _ in range(5):
        await asyncio.gather(desk.hear(*one), desk.hear(*other))
    for visitor in visitors:
        assert [seq for seq, _, _ in await desk.messages(visitor)] == [1, 2]


async def test_the_contact_keeps_its_newest_name(desk, gate):
    desk.model_says(gate)
    await desk.hear("a")
    named = ContactRef(external_id="visitor-1", display_name="Ana B.", phone="385911234567")
    await desk.hear(desk.message("b", contact=named))
    await desk.hear(
        desk.message(
            "c", contact=ContactRef(external_id="visitor-1", display_name=None, phone=None)
        )
    )
    contact = (await desk.rows("select * from contacts"))[0]
    assert (contact["display_name"], contact["phone"]) == ("Ana B.", "385911234567")


async def test_what_postgres_refuses_is_left_out(desk, gate):
    desk.model_says(gate)
    content = MessageContent(kind="location", text="he\x00re", media=None, data='"a\x00b\\u0000"')
    await desk.hear(desk.message("", content=content))
    assert (await desk.messages())[0][2] == "here"


async def test_older_configuration_is_ignored(desk):
    await desk.configure(bot_name="Newer")
    desk.revision -= 2
    await desk.configure(bot_name="Older")
    settings = (await desk.rows("select settings->>'bot_name' as name from tenants"))[0]
    assert settings["name"] == "Newer"


async def test_an_empty_database_asks_for_configuration(desk):
    await desk.parts.handlers.ask_for_configuration(desk.database)
    assert desk.outbox.heard(RepeatConfiguration) == []
    async with desk.database.system() as tx:
        await tx.execute("delete from channels")
        await tx.execute("delete from tenants")
    await desk.parts.handlers.ask_for_configuration(desk.database)
    assert desk.outbox.heard(RepeatConfiguration)[0].service == "orchestrator"


async def test_a_keyword_brings_a_person_and_says_so_once(desk):
    await desk.hear("I want a HUMAN!", "human please")
    await desk.idle()
    assert await desk.messages() == [
        (1, "customer", "I want a HUMAN!"),
        (2, "system", "A person will be with you shortly."),
        (3, "customer", "human please"),
    ]
    row = await desk.conversation()
    assert (row["status"], row["owner_kind"], row["ownership_number"]) == (
        "assigned_human",
        "human",
        2,
    )
    send = desk.outbox.heard(SendMessage)
    assert [(one.author, one.ownership_number) for one in send] == [("system", 2)]
    assert desk.outbox.heard(HandoffRequested)[0].detail == "human"
    assert desk.outbox.heard(ConversationUpdated)[0].ownership_number == 2
    completed = desk.outbox.heard(TurnCompleted)
    assert [(one.outcome, one.text) for one in completed] == [
        ("handed_off", "A person will be with you shortly.")
    ]
    assert desk.bus.asked == []


async def test_a_tenant_without_a_handoff_text_is_handed_off_silently(desk):
    await desk.configure(handoff_reply="")
    await desk.hear("human")
    assert [role for _, role, _ in await desk.messages()] == ["customer"]
    assert desk.outbox.heard(TurnCompleted)[0].outcome == "handed_off"
    assert (await desk.conversation())["last_answered_seq"] == 1


async def test_a_suspended_tenant_is_recorded_and_not_answered(desk):
    await desk.configure(tenant_state="suspended")
    await desk.hear("Hello")
    await desk.idle()
    assert await desk.messages() == [(1, "customer", "Hello")]
    assert desk.bus.asked == []


async def test_delivery_goes_forward_only_whatever_the_order(desk):
    await desk.hear("Hello")
    await desk.idle()
    send = desk.outbox.heard(SendMessage)[0]
    about = {
        "tenant_id": desk.tenant_id,
        "send_id": send.send_id,
        "conversation_id": send.conversation_id,
        "channel_id": send.channel_id,
        "channel_type": "webchat",
        "recorded_message_id": send.recorded_message_id,
    }
    status = {**about, "provider_code": None, "at": "2026-01-02T12:00:00Z"}
    handlers = desk.parts.handlers
    async with desk.database.system() as tx:
        await handlers.on_status([MessageStatusChanged.make(**status, status="read")], tx)
        await handlers.on_sent(
            [MessageSent.make(**about, provider_message_ids=["wamid.9"], text="x")], tx
        )
        failed = {**about, "provider_code": 131026, "detail": "no"}
        await handlers.on_failed([MessageFailed.make(**failed, code="undeliverable")], tx)
    rows = await desk.rows("select delivery, delivery_code from messages where role = 'bot'")
    assert rows == [{"delivery": "read", "delivery_code": None}]


async def test_a_failed_send_keeps_its_code(desk):
    await desk.hear("Hello")
    await desk.idle()
    send = desk.outbox.heard(SendMessage)[0]
    failed = MessageFailed.make(
        tenant_id=desk.tenant_id,
        send_id=send.send_id,
        conversation_id=send.conversation_id,
        channel_id=send.channel_id,
        channel_type="webchat",
        recorded_message_id=send.recorded_message_id,
        code="window_closed",
        provider_code=131047,
        detail="More than 24 hours",
    )
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_failed([failed], tx)
    rows = await desk.rows("select delivery, delivery_code from messages where role = 'bot'")
    assert rows == [{"delivery": "failed", "delivery_code": "window_closed"}]


async def test_one_tenant_sees_nothing_of_another(desk):
    await desk.hear("Hello")
    async with desk.database.transaction(desk.channel_id) as tx:
        for table in ("tenants", "channels", "contacts", "conversations", "messages", "turns"):
            assert await tx.fetch(f"select 1 from {table}") == []


async def test_every_table_forces_row_level_security(desk):
    rows = await desk.rows(
        """select relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind = 'r' and a.attname = 'tenant_id' and not
        (c.relrowsecurity and c.relforcerowsecurity)"""
    )
    assert rows == []
