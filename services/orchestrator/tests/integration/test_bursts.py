"""Bursts on a real database: a turn begins when the customer has finished, and never too late."""

from contracts.v1.channels import MediaStored
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import MediaRef, MessageContent
from contracts.v1.turns import VisitorTyping

FILE = MediaRef(
    provider_media_id="7",
    mime_type="image/jpeg",
    file_name="lamp.jpg",
    sha256=None,
    size_bytes=None,
    state="pending",
)


async def waits_seconds(desk) -> float:
    """How long the turn still waits from its newest message on."""
    rows = await desk.rows(
        "select extract(epoch from turn_due_at - last_message_at)::float8 as seconds"
        " from conversations"
    )
    return round(rows[0]["seconds"], 1)


async def test_each_message_puts_the_answer_off_until_the_ceiling(desk):
    await desk.configure(coalesce_milliseconds=4_000, coalesce_ceiling_milliseconds=5_000)
    await desk.hear("Hello.")
    assert await waits_seconds(desk) == 4.0
    async with desk.database.system() as tx:  # three seconds pass
        await tx.execute("update messages set created_at = created_at - interval '3 s'")
    await desk.hear("And another thing")
    assert 0.0 < await waits_seconds(desk) <= 2.0
    await desk.hear("Is that so?")
    assert 0.0 < await waits_seconds(desk) <= 2.0
    assert desk.outbox.heard(SendMessage) == []


async def test_a_question_brings_the_answer_forward(desk):
    await desk.configure(coalesce_milliseconds=1_000)
    await desk.hear("I have a lamp")
    assert await waits_seconds(desk) == 1.5
    await desk.hear("Can I return it?")
    assert await waits_seconds(desk) < 1.5
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "customer", "bot"]


async def test_who_types_is_waited_for(desk):
    await desk.configure(coalesce_milliseconds=1_000, coalesce_ceiling_milliseconds=60_000)
    typing = VisitorTyping.make(
        tenant_id=desk.tenant_id, channel_id=desk.channel_id, visitor_id="visitor-1"
    )
    await desk.parts.bursts.on_typing(typing)  # nobody wrote yet
    await desk.hear("Hello.")
    await desk.parts.bursts.on_typing(typing)
    assert await waits_seconds(desk) >= 3.4


async def test_typing_starts_nothing_and_holds_up_nothing(desk, gate):
    desk.model_says(gate)
    await desk.hear("Hello.")
    await gate.next_question()
    before = await desk.conversation()
    typing = VisitorTyping.make(
        tenant_id=desk.tenant_id, channel_id=desk.channel_id, visitor_id="visitor-1"
    )
    await desk.parts.bursts.on_typing(typing)
    assert await desk.conversation() == before
    gate.open()
    await desk.idle()


async def test_a_file_that_loads_is_waited_for_and_then_no_longer(desk):
    await desk.configure(coalesce_milliseconds=100, coalesce_ceiling_milliseconds=60_000)
    content = MessageContent(kind="image", text="Is it this one?", media=FILE, data=None)
    message = desk.message("", content=content)
    await desk.hear(message)
    assert await waits_seconds(desk) == 60.0
    stored = MediaStored.make(
        tenant_id=desk.tenant_id,
        channel_id=desk.channel_id,
        channel_type="webchat",
        conversation_id=desk.conversation_of(),
        provider_message_id=message.provider_message_id,
        media=FILE.model_copy(update={"state": "stored", "sha256": "0" * 64}),
    )
    async with desk.database.transaction(desk.tenant_id) as tx:
        await desk.parts.news.on_media_stored(stored, tx)
    await desk.settled()
    assert len(desk.outbox.heard(SendMessage)) == 1


async def test_a_burst_during_generation_is_waited_for_before_it_begins_anew(desk, gate):
    desk.model_says(gate)
    await desk.hear("One")
    await gate.next_question()
    await desk.configure(coalesce_milliseconds=150)
    for word in ("two", "three", "four."):
        await desk.hear(word)
    question = await gate.next_question()
    assert question.messages[-1].content == "One\ntwo\nthree\nfour."
    gate.open()
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 1


async def test_a_new_message_does_not_hurry_a_retry(desk):
    await desk.configure(coalesce_milliseconds=100)
    await desk.hear("Hello")
    async with desk.database.system() as tx:
        await tx.execute(
            "update conversations set turn_attempts = 1, lease_until = null,"
            " turn_due_at = clock_timestamp() + interval '60 s'"
        )
    before = (await desk.conversation())["turn_due_at"]
    await desk.hear("Hello?")
    assert (await desk.conversation())["turn_due_at"] == before
