"""Turns on a real database: one answer for all that was said, said by the right one, once."""

import asyncio
from uuid import uuid5

from contracts.v1.conversations import PostMessage
from contracts.v1.models import GenerateReply
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import MediaRef, MessageContent
from contracts.v1.turns import (
    ConversationUpdated,
    MessageRecorded,
    TurnCompleted,
    TurnStarted,
)
from orchestrator.domain import turn_identity
from testkit import eventually_async


async def test_a_question_gets_one_cited_answer_and_its_evidence(desk):
    await desk.hear("How long do I have to return an item?")
    await desk.idle()
    assert await desk.messages() == [
        (1, "customer", "How long do I have to return an item?"),
        (2, "bot", "You have 30 days [1]."),
    ]
    turn_id = turn_identity(desk.conversation_of(), 1)
    send = desk.outbox.heard(SendMessage)[0]
    assert (send.send_id, send.turn_id, send.seq) == (uuid5(turn_id, "0"), turn_id, 2)
    assert (send.author, send.ownership_number, send.reply_to) == ("bot", 1, None)
    assert send.body.citations[0].title == "Returns"
    completed = desk.outbox.heard(TurnCompleted)[0]
    assert (completed.outcome, completed.seq, completed.cost_usd) == ("answered", 2, 0.001)
    assert completed.correlation_id == turn_id
    assert desk.outbox.heard(MessageRecorded)[1].message.citations[0].number == 1
    outcome, evidence = (await desk.evidence())[0]
    assert outcome == "answered"
    assert evidence["passages"][0]["score"] == 0.9
    assert evidence["prompt"][-1]["content"] == "How long do I have to return an item?"
    assert evidence["model_calls"][0]["model"] == "builtin/extractive"
    assert {"context", "retrieve", "llm"} <= set(evidence["milliseconds"])
    row = await desk.conversation()
    assert (row["lease_until"], row["turn_due_at"], row["turn_attempts"]) == (None, None, 0)


async def test_the_model_gets_passages_tools_and_a_stream(desk):
    await desk.hear("Returns?")
    await desk.idle()
    asked = desk.bus.asked[-1]
    assert isinstance(asked, GenerateReply)
    assert asked.passages[0].number == 1
    assert asked.tools[0].name == "search_knowledge_base"
    assert asked.stream.visitor_id == "visitor-1"
    assert asked.stream.attempt >= desk.outbox.heard(TurnStarted)[0].attempt


async def test_the_next_turn_remembers_the_last_one_and_what_was_shown(desk):
    await desk.hear("How long do I have?")
    await desk.idle()
    media = MediaRef(
        provider_media_id="7", mime_type=None, file_name="lamp.jpg", sha256=None, size_bytes=None
    )
    content = MessageContent(kind="image", text="And for this?", media=media, data=None)
    await desk.hear(desk.message("", content=content))
    await desk.idle()
    told = [(message.role, message.content) for message in desk.bus.asked[-1].messages[1:]]
    assert told == [
        ("user", "How long do I have?"),
        ("assistant", "You have 30 days [1]."),
        ("user", "And for this?\n[image: lamp.jpg]"),
    ]
    assert desk.outbox.heard(MessageRecorded)[2].message.content.media.file_name == "lamp.jpg"


async def test_what_arrives_during_a_turn_is_one_next_turn(desk, gate):
    await desk.configure(supersede=False)
    desk.model_says(gate)
    await desk.hear("first")
    await gate.next_question()
    for number in range(5):
        await desk.hear(f"more {number}")
    gate.open("To the first.")
    question = await gate.next_question()
    assert question.messages[-1].content == "more 0\nmore 1\nmore 2\nmore 3\nmore 4"
    gate.open("To the five.")
    await desk.idle()
    assert (await desk.messages())[-2:] == [
        (7, "bot", "To the first."),
        (8, "bot", "To the five."),
    ]
    started = [(one.first_seq, one.last_seq) for one in desk.outbox.heard(TurnStarted)]
    assert started == [(1, 1), (2, 6)]
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_a_burst_within_the_coalescing_time_is_one_turn(desk):
    await desk.configure(coalesce_milliseconds=150)
    for word in ("I", "have", "a", "question"):
        await desk.hear(word)
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()] == ["customer"] * 4 + ["bot"]
    assert desk.bus.asked[-1].messages[-1].content == "I\nhave\na\nquestion"


async def test_an_agent_who_speaks_during_a_turn_silences_the_bot(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    await desk.parts.requests.post(
        PostMessage.make(
            tenant_id=desk.tenant_id,
            conversation_id=desk.conversation_of(),
            idempotency_key="1",
            author="ana",
            text="Let me look.",
        )
    )
    gate.open("It is on its way.")
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "agent"]
    assert [send.author for send in desk.outbox.heard(SendMessage)] == ["agent"]
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["suppressed"]
    outcome, evidence = (await desk.evidence())[0]
    assert (outcome, evidence["unsaid"]) == ("suppressed", "It is on its way.")
    assert (await desk.conversation())["lease_until"] is None


async def test_a_takeover_that_commits_while_the_reply_waits_for_the_lock_wins(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    async with desk.database.transaction(desk.tenant_id) as tx:
        await tx.execute(
            "update conversations set owner_kind = 'human', status = 'assigned_human',"
            " ownership_number = 2, turn_due_at = null"
        )
        gate.open("It is on its way.")
        await eventually_async(
            lambda: desk.rows(
                "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database()"
            ),
            "the reply's commit waits for the row",
        )
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer"]
    assert desk.outbox.heard(SendMessage) == []


async def test_a_takeover_at_any_moment_of_a_turn_is_never_talked_over(desk):
    taken_at = {}
    for number in range(30):
        visitor = f"visitor-{number}"
        await desk.hear(desk.message("Hello", visitor=visitor))
        await asyncio.sleep(number * 0.0003)
        taken_at[visitor] = await desk.take_over(conversation_id=desk.conversation_of(visitor))
    await desk.idle()
    for visitor, last_seq in taken_at.items():
        said = await desk.messages(visitor)
        assert len(said) == last_seq, "the bot spoke after the takeover"
    sends = {send.conversation_id: send for send in desk.outbox.heard(SendMessage)}
    assert len(sends) == sum(last_seq - 1 for last_seq in taken_at.values())
    assert {send.ownership_number for send in sends.values()} <= {1}
    assert {one.ownership_number for one in desk.outbox.heard(ConversationUpdated)} == {2}


async def test_a_keyword_during_a_turn_hands_over_all_that_waits(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    await desk.hear("human!")
    gate.open("It is on its way.")
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "customer", "system"]
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["handed_off"]
    rows = await desk.rows("select first_seq, last_seq, outcome from turns")
    assert rows == [{"first_seq": 1, "last_seq": 2, "outcome": "handed_off"}]


async def test_handed_back_the_bot_goes_on_with_what_nobody_answered(desk, gate):
    desk.model_says(gate)
    await desk.hear("Where is my order?")
    await gate.next_question()
    await desk.take_over()
    gate.open("Never said.")
    await desk.idle()
    await desk.take_over(status="active", owner_kind="bot", assignee=None)
    question = await gate.next_question()
    assert question.messages[-1].content == "Where is my order?"
    gate.open("It is on its way.")
    await desk.idle()
    assert (await desk.messages())[-1] == (2, "bot", "It is on its way.")
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["suppressed", "answered"]
    rows = await desk.rows("select outcome, evidence->'earlier'->>'unsaid' as unsaid from turns")
    assert rows == [{"outcome": "answered", "unsaid": "Never said."}]


async def test_a_slow_conversation_does_not_hold_up_others(desk, gate, say_reply):
    async def by_visitor(request):
        if request.stream.visitor_id == "slow":
            return await gate(request)
        return say_reply("Quick.")

    desk.model_says(by_visitor)
    await desk.hear(desk.message("Hello", visitor="slow"))
    await gate.next_question()
    await desk.hear(*(desk.message("Hello", visitor=f"quick-{n}") for n in range(10)))

    async def all_answered():
        return len(desk.outbox.heard(SendMessage)) == 10

    await eventually_async(all_answered, "ten others are answered")
    gate.open()
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 11
