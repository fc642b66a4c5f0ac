"""A newer message throws the answer in the making away: one answer, for all that was said."""

import pytest

import observe
from bus import AskFailed, AskTimeout
from contracts.v1.conversations import ListVisitorMessages, PostMessage
from contracts.v1.models import CallAbandoned, GenerateReply
from contracts.v1.sending import SendMessage
from contracts.v1.turns import HandoffRequested, TurnCompleted, TurnStarted
from orchestrator import failures, superseding


def abandoned(desk):
    return [one.request_id for one in desk.bus.streamed if isinstance(one, CallAbandoned)]


async def test_a_newer_message_begins_the_answer_anew(desk, gate):
    desk.model_says(gate)
    await desk.hear("Do you have the red lamp?")
    first = await gate.next_question()
    await desk.hear("The big one, I mean.")
    second = await gate.next_question()
    assert second.messages[-1].content == "Do you have the red lamp?\nThe big one, I mean."
    assert second.stream.attempt > first.stream.attempt
    assert (second.stream.turn_id, abandoned(desk)) == (first.stream.turn_id, [first.message_id])
    gate.open("Yes, in big too.")
    await desk.idle()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "customer", "bot"]
    started = [(one.turn_id, one.first_seq, one.last_seq) for one in desk.outbox.heard(TurnStarted)]
    assert started == [(first.stream.turn_id, 1, 1), (first.stream.turn_id, 1, 2)]
    completed = desk.outbox.heard(TurnCompleted)
    assert [(one.outcome, one.superseded) for one in completed] == [("answered", 1)]
    outcome, evidence = (await desk.evidence())[0]
    (thrown_away,) = evidence["thrown_away"]
    assert (outcome, thrown_away["last_seq"], "earlier" in evidence) == ("answered", 1, False)
    (call,) = thrown_away["model_calls"]
    assert (call["outcome"], call["cost_usd"]) == ("abandoned", None)
    assert (await desk.conversation())["turn_attempts"] == 0


async def test_a_message_that_another_replica_recorded_is_noticed(desk, gate):
    desk.model_says(gate)
    await desk.hear("first")
    await gate.next_question()
    other = desk.another_process()
    await desk.hear("second", parts=other)
    assert gate.asked.empty()
    await desk.parts.watch.look_once()
    assert (await gate.next_question()).messages[-1].content == "first\nsecond"
    gate.open()
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 1


async def test_a_message_between_the_last_look_and_the_commit_is_answered_too(desk, monkeypatch):
    other, said = desk.another_process(), []

    async def write_more(place):
        if place == "orchestrator.before_reply_commit" and not said:
            said.append(place)
            await desk.hear("second", parts=other)

    monkeypatch.setattr(observe, "afailpoint", write_more)
    await desk.hear("first")
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "customer", "bot"]
    assert len(desk.outbox.heard(SendMessage)) == 1
    (record,) = (await desk.evidence())[0][1]["thrown_away"]
    assert record["unsaid"] == "You have 30 days [1]."
    assert (record["model_calls"][0]["outcome"], record["cost_usd"]) == ("answered", 0.001)


async def test_who_never_stops_writing_is_answered_after_some_restarts(desk, gate, monkeypatch):
    monkeypatch.setattr(superseding, "RESTARTS_MAX", 2)
    desk.model_says(gate)
    await desk.hear("0")
    for number in range(1, 3):
        await gate.next_question()
        await desk.hear(str(number))
    assert (await gate.next_question()).messages[-1].content == "0\n1\n2"
    await desk.hear("3")
    await desk.parts.watch.look_once()
    gate.open("To three.")
    assert (await gate.next_question()).messages[-1].content == "3"
    gate.open("To the last.")
    await desk.settled()
    assert [text for _, role, text in await desk.messages() if role == "bot"] == [
        "To three.",
        "To the last.",
    ]
    completed = desk.outbox.heard(TurnCompleted)
    assert [one.superseded for one in completed] == [2, 0]


async def test_who_has_waited_long_gets_the_answer_that_is_being_written(desk, gate, monkeypatch):
    monkeypatch.setattr(superseding, "RESTART_WITHIN_SECONDS", 0.0)
    desk.model_says(gate)
    await desk.hear("first")
    await gate.next_question()
    await desk.hear("second")
    gate.open("To the first.")
    assert (await gate.next_question()).messages[-1].content == "second"
    gate.open("To the second.")
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_somebody_who_takes_over_between_two_runs_is_left_alone(desk, gate):
    desk.model_says(gate)
    await desk.hear("first")
    await gate.next_question()
    await desk.hear("second")
    question = await gate.next_question()
    await desk.take_over()
    await desk.idle()
    assert abandoned(desk)[-1] == question.message_id
    assert [role for _, role, _ in await desk.messages()] == ["customer", "customer"]
    completed = desk.outbox.heard(TurnCompleted)
    assert [(one.outcome, one.superseded) for one in completed] == [("suppressed", 1)]
    outcome, evidence = (await desk.evidence())[0]
    assert (outcome, evidence["cut"], len(evidence["thrown_away"])) == (
        "suppressed",
        "taken_over",
        1,
    )


@pytest.mark.parametrize("owner", ["human", "integrator", "nobody"])
async def test_a_takeover_ends_the_model_call_at_once_and_the_bot_knows_later(desk, gate, owner):
    desk.model_says(gate)
    await desk.hear("Where is my parcel?")
    question = await gate.next_question()
    await desk.take_over(owner_kind=owner, assignee="ana" if owner == "human" else None)
    await desk.idle()  # nobody answered the model's question: the run was cut
    assert abandoned(desk) == [question.message_id]
    assert desk.outbox.heard(SendMessage) == []
    await desk.take_over(owner_kind="bot", status="active", assignee=None)
    again = await gate.next_question()
    assert again.messages[-1].content == "Where is my parcel?"
    gate.open("On its way.")
    await desk.idle()
    assert [send.ownership_number for send in desk.outbox.heard(SendMessage)] == [3]


async def test_handed_back_the_bot_knows_what_the_person_said(desk, gate):
    await desk.hear("Where is my parcel?")
    await desk.idle()
    await desk.parts.requests.post(
        PostMessage.make(
            tenant_id=desk.tenant_id,
            conversation_id=desk.conversation_of(),
            idempotency_key="1",
            author="ana",
            text="It is at your neighbour's.",
        )
    )
    await desk.take_over(owner_kind="bot", status="active", assignee=None)
    desk.model_says(gate)
    await desk.hear("Which neighbour?")
    question = await gate.next_question()
    assert any("It is at your neighbour's." in one.content for one in question.messages[:-1])
    gate.open("Number 5.")
    await desk.idle()


async def test_a_call_whose_time_is_up_is_abandoned(desk, monkeypatch):
    monkeypatch.setattr(failures, "_MODEL_DELAYS_SECONDS", (0.01, 0.02))
    desk.model_says(AskTimeout("llm-router.generate-reply.v1", 60.0))
    await desk.hear("Hello")
    await desk.settled()
    asked = [one.message_id for one in desk.bus.asked if isinstance(one, GenerateReply)]
    assert abandoned(desk) == asked
    assert len(asked) == 3


async def test_where_the_tenant_wants_it_a_failure_brings_a_person(desk):
    await desk.configure(on_failure="hand_over")
    desk.model_says(AskFailed("content_filter", "No."))
    await desk.hear("Hello")
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "bot"]
    row = await desk.conversation()
    assert (row["owner_kind"], row["ownership_number"]) == ("human", 2)
    (asked,) = desk.outbox.heard(HandoffRequested)
    assert (asked.reason, asked.detail) == ("error", "content_filter: No.")
    assert [send.ownership_number for send in desk.outbox.heard(SendMessage)] == [2]
    assert [one.outcome for one in desk.outbox.heard(TurnCompleted)] == ["failed_politely"]


async def test_what_was_refused_outside_was_never_said(desk, gate):
    await desk.hear("Where is my parcel?")
    await desk.idle()
    async with desk.database.system() as tx:  # channel-ingress heard of a takeover before it
        await tx.execute(
            "update messages set delivery = 'failed', delivery_code = 'stale_ownership'"
            " where role = 'bot'"
        )
    asked = ListVisitorMessages.make(
        tenant_id=desk.tenant_id,
        channel_id=desk.channel_id,
        visitor_id="visitor-1",
        after_seq=0,
        limit=10,
    )
    replayed = await desk.parts.requests.visitor_messages(asked)
    assert [one.role for one in replayed.messages] == ["customer"]
    assert (replayed.last_seq, replayed.more) == (2, False)
    desk.model_says(gate)
    await desk.hear("Hello?")
    question = await gate.next_question()
    assert [one.role for one in question.messages[1:]] == ["user", "user"]
    gate.open()
    await desk.idle()


@pytest.mark.parametrize("status", ["resolved", "closed"])
async def test_an_answer_to_what_was_ended_meanwhile_is_not_said(desk, gate, status):
    await desk.configure(rewrite_questions=False)
    desk.model_says(gate)
    await desk.hear("Never mind")
    await gate.next_question()
    await desk.take_over(owner_kind=None, assignee=None, status=status)
    await desk.idle()
    row = await desk.conversation()
    assert (row["turn_due_at"], row["last_answered_seq"], row["status"]) == (None, 1, status)
    assert desk.outbox.heard(SendMessage) == []
    await desk.hear("One more thing")
    assert (await gate.next_question()).messages[-1].content == "One more thing"
    gate.open()
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 1
