"""Other settings on talks, past turns and shares of conversations; nothing of it is said."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from bus import AskTimeout, Refused
from contracts.v1.knowledge import SearchKnowledge
from contracts.v1.models import EmbedTexts, GenerateReply, TextsEmbedded
from contracts.v1.sending import SendMessage
from contracts.v1.trying import (
    ExperimentRule,
    ExperimentStopped,
    GetReplay,
    ListExperiments,
    ListReplayTurns,
    StartExperiment,
    StartReplay,
    StopExperiment,
    StopReplay,
    TriedMessage,
    TryReply,
)
from orchestrator.trial_numbers import takes_part

from .desk import Desk, reply

RULE = ExperimentRule(
    turns_min=2,
    failures_percent_more=None,
    handoffs_percent_more=None,
    cost_percent_more=50.0,
    seconds_percent_more=None,
)


def customer(text: str) -> TriedMessage:
    return TriedMessage(role="customer", text=text)


def asked(desk: Desk, kind: type[Any] = GenerateReply) -> list[Any]:
    return [request for request in desk.bus.asked if isinstance(request, kind)]


async def tried(desk: Desk, *messages: TriedMessage, **more: Any) -> Any:
    fields = {"overrides": None, "tools": "recorded", "language": None, **more}
    request = TryReply.make(tenant_id=desk.tenant_id, messages=list(messages), **fields)
    return await desk.parts.trials.trying.reply(request)


async def started(desk: Desk, overrides: dict[str, Any], **more: Any) -> Any:
    fields = {
        "since": None,
        "until": None,
        "conversation_ids": None,
        "turns_max": 50,
        "budget_usd": None,
        **more,
    }
    request = StartReplay.make(
        tenant_id=desk.tenant_id, name="x", overrides=json.dumps(overrides), **fields
    )
    return (await desk.parts.trials.replays.start(request)).replay


async def experiment(desk: Desk, kind: str, overrides: dict[str, Any], **more: Any) -> Any:
    fields = {"percent": 100.0, "rule": RULE, "budget_usd": None, **more}
    request = StartExperiment.make(
        tenant_id=desk.tenant_id,
        name="x",
        experiment_kind=kind,
        overrides=json.dumps(overrides),
        **fields,
    )
    return (await desk.parts.trials.experiments.start(request)).experiment


async def worked_off(desk: Desk) -> None:
    async with asyncio.timeout(20):
        while await desk.parts.trials.rehearsing.round():
            pass


async def test_a_talk_is_answered_with_evidence_and_leaves_nothing(desk):
    answer = await tried(
        desk,
        customer("Hi"),
        TriedMessage(role="bot", text="Hello!"),
        customer("How long may I return shoes?"),
    )
    assert answer.answer.text == "You have 30 days [1]."
    assert [cited.title for cited in answer.answer.citations] == ["Returns"]
    assert (answer.answer.cost_usd, answer.answer.decision) == (0.001, "answer")
    evidence = json.loads(answer.evidence)
    assert evidence["passages"]
    assert "Hello!" in json.dumps(evidence["prompt"])
    (question,) = asked(desk)
    assert (question.spent_for, question.stream) == ("trial", None)
    assert desk.outbox.said == []
    for table in ("conversations", "messages", "turns"):
        assert not await desk.rows(f"select 1 from {table}")


async def test_other_settings_reach_model_and_search(desk):
    overrides = {"model": "openai/gpt-5", "system_prompt": "Be brief.", "keyword_weight": 1.0}
    await tried(desk, customer("How long may I return shoes?"), overrides=json.dumps(overrides))
    (question,) = asked(desk)
    (search,) = asked(desk, SearchKnowledge)
    assert question.model == "openai/gpt-5"
    assert "Be brief." in question.messages[0].content
    assert search.tuning.keyword_weight == 1.0


@pytest.mark.parametrize(
    "overrides", ["no json", "[]", '{"nonsense": 1}', '{"model": 7}', '{"embedding_model": "x/y"}']
)
async def test_settings_that_are_none_are_refused(desk, overrides):
    with pytest.raises(Refused) as refused:
        await tried(desk, customer("Hi"), overrides=overrides)
    assert refused.value.code == "invalid_settings"


async def test_a_talk_that_the_bot_said_last_is_refused(desk):
    with pytest.raises(Refused) as refused:
        await tried(desk, customer("Hi"), TriedMessage(role="bot", text="Hello!"))
    assert refused.value.code == "invalid_messages"


async def test_a_word_for_a_person_brings_one_before_any_model(desk):
    answer = (await tried(desk, customer("A real person, please"))).answer
    assert (answer.decision, answer.text) == ("handoff_keyword", desk.settings.handoff_reply)
    assert not asked(desk)


async def test_past_turns_are_answered_once_more_beside_what_was_said(desk):
    desk.model_says("Thirty days [1].")
    await desk.hear("How long may I return it?")
    await desk.idle()
    said = len(desk.outbox.heard(SendMessage))
    desk.model_says(reply("Send it back in a month [1].", cost_usd=0.0005))
    vector = "AACAPwAAAAA="  # 1.0, 0.0
    desk.bus.answers[EmbedTexts] = TextsEmbedded(
        model="builtin/minilm", dimensions=2, vectors=[vector, vector], tokens=4, cost_usd=0.0
    )
    replay = await started(desk, {"system_prompt": "Other words."})
    assert (replay.state, replay.turns_total) == ("running", 1)
    await worked_off(desk)
    ids = {"tenant_id": desk.tenant_id, "replay_id": replay.replay_id}
    done = (await desk.parts.trials.replays.get(GetReplay.make(**ids))).replay
    page = await desk.parts.trials.replays.turns(ListReplayTurns.make(**ids, cursor=None, limit=5))
    (turn,) = page.turns
    assert done.state == "done"
    assert (done.before.cost_usd, done.after.cost_usd) == (0.001, 0.0005)
    assert (done.before.cited, done.after.cited) == (1, 1)
    assert turn.question == "How long may I return it?"
    assert (turn.before.text, turn.after.text) == (
        "Thirty days [1].",
        "Send it back in a month [1].",
    )
    assert turn.similarity == 1.0
    assert asked(desk)[-1].spent_for == "replay"
    assert "Other words." in asked(desk)[-1].messages[0].content
    assert len(desk.outbox.heard(SendMessage)) == said, "a replay sends nothing"
    assert len(await desk.messages()) == 2


async def test_a_replay_asks_with_the_history_of_then(desk):
    await desk.hear("First question?")
    await desk.idle()
    await desk.hear("Second question?")
    await desk.idle()
    await started(desk, {}, turns_max=2)
    await worked_off(desk)
    first, second = sorted(asked(desk)[-2:], key=lambda one: len(one.messages))
    assert "Second" not in json.dumps([one.content for one in first.messages])
    assert "First question?" in json.dumps([one.content for one in second.messages])


async def test_a_replay_calls_a_person_where_the_customer_asked_for_one(desk):
    await desk.hear("A real person, please")
    await desk.idle()
    replay = await started(desk, {})
    await worked_off(desk)
    ids = {"tenant_id": desk.tenant_id, "replay_id": replay.replay_id}
    done = (await desk.parts.trials.replays.get(GetReplay.make(**ids))).replay
    assert (done.before.handed_off, done.after.handed_off) == (1, 1)
    assert not asked(desk)


async def test_a_replay_stops_at_its_budget(desk):
    for number in range(4):
        await desk.hear(f"Question {number}?")
        await desk.idle()
    replay = await started(desk, {}, budget_usd=0.0015)
    await worked_off(desk)
    ids = {"tenant_id": desk.tenant_id, "replay_id": replay.replay_id}
    done = (await desk.parts.trials.replays.get(GetReplay.make(**ids))).replay
    assert done.state == "stopped"
    assert "0.0020 of 0.0015" in done.detail
    assert done.after.turns == 2


async def test_a_failing_model_ends_as_a_failed_turn_not_as_a_loop(desk):
    await desk.hear("Question?")
    await desk.idle()
    desk.model_says(AskTimeout("llm-router.generate-reply.v1", 60.0))
    replay = await started(desk, {})
    for _ in range(5):
        await desk.parts.trials.rehearsing.round()
        await desk.rows("update trial_turns set held_until = null returning 1")
    ids = {"tenant_id": desk.tenant_id, "replay_id": replay.replay_id}
    done = (await desk.parts.trials.replays.get(GetReplay.make(**ids))).replay
    assert (done.state, done.after.failed) == ("done", 1)


async def test_two_processes_answer_each_turn_once(desk):
    for number in range(6):
        await desk.hear(f"Question {number}?")
        await desk.idle()
    live = len(asked(desk))
    await started(desk, {})
    other = desk.another_process()
    await asyncio.gather(worked_off(desk), other.trials.rehearsing.round())
    await worked_off(desk)
    assert len(asked(desk)) - live == 6


async def test_a_replay_can_be_stopped_and_is_of_its_tenant(desk):
    await desk.hear("Question?")
    await desk.idle()
    replay = await started(desk, {})
    foreign = StopReplay.make(tenant_id=uuid4(), replay_id=replay.replay_id)
    with pytest.raises(Refused) as refused:
        await desk.parts.trials.replays.stop(foreign)
    assert refused.value.code == "not_found"
    mine = StopReplay.make(tenant_id=desk.tenant_id, replay_id=replay.replay_id)
    assert (await desk.parts.trials.replays.stop(mine)).replay.state == "stopped"
    before = len(asked(desk))
    await worked_off(desk)
    assert len(asked(desk)) == before


async def test_nothing_to_replay_is_said(desk):
    with pytest.raises(Refused) as refused:
        await started(desk, {})
    assert refused.value.code == "no_turns"


async def test_a_canary_answers_its_share_and_stops_when_it_costs_too_much(desk):
    begun = await experiment(desk, "canary", {"system_prompt": "Canary."}, percent=50.0)
    inside, outside = _visitors(desk, begun.experiment_id)
    for visitor in (*inside, *outside):
        cost = 0.01 if visitor in inside else 0.001
        desk.model_says(reply("Thirty days [1].", cost_usd=cost))
        await desk.hear(desk.message("How long?", visitor=visitor))
        await desk.idle()
        assert ("Canary." in asked(desk)[-1].messages[0].content) == (visitor in inside)
        assert asked(desk)[-1].spent_for is None, "customers are answered: it is no trial"
    assert len(desk.outbox.heard(SendMessage)) == 4
    await desk.parts.trials.rehearsing.round()
    (stopped,) = desk.outbox.heard(ExperimentStopped)
    assert (stopped.reason, stopped.experiment_id) == ("cost", begun.experiment_id)
    request = ListExperiments.make(tenant_id=desk.tenant_id)
    (shown,) = (await desk.parts.trials.experiments.list(request)).experiments
    assert (shown.state, shown.live.turns, shown.tried.turns) == ("stopped", 2, 2)
    await desk.hear(desk.message("And now?", visitor=inside[0]))
    await desk.idle()
    assert "Canary." not in asked(desk)[-1].messages[0].content


async def test_a_shadow_answers_twice_and_sends_once(desk):
    begun = await experiment(desk, "shadow", {"system_prompt": "Shadow."})
    await desk.hear("How long?")
    await desk.idle()
    await worked_off(desk)
    assert len(desk.outbox.heard(SendMessage)) == 1
    assert asked(desk)[-1].spent_for == "shadow"
    assert "Shadow." in asked(desk)[-1].messages[0].content
    stop = StopExperiment.make(tenant_id=desk.tenant_id, experiment_id=begun.experiment_id)
    shown = (await desk.parts.trials.experiments.stop(stop)).experiment
    assert (shown.live.turns, shown.tried.turns, shown.state) == (1, 1, "stopped")


async def test_one_experiment_of_a_kind_at_a_time(desk):
    await experiment(desk, "canary", {})
    with pytest.raises(Refused) as refused:
        await experiment(desk, "canary", {})
    assert refused.value.code == "already_running"
    await experiment(desk, "shadow", {})


def _visitors(desk: Desk, experiment_id: Any) -> tuple[list[str], list[str]]:
    sides: tuple[list[str], list[str]] = ([], [])
    for number in range(100):
        visitor = f"visitor-{number}"
        outside = not takes_part(experiment_id, desk.conversation_of(visitor), 50.0)
        sides[outside].append(visitor)
    return sides[0][:2], sides[1][:2]
