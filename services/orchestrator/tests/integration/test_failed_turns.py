"""Models, searches and brokers that fail: at most one text, and never silence."""

import pytest

from bus import AskFailed, AskTimeout
from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.models import GenerateReply
from contracts.v1.turns import (
    TurnCompleted,
    TurnFailed,
)
from orchestrator import failures


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr(failures, "_MODEL_DELAYS_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(failures, "_TRANSPORT_DELAY_MAX_SECONDS", 0.02)


async def test_three_failures_of_the_model_are_one_polite_text(desk):
    desk.model_says(AskTimeout("llm-router.generate-reply.v1", 60.0))
    await desk.hear("Hello")
    await desk.settled()
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
    assert (await desk.evidence())[0][1]["failure"] == "timeout"


async def test_a_model_that_comes_back_answers(desk, gate):
    for answer in (AskTimeout("x", 1.0), "", "Here again."):
        gate.open(answer)
    desk.model_says(gate)
    await desk.hear("Hello")
    await desk.settled()
    assert (await desk.messages())[1:] == [(2, "bot", "Here again.")]
    assert [one.code for one in desk.outbox.heard(TurnFailed)] == ["timeout", "empty_answer"]
    assert (await desk.conversation())["turn_attempts"] == 0


async def test_a_broker_that_is_away_is_waited_for_longer_than_a_model(desk, gate):
    for _ in range(5):
        gate.open(AskFailed("broker_away", "not connected"))
    gate.open("Back.")
    desk.model_says(gate)
    await desk.hear("Hello")
    await desk.settled()
    assert (await desk.messages())[1:] == [(2, "bot", "Back.")]


async def test_a_refusal_is_not_asked_again(desk, say_reply):
    desk.model_says(say_reply("", finish_reason="content_filter"))
    await desk.hear("Hello")
    await desk.settled()
    assert (await desk.messages())[1:] == [
        (2, "bot", "Sorry, something went wrong. Please try again.")
    ]
    assert len([one for one in desk.bus.asked if isinstance(one, GenerateReply)]) == 1


async def test_a_tenant_without_a_failure_text_is_not_silent(desk):
    await desk.configure(failure_reply=" ")
    desk.model_says(AskFailed("invalid_request", "2 invalid fields"))
    await desk.hear("Hello")
    await desk.settled()
    assert (await desk.messages())[1][2] == failures.DEFAULT_FAILURE_REPLY


async def test_a_bug_in_answering_is_a_failure_like_any_other(desk):
    desk.model_says(RuntimeError("unexpected"))
    await desk.hear("Hello")
    await desk.settled()
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
    _, evidence = (await desk.evidence())[0]
    assert evidence["searches"][0]["failed"] == "timeout"
    assert evidence["citations_removed"] == [1]
