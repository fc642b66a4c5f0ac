"""Turns on a real database: one answer for all that was said, said by the right one, once."""

import asyncio
import json
from uuid import uuid5

import pytest

from bus import AskFailed, AskTimeout
from contracts.v1.conversations import PostMessage, UpdateConversation
from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.models import GenerateReply
from contracts.v1.sending import SendMessage
from contracts.v1.turns import (
    ConversationUpdated,
    MessageRecorded,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
)
from orchestrator import failures
from orchestrator.domain import turn_identity
from orchestrator.turns import TurnWorker
from testkit import eventually_async


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr(failures, "_MODEL_DELAYS_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(failures, "_TRANSPORT_DELAY_MAX_SECONDS", 0.02)


async def evidence_of(desk):
    rows = await desk.rows("select outcome, evidence from turns order by first_seq")
    return [(row["outcome"], json.loads(row["evidence"])) for row in rows]


def take_over(desk, **change):
    fields = {
        "conversation_id": desk.conversation_of(),
        "status": None,
        "owner_kind": "human",
        "assignee": "ana",
        **change,
    }
    return desk.parts.requests.update(UpdateConversation.make(tenant_id=desk.tenant_id, **fields))


async def settled(desk):
    """Wait until no conversation waits for a turn, retries included."""

    async def look():
        await desk.idle()
        return not await desk.rows("select 1 from conversations where turn_due_at is not null")

    await eventually_async(look, "every turn is over")
    await desk.idle()


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
    outcome, evidence = (await evidence_of(desk))[0]
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


async def test_what_arrives_during_a_turn_is_one_next_turn(desk, gate):
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
    await settled(desk)
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
    outcome, evidence = (await evidence_of(desk))[0]
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
    visitors = [f"visitor-{number}" for number in range(30)]
    for number, visitor in enumerate(visitors):
        await desk.hear(desk.message("Hello", visitor=visitor))
        await asyncio.sleep(number * 0.0003)
        await take_over(desk, conversation_id=desk.conversation_of(visitor))
    await desk.idle()
    order = [
        (message.conversation_id, type(message).__name__)
        for message in desk.outbox.said
        if isinstance(message, ConversationUpdated | SendMessage)
    ]
    for visitor in visitors:
        said = [name for where, name in order if where == desk.conversation_of(visitor)]
        assert said in (["ConversationUpdated"], ["SendMessage", "ConversationUpdated"])


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
    await take_over(desk)
    gate.open("Never said.")
    await desk.idle()
    await take_over(desk, status="active", owner_kind="bot", assignee=None)
    question = await gate.next_question()
    assert question.messages[-1].content == "Where is my order?"
    gate.open("It is on its way.")
    await desk.idle()
    assert (await desk.messages())[-1] == (2, "bot", "It is on its way.")
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["suppressed", "answered"]
    rows = await desk.rows("select outcome, evidence->'earlier'->>'unsaid' as unsaid from turns")
    assert rows == [{"outcome": "answered", "unsaid": "Never said."}]


async def test_a_live_lease_keeps_every_other_worker_away(desk, gate):
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    other = desk.another_process()
    assert await other.runner.sweep_once() == 0
    other.runner.wake(desk.tenant_id, desk.conversation_of())
    await other.runner.until_idle()
    assert gate.asked.empty()
    assert (await desk.conversation())["lease_epoch"] == 1
    gate.open()
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 1


async def test_a_worker_that_lost_its_lease_writes_nothing(short_lease_desk, gate):
    desk = short_lease_desk
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    other = desk.another_process()

    async def taken_over():
        await other.runner.sweep_once()
        return not gate.asked.empty()

    await eventually_async(taken_over, "another process takes the conversation over")
    gate.open("From the first.")
    await desk.idle()
    assert await desk.messages() == [(1, "customer", "Hello")]
    assert desk.outbox.heard(TurnCompleted) == []
    gate.open("From the second.")
    await other.runner.until_idle()
    assert (await desk.messages())[1:] == [(2, "bot", "From the second.")]
    assert [one.attempt for one in desk.outbox.heard(TurnStarted)] == [1, 2]
    assert len(desk.outbox.heard(SendMessage)) == 1
    await other.runner.stop(grace_seconds=0.0)


async def test_a_stale_epoch_is_refused_by_every_write(desk, gate):
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    async with desk.database.transaction(desk.tenant_id) as tx:
        await tx.execute("update conversations set lease_epoch = lease_epoch + 1")
    before = await desk.rows("select * from conversations")
    gate.open(AskFailed("no_model", "None answered."))
    await desk.idle()
    assert await desk.rows("select * from conversations") == before
    assert await desk.rows("select 1 from turns") == []
    assert desk.outbox.heard(TurnFailed) == []


async def test_heartbeats_keep_a_lease_and_notice_a_lost_one(short_lease_desk, gate):
    desk = short_lease_desk
    desk.model_says(gate)
    beating = asyncio.create_task(desk.parts.runner.heartbeat())
    await desk.hear("Hello")
    await gate.next_question()
    first = (await desk.conversation())["lease_until"]

    async def renewed():
        return (await desk.conversation())["lease_until"] > first

    await eventually_async(renewed, "the lease is renewed")
    assert desk.parts.runner.in_progress == 1
    async with desk.database.transaction(desk.tenant_id) as tx:
        await tx.execute("update conversations set lease_epoch = lease_epoch + 1")
    await desk.idle()
    assert await desk.messages() == [(1, "customer", "Hello")]
    beating.cancel()


async def test_a_crash_in_the_middle_heals_when_the_lease_runs_out(short_lease_desk):
    desk = short_lease_desk
    await desk.hear("Hello")
    await desk.idle()
    async with desk.database.system() as tx:
        await tx.execute("delete from messages where role = 'bot'")
        await tx.execute("delete from turns")
        await tx.execute(
            "update conversations set last_seq = 1, last_answered_seq = 0, lease_epoch = 7,"
            " lease_until = clock_timestamp() + interval '0.5 s', turn_attempts = 1,"
            " turn_due_at = clock_timestamp()"
        )
    assert await desk.parts.runner.sweep_once() == 0
    sweeping = asyncio.create_task(desk.parts.runner.sweep())
    await settled(desk)
    assert [role for _, role, _ in await desk.messages()] == ["customer", "bot"]
    sweeping.cancel()


async def test_a_reply_whose_commit_was_not_heard_of_is_said_once(desk, monkeypatch):
    saved = desk.parts.worker._saved

    async def saved_again_although_it_was(save):
        if "_commit" in save.__qualname__:
            await saved(save)
        return await saved(save)

    monkeypatch.setattr(TurnWorker, "_saved", lambda _, save: saved_again_although_it_was(save))
    await desk.hear("Hello")
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "bot"]
    assert len(desk.outbox.heard(SendMessage)) == 1
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["answered"]


async def test_three_failures_of_the_model_are_one_polite_text(desk):
    desk.model_says(AskTimeout("llm-router.generate-reply.v1", 60.0))
    await desk.hear("Hello")
    await settled(desk)
    assert (await desk.messages())[1:] == [
        (2, "bot", "Sorry, something went wrong. Please try again.")
    ]
    failed = desk.outbox.heard(TurnFailed)
    assert [(one.code, one.final) for one in failed] == [
        ("timeout", False),
        ("timeout", False),
        ("timeout", True),
    ]
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["failed_politely"]
    assert (await evidence_of(desk))[0][1]["failure"] == "timeout"


async def test_a_model_that_comes_back_answers(desk, gate):
    for answer in (AskTimeout("x", 1.0), "", "Here again."):
        gate.open(answer)
    desk.model_says(gate)
    await desk.hear("Hello")
    await settled(desk)
    assert (await desk.messages())[1:] == [(2, "bot", "Here again.")]
    assert [one.code for one in desk.outbox.heard(TurnFailed)] == ["timeout", "empty_answer"]
    assert (await desk.conversation())["turn_attempts"] == 0


async def test_a_broker_that_is_away_is_waited_for_longer_than_a_model(desk, gate):
    for _ in range(5):
        gate.open(AskFailed("broker_away", "not connected"))
    gate.open("Back.")
    desk.model_says(gate)
    await desk.hear("Hello")
    await settled(desk)
    assert (await desk.messages())[1:] == [(2, "bot", "Back.")]


async def test_a_refusal_is_not_asked_again(desk, say_reply):
    desk.model_says(say_reply("", finish_reason="content_filter"))
    await desk.hear("Hello")
    await settled(desk)
    assert (await desk.messages())[1:] == [
        (2, "bot", "Sorry, something went wrong. Please try again.")
    ]
    assert len([one for one in desk.bus.asked if isinstance(one, GenerateReply)]) == 1


async def test_a_tenant_without_a_failure_text_is_not_silent(desk):
    await desk.configure(failure_reply=" ")
    desk.model_says(AskFailed("invalid_request", "2 invalid fields"))
    await desk.hear("Hello")
    await settled(desk)
    assert (await desk.messages())[1][2] == failures.DEFAULT_FAILURE_REPLY


async def test_a_bug_in_answering_is_a_failure_like_any_other(desk):
    desk.model_says(RuntimeError("unexpected"))
    await desk.hear("Hello")
    await settled(desk)
    assert {one.code for one in desk.outbox.heard(TurnFailed)} == {"internal_error"}
    assert (await desk.messages())[1][1] == "bot"


async def test_tries_that_ended_with_their_process_end_politely(desk):
    await desk.hear("Hello")
    await desk.idle()
    desk.bus.asked.clear()
    async with desk.database.system() as tx:
        await tx.execute("update conversations set turn_attempts = 8")
    await desk.hear("Again")
    await desk.idle()
    assert (await desk.messages())[-1] == (
        4,
        "bot",
        "Sorry, something went wrong. Please try again.",
    )
    assert desk.outbox.heard(TurnFailed)[0].code == "turn_crashed"
    assert desk.bus.asked == []


async def test_a_search_that_fails_is_answered_honestly_without_passages(desk):
    desk.bus.answers[SearchKnowledge] = AskTimeout("retriever.search-knowledge.v1", 3.0)
    desk.model_says("I cannot look that up at the moment [1].")
    await desk.hear("Returns?")
    await desk.idle()
    asked = desk.bus.asked[-1]
    assert asked.passages == []
    assert "could not be reached" in asked.messages[0].content
    assert (await desk.messages())[1][2] == "I cannot look that up at the moment."
    _, evidence = (await evidence_of(desk))[0]
    assert evidence["searches"][0]["failed"] == "timeout"
    assert evidence["citations_removed"] == [1]


async def test_stopping_gives_the_lease_back_and_does_not_count_the_try(desk, gate):
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    await desk.parts.runner.stop(grace_seconds=0.0)
    row = await desk.conversation()
    assert (row["lease_until"], row["turn_attempts"], row["lease_epoch"]) == (None, 0, 1)
    other = desk.another_process()
    desk.model_says("From another process.")
    assert await other.runner.sweep_once() == 1
    await other.runner.until_idle()
    assert (await desk.messages())[1:] == [(2, "bot", "From another process.")]


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
