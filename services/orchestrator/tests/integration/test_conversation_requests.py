"""Reading and steering conversations."""

import asyncio

import pytest

from bus import Refused
from contracts.v1.conversations import (
    GetConversation,
    ListConversations,
    ListMessages,
    ListVisitorMessages,
    PostMessage,
    UpdateConversation,
)
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import Choice, Choices, ChoiceSection, MessageExtras
from contracts.v1.turns import ConversationUpdated, HandoffRequested, MessageRecorded
from orchestrator.conversation_requests import read_cursor, write_cursor


@pytest.fixture
def ask(desk):
    def make(kind, **fields):
        defaults = {
            ListConversations: {"status": None, "channel_id": None, "cursor": None, "limit": 50},
            UpdateConversation: {"status": None, "owner_kind": None, "assignee": None},
            PostMessage: {"idempotency_key": "1", "author": "ana", "text": "Let me look."},
            ListMessages: {"after_seq": 0, "limit": 50},
            ListVisitorMessages: {
                "channel_id": desk.channel_id,
                "visitor_id": "visitor-1",
                "after_seq": 0,
                "limit": 50,
            },
        }.get(kind, {})
        if "conversation_id" in kind.model_fields:
            defaults = {"conversation_id": desk.conversation_of(), **defaults}
        tenant_id = fields.pop("tenant_id", desk.tenant_id)
        return kind.make(tenant_id=tenant_id, **{**defaults, **fields})

    return make


async def code_of(answering) -> str:
    with pytest.raises(Refused) as refused:
        await answering
    return refused.value.code


async def test_another_tenants_conversation_looks_like_a_missing_one(desk, ask):
    await desk.hear("Hello")
    requests = desk.parts.requests
    stranger = {"tenant_id": desk.channel_id}
    assert await code_of(requests.get(ask(GetConversation, **stranger))) == "not_found"
    assert await code_of(requests.messages(ask(ListMessages, **stranger))) == "not_found"
    assert await code_of(requests.post(ask(PostMessage, **stranger))) == "not_found"
    assert await code_of(requests.update(ask(UpdateConversation, **stranger))) == "not_found"
    assert (await requests.list(ask(ListConversations, **stranger))).conversations == []
    assert (await requests.visitor_messages(ask(ListVisitorMessages, **stranger))).messages == []


async def test_conversations_are_paged_newest_first_without_gaps_or_repeats(desk, ask, gate):
    desk.model_says(gate)
    for number in range(7):
        await desk.hear(desk.message("Hello", visitor=f"visitor-{number}"))
    await desk.hear(desk.message("Again", visitor="visitor-2"))
    seen, cursor = [], None
    while True:
        page = await desk.parts.requests.list(ask(ListConversations, limit=3, cursor=cursor))
        seen += [one.contact.external_id for one in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"visitor-{number}" for number in (2, 6, 5, 4, 3, 1, 0)]
    closed = await desk.parts.requests.list(ask(ListConversations, status="closed"))
    assert closed.conversations == []


async def test_a_cursor_of_somebody_else_is_refused(desk, ask):
    for cursor in ("", "x", "bm90IG91cnM=", "čšž", "MjAyNi0wMS0wMXwx"):
        refused = desk.parts.requests.list(ask(ListConversations, cursor=cursor))
        assert await code_of(refused) == "invalid_cursor"


async def test_cursors_come_back_as_they_were(desk):
    await desk.hear("Hello")
    row = await desk.conversation()
    moment, identity = row["last_message_at"], row["conversation_id"]
    assert read_cursor(write_cursor(moment, identity)) == (moment, identity)


async def test_messages_come_in_order_after_a_place(desk, ask):
    await desk.hear("one", "two")
    await desk.idle()
    listed = await desk.parts.requests.messages(ask(ListMessages, after_seq=1, limit=1))
    assert [message.text for message in listed.messages] == ["two"]
    assert (listed.last_seq, listed.more) == (3, True)
    rest = await desk.parts.requests.messages(ask(ListMessages, after_seq=2))
    assert [message.role for message in rest.messages] == ["bot"]
    assert rest.messages[0].citations[0].title == "Returns"
    assert not rest.more


async def test_a_visitor_who_comes_back_gets_what_was_missed(desk, ask):
    nobody = await desk.parts.requests.visitor_messages(
        ask(ListVisitorMessages, visitor_id="nobody")
    )
    assert (nobody.messages, nobody.last_seq) == ([], 0)
    await desk.hear("Hello")
    await desk.idle()
    missed = await desk.parts.requests.visitor_messages(ask(ListVisitorMessages, after_seq=1))
    assert [message.role for message in missed.messages] == ["bot"]


async def test_a_page_that_would_not_fit_one_message_ends_early(desk, ask, gate):
    desk.model_says(gate)
    await desk.hear(*("x" * 60_000 for _ in range(6)))
    page = await desk.parts.requests.messages(ask(ListMessages))
    assert len(page.model_dump_json()) < 256 * 1024
    assert page.more
    rest = await desk.parts.requests.messages(ask(ListMessages, after_seq=page.messages[-1].seq))
    assert rest.messages


async def test_a_message_that_fits_no_page_is_cut_on_it(desk, ask, gate):
    desk.model_says(gate)
    await desk.hear("🙂" * 64_000, "next")
    page = await desk.parts.requests.messages(ask(ListMessages))
    assert len(page.model_dump_json().encode()) < 256 * 1024
    assert page.messages[0].text.endswith("…")
    rest = await desk.parts.requests.messages(ask(ListMessages, after_seq=1))
    assert [message.text for message in rest.messages] == ["next"]


async def test_a_person_who_posts_owns_the_conversation(desk, ask):
    await desk.hear("Hello")
    await desk.idle()
    posted = (await desk.parts.requests.post(ask(PostMessage))).message
    assert (posted.seq, posted.role, posted.delivery) == (3, "agent", "planned")
    send = desk.outbox.heard(SendMessage)[-1]
    assert (send.author, send.author_name) == ("agent", "ana")
    assert (send.ownership_number, send.seq) == (2, 3)
    updated = desk.outbox.heard(ConversationUpdated)[-1]
    assert (updated.owner_kind, updated.assignee, updated.status) == (
        "human",
        "ana",
        "assigned_human",
    )
    second = await desk.parts.requests.post(ask(PostMessage, idempotency_key="2", text="Found."))
    assert second.message.seq == 4
    assert desk.outbox.heard(SendMessage)[-1].ownership_number == 2
    await desk.hear("Thanks")
    await desk.idle()
    assert (await desk.messages())[-1] == (5, "customer", "Thanks")


async def test_a_repeated_post_says_it_once(desk, ask):
    await desk.hear("Hello")
    await desk.idle()
    answers = await asyncio.gather(*(desk.parts.requests.post(ask(PostMessage)) for _ in range(5)))
    assert len({answer.message.recorded_message_id for answer in answers}) == 1
    assert {answer.message.seq for answer in answers} == {3}
    assert [send.author for send in desk.outbox.heard(SendMessage)] == ["bot", "agent"]


async def test_an_empty_post_is_refused(desk, ask):
    await desk.hear("Hello")
    assert await code_of(desk.parts.requests.post(ask(PostMessage, text=" \x00 "))) == (
        "empty_message"
    )


async def test_a_post_that_no_message_could_carry_is_refused(desk, ask):
    await desk.hear("Hello")
    long = desk.parts.requests.post(ask(PostMessage, text="🙂" * 60_000))
    assert await code_of(long) == "message_too_large"
    rows = [
        Choice(payload=str(number), title="選" * 200, description="選" * 500, url=None)
        for number in range(60)
    ]
    choices = Choices(style="list", label=None, sections=[ChoiceSection(title=None, choices=rows)])
    extras = MessageExtras(
        header=None, footer=None, media=[], choices=choices, template=None, location=None,
        reaction=None,
    )  # fmt: skip
    wide = desk.parts.requests.post(ask(PostMessage, text="?", extras=extras))
    assert await code_of(wide) == "message_too_large"


async def test_what_a_person_answered_is_not_answered_again_after_handing_back(desk, ask, gate):
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    await desk.parts.requests.post(ask(PostMessage))
    gate.open()
    await desk.idle()
    back = await desk.parts.requests.update(ask(UpdateConversation, owner_kind="bot"))
    assert (back.conversation.status, back.conversation.ownership_number) == ("active", 3)
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "agent"]


async def test_steering_is_said_and_shown(desk, ask):
    await desk.hear("Hello")
    await desk.idle()
    found = await desk.parts.requests.update(ask(UpdateConversation, owner_kind="human"))
    assert (found.conversation.owner_kind, found.conversation.ownership_number) == ("human", 2)
    assert desk.outbox.heard(HandoffRequested)[0].reason == "api"
    said = len(desk.outbox.said)
    await desk.parts.requests.update(ask(UpdateConversation, owner_kind="human"))
    assert len(desk.outbox.said) == said
    shown = await desk.parts.requests.get(ask(GetConversation))
    assert shown.conversation.status == "assigned_human"
    assert shown.conversation.contact.display_name == "Ana"


async def test_an_illegal_transition_is_refused_in_words(desk, ask):
    await desk.hear("Hello")
    await desk.parts.requests.update(ask(UpdateConversation, status="closed"))
    refused = desk.parts.requests.update(ask(UpdateConversation, status="waiting"))
    assert await code_of(refused) == "invalid_transition"


async def test_a_closed_conversation_is_reopened_by_its_customer(desk, ask):
    await desk.hear("Hello")
    await desk.idle()
    await desk.parts.requests.update(ask(UpdateConversation, owner_kind="human", assignee="ana"))
    await desk.parts.requests.update(ask(UpdateConversation, status="closed"))
    await desk.hear("One more thing")
    await desk.idle()
    assert (await desk.messages())[-1][1] == "bot"
    row = await desk.conversation()
    assert (row["status"], row["owner_kind"], row["assignee"]) == ("active", "bot", None)
    recorded = [one.message.seq for one in desk.outbox.heard(MessageRecorded)]
    assert recorded == [1, 2, 3, 4]
