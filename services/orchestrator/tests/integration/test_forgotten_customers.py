"""No customer is left without an answer while nobody is told: where alarms were once lost."""

from contracts.v1.inbox import ConversationRated, ConversationUnanswered
from contracts.v1.sending import MessageFailed, SendMessage
from contracts.v1.turns import HandoffRequested

from .desk import Desk
from .test_farewell import post, resolve
from .test_life import earlier, snooze


async def fail(desk: Desk, code: str) -> None:
    """The newest message to the customer did not go out."""
    send = desk.outbox.heard(SendMessage)[-1]
    failed = MessageFailed.make(
        tenant_id=desk.tenant_id, send_id=send.send_id, conversation_id=send.conversation_id,
        channel_id=send.channel_id, channel_type="webchat",
        recorded_message_id=send.recorded_message_id, code=code, provider_code=None,
        detail="It did not go out.",
    )  # fmt: skip
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_failed([failed], tx)


async def test_a_message_that_arrived_after_all_hides_no_later_waiting(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await fail(desk, "unreachable")
    async with desk.database.system() as tx:
        await tx.execute("update messages set delivery = 'delivered' where role = 'bot'")
    await desk.take_over(assignee="ana")
    await desk.hear("Are you there?")
    await earlier(desk, "undelivered_since", 16)
    await desk.parts.inbox.life.alarm()
    assert desk.outbox.heard(ConversationUnanswered) == []
    await earlier(desk, "waiting_since", 16)
    await desk.parts.inbox.life.alarm()
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert alarm.cause == "person_silent"


async def test_who_lost_the_bots_answer_to_a_takeover_waits_for_the_person(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.take_over(assignee="ana")
    await fail(desk, "stale_ownership")
    row = await desk.conversation()
    assert row["waiting_since"] is not None
    assert row["undelivered_since"] is None
    await earlier(desk, "waiting_since", 16)
    await desk.parts.inbox.life.alarm()
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == ("person_silent", 1)
    await desk.parts.requests.post(post(desk, "Here I am."))
    assert (await desk.conversation())["waiting_since"] is None


async def test_who_was_answered_by_the_person_waits_no_more(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    send = desk.outbox.heard(SendMessage)[-1]
    await desk.parts.requests.post(post(desk, "I am faster."))
    desk.outbox.said.append(send)
    await fail(desk, "stale_ownership")
    assert (await desk.conversation())["waiting_since"] is None


async def test_a_rating_that_asks_for_a_person_brings_one(desk: Desk) -> None:
    await desk.configure(ask_for_rating=True)
    await desk.hear("Hello")
    await desk.idle()
    await resolve(desk)
    await desk.hear("1, I want a human")
    await desk.idle()
    assert [one.score for one in desk.outbox.heard(ConversationRated)] == [1]
    assert len(desk.outbox.heard(HandoffRequested)) == 1
    row = await desk.conversation()
    assert (row["owner_kind"], row["rating"]) == ("human", 1)
    assert row["waiting_since"] is not None


async def test_a_brief_holds_no_words_that_the_customer_never_read(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.take_over(assignee="ana")
    await fail(desk, "stale_ownership")
    await snooze(desk, owner_kind="bot")
    await desk.hear("I want a human")
    brief = desk.outbox.heard(HandoffRequested)[-1].brief
    assert brief is not None
    assert "Hello" in brief.summary
    assert "Assistant" not in brief.summary
