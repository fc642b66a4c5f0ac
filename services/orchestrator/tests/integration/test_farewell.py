"""At the end the customer is asked once; their answer wakes nobody, other words do."""

from typing import Any

import pytest

from contracts.v1.conversations import UpdateConversation
from contracts.v1.inbox import ConversationRated
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import MessageContent
from contracts.v1.turns import ConversationUpdated

from .desk import Desk


@pytest.fixture
async def rated_desk(desk: Desk) -> Desk:
    await desk.configure(ask_for_rating=True, rating_question="How did we do?")
    await desk.hear("Hello")
    await desk.idle()
    return desk


async def resolve(desk: Desk, status: str = "resolved") -> None:
    await desk.parts.requests.update(
        UpdateConversation.make(
            tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(), status=status,
            owner_kind=None, assignee=None,
        )
    )  # fmt: skip


def questions(desk: Desk) -> list[SendMessage]:
    return [send for send in desk.outbox.heard(SendMessage) if send.body.extras is not None]


async def test_a_rating_is_kept_and_wakes_nobody(rated_desk: Desk) -> None:
    desk = rated_desk
    await desk.take_over(assignee="ana")
    await desk.parts.requests.post(post(desk, "Here you are."))
    await resolve(desk)
    (question,) = questions(desk)
    assert (question.author, question.body.text) == ("system", "How did we do?")
    await desk.hear("4, thanks")
    await desk.idle()
    (rated,) = desk.outbox.heard(ConversationRated)
    assert (rated.score, rated.comment, rated.assignee) == (4, "thanks", "ana")
    row = await desk.conversation()
    assert (row["status"], row["rating"], row["waiting_since"]) == ("resolved", 4, None)
    assert [role for _, role, _ in await desk.messages()][-2:] == ["system", "customer"]
    await desk.hear("5")
    await desk.idle()
    assert len(desk.outbox.heard(ConversationRated)) == 1
    assert (await desk.conversation())["status"] == "active"


def post(desk: Desk, text: str) -> Any:
    from contracts.v1.conversations import PostMessage

    return PostMessage.make(
        tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(), idempotency_key=text,
        author="ana", text=text,
    )  # fmt: skip


async def test_other_words_reopen_and_a_later_number_is_no_rating(rated_desk: Desk) -> None:
    desk = rated_desk
    await resolve(desk)
    await desk.hear("Where is my lamp?")
    await desk.idle()
    await desk.hear("5")
    await desk.idle()
    assert desk.outbox.heard(ConversationRated) == []
    assert (await desk.conversation())["status"] == "active"
    assert [role for _, role, _ in await desk.messages()][-1] == "bot"


async def test_two_messages_at_once_are_one_rating_and_one_question(rated_desk: Desk) -> None:
    desk = rated_desk
    await resolve(desk)
    await desk.hear("5", "3")
    await desk.idle()
    assert [one.score for one in desk.outbox.heard(ConversationRated)] == [5]
    assert (await desk.conversation())["status"] == "active"


async def test_a_tapped_star_is_a_rating_also_when_it_comes_twice(rated_desk: Desk) -> None:
    desk = rated_desk
    await resolve(desk)
    tapped = MessageContent(
        kind="button_reply", text="⭐⭐", media=None, data='{"payload": "rating:2"}'
    )
    message = desk.message("", content=tapped, provider_id="tap")
    await desk.hear(message)
    await desk.hear(message)
    assert [one.score for one in desk.outbox.heard(ConversationRated)] == [2]
    assert len(await desk.rows("select 1 from ratings")) == 1


async def test_the_question_goes_out_once_for_each_end(rated_desk: Desk) -> None:
    desk = rated_desk
    await resolve(desk)
    await resolve(desk)
    await resolve(desk, "closed")
    assert len(questions(desk)) == 1
    await resolve(desk, "active")
    await resolve(desk)
    assert len(questions(desk)) == 1  # nobody answered anything since
    await desk.hear("Hello again")
    await desk.idle()
    await resolve(desk)
    assert len(questions(desk)) == 2


async def test_nobody_is_asked_who_had_no_answer_or_whose_tenant_does_not_ask(desk: Desk) -> None:
    await desk.configure(ask_for_rating=True)
    await desk.hear("I want a human")
    await resolve(desk)
    await desk.configure(ask_for_rating=None)
    await desk.hear(desk.message("Hello"))
    await desk.idle()
    await resolve(desk)
    assert questions(desk) == []


async def test_silence_asks_too(rated_desk: Desk) -> None:
    desk = rated_desk
    await desk.configure(ask_for_rating=True, inactivity_minutes=30)
    async with desk.database.system() as tx:
        await tx.execute("update conversations set last_message_at = now() - interval '1 hour'")
    await desk.parts.inbox.life.end_silent()
    assert len(questions(desk)) == 1
    assert desk.outbox.heard(ConversationUpdated)[-1].status == "resolved"


async def test_outside_the_window_nobody_is_asked_and_a_note_says_so(rated_desk: Desk) -> None:
    desk = rated_desk
    async with desk.database.system() as tx:
        await tx.execute("update conversations set channel_type = 'whatsapp'")
        await tx.execute("update messages set created_at = now() - interval '25 hours'")
    await resolve(desk)
    assert questions(desk) == []
    (note,) = await desk.rows("select author, text from notes")
    assert "24 hours" in note["text"]
    assert "WhatsApp" in note["text"]
