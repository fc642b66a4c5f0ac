"""The model gives the conversation to a person, or ends it: done with its last words, once."""

import json

import pytest

from bus import AskTimeout
from contracts.v1.models import GenerateReply, ToolCall
from contracts.v1.sending import SendMessage
from contracts.v1.turns import ConversationUpdated, HandoffRequested, TurnCompleted
from orchestrator.replies import END_REPLY


def decides(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id="1", name=name, arguments=arguments)


HAND_OFF = decides("hand_off_to_human", '{"reason": "Wants a refund of 900 EUR."}')


def then(gate, say_reply, call: ToolCall, words: str | Exception) -> None:
    gate.open(say_reply("", tool_calls=[call], finish_reason="tool_calls"))
    gate.open(words)


async def test_the_model_hands_over_and_the_bot_is_silent(desk, gate, say_reply):
    desk.model_says(gate)
    then(gate, say_reply, HAND_OFF, "A colleague will take over.")
    await desk.hear("I want my 900 EUR back, now!")
    await desk.idle()
    (send,) = desk.outbox.heard(SendMessage)
    (request,) = desk.outbox.heard(HandoffRequested)
    (updated,) = desk.outbox.heard(ConversationUpdated)
    (completed,) = desk.outbox.heard(TurnCompleted)
    assert send.body.text == "A colleague will take over."
    assert (request.reason, request.detail) == ("model", "Wants a refund of 900 EUR.")
    assert (updated.owner_kind, updated.status) == ("human", "assigned_human")
    assert completed.outcome == "handed_off"
    numbers = {send.ownership_number, request.ownership_number, updated.ownership_number}
    assert numbers == {2}, "the last words travel under the number that silences the bot"
    await desk.hear("Hello?")
    await desk.idle()
    assert len(desk.outbox.heard(SendMessage)) == 1
    ((outcome, evidence),) = await desk.evidence()
    assert (outcome, evidence["decision"]) == ("handed_off", "handoff_model")


async def test_a_handover_without_words_says_the_tenants(desk, gate, say_reply):
    await desk.configure(handoff_reply="Ana is on her way.")
    desk.model_says(gate)
    then(gate, say_reply, HAND_OFF, "")
    await desk.hear("A person, please")
    await desk.idle()
    assert [one.body.text for one in desk.outbox.heard(SendMessage)] == ["Ana is on her way."]


async def test_a_handover_is_done_where_the_model_then_falls_silent(desk, gate, say_reply):
    desk.model_says(gate)
    then(gate, say_reply, HAND_OFF, AskTimeout("llm-router.generate-reply.v1", 60.0))
    await desk.configure(handoff_reply="Ana is on her way.")
    await desk.hear("A person, please")
    await desk.idle()
    assert [one.body.text for one in desk.outbox.heard(SendMessage)] == ["Ana is on her way."]
    assert len(desk.outbox.heard(HandoffRequested)) == 1
    assert (await desk.conversation())["owner_kind"] == "human"


async def test_who_took_over_before_the_words_were_said_is_not_overruled(desk, gate, say_reply):
    desk.model_says(gate)
    gate.open(say_reply("", tool_calls=[HAND_OFF], finish_reason="tool_calls"))
    await desk.hear("I want my money back")
    await gate.next_question()
    await gate.next_question()
    await desk.take_over(assignee="ana")
    gate.open("A colleague will take over.")
    await desk.idle()
    assert desk.outbox.heard(SendMessage) == []
    assert desk.outbox.heard(HandoffRequested) == []
    assert (await desk.conversation())["assignee"] == "ana"


async def test_the_model_ends_what_the_customer_ended(desk, gate, say_reply):
    desk.model_says(gate)
    then(gate, say_reply, decides("end_conversation"), "Good-bye!")
    await desk.hear("Thanks, that was all.")
    await desk.idle()
    conversation = await desk.conversation()
    assert (conversation["status"], conversation["owner_kind"]) == ("resolved", "bot")
    gate.open("Hello again!")
    await desk.hear("Do you ship lamps to Norway?")
    await desk.idle()
    assert (await desk.conversation())["status"] == "active"
    assert [one.body.text for one in desk.outbox.heard(SendMessage)] == [
        "Good-bye!",
        "Hello again!",
    ]


@pytest.mark.parametrize(
    ("beside", "said"), [("You are welcome!", "You are welcome!"), ("", END_REPLY["en"])]
)
async def test_a_good_bye_may_stand_beside_the_decision(desk, gate, say_reply, beside, said):
    desk.model_says(gate)
    wish = [decides("end_conversation")]
    gate.open(say_reply(beside, tool_calls=wish, finish_reason="tool_calls"))
    gate.open("")
    await desk.hear("Thanks, that was all.")
    await desk.idle()
    assert [one.body.text for one in desk.outbox.heard(SendMessage)] == [said]
    assert (await desk.conversation())["status"] == "resolved"


async def test_what_was_closed_meanwhile_stays_closed(desk, gate, say_reply):
    desk.model_says(gate)
    gate.open(say_reply("", tool_calls=[decides("end_conversation")], finish_reason="tool_calls"))
    await desk.hear("Thanks!")
    await gate.next_question()
    await gate.next_question()
    await desk.take_over(owner_kind=None, assignee=None, status="closed")
    gate.open("Good-bye!")
    await desk.idle()
    assert (await desk.conversation())["status"] == "closed"


async def test_who_writes_meanwhile_is_not_done(desk, gate, say_reply):
    await desk.configure(supersede=False)
    desk.model_says(gate)
    gate.open(say_reply("", tool_calls=[decides("end_conversation")], finish_reason="tool_calls"))
    await desk.hear("Thanks!")
    await gate.next_question()
    await gate.next_question()
    await desk.hear("Wait, how long is the warranty?")
    gate.open("Good-bye!")
    gate.open("Two years.")
    await desk.idle()
    assert (await desk.conversation())["status"] == "active"
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_a_reason_is_bounded_and_needed(desk, gate, say_reply):
    desk.model_says(gate)
    for arguments in ("{}", json.dumps({"reason": "x" * 401})):
        wish = decides("hand_off_to_human", arguments)
        gate.open(say_reply("", tool_calls=[wish], finish_reason="tool_calls"))
    gate.open("I can help.")
    await desk.hear("Help")
    await desk.idle()
    questions = [one for one in desk.bus.asked if isinstance(one, GenerateReply)]
    assert all("invalid arguments" in one.messages[-1].content for one in questions[1:])
    assert desk.outbox.heard(HandoffRequested) == []
