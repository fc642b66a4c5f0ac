"""Trials whose turns crash, cost, stop or are asked for twice."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from bus import Refused
from contracts.v1.models import GenerateReply
from contracts.v1.tenants import TenantSettings
from contracts.v1.trying import GetReplay, ListReplayTurns, StartReplay, StopReplay
from orchestrator.domain import Leased
from orchestrator.trial_store import Tried
from orchestrator.trying import Rehearsal

from .desk import Desk, reply
from .test_trials import asked, customer, experiment, started, tried, worked_off


async def shown(desk: Desk, replay_id: Any) -> Any:
    ids = {"tenant_id": desk.tenant_id, "replay_id": replay_id}
    return (await desk.parts.trials.replays.get(GetReplay.make(**ids))).replay


async def test_a_turn_that_kills_its_process_is_given_up(desk):
    await desk.hear("Question?")
    await desk.idle()
    replay = await started(desk, {})
    live = len(asked(desk))
    await desk.rows("update trial_turns set tries = 3 returning 1")
    await worked_off(desk)
    done = await shown(desk, replay.replay_id)
    assert (done.state, done.after.failed, len(asked(desk))) == ("done", 1, live)


async def test_an_error_that_nobody_foresaw_ends_one_turn_not_the_round(desk, monkeypatch):
    for number in range(2):
        await desk.hear(f"Question {number}?")
        await desk.idle()
    replay = await started(desk, {})
    rehearsal = desk.parts.trials.rehearsing._rehearsal
    perform, calls = rehearsal.perform, []

    async def once(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise RuntimeError("unforeseen")
        return await perform(*given)

    monkeypatch.setattr(type(rehearsal), "perform", staticmethod(once))
    await worked_off(desk)
    done = await shown(desk, replay.replay_id)
    assert (done.state, done.after.failed, done.after.answered) == ("done", 1, 1)


async def test_what_a_failed_turn_cost_counts_in_the_budget(desk):
    for number in range(4):
        await desk.hear(f"Question {number}?")
        await desk.idle()
    desk.model_says(reply("", finish_reason="content_filter", cost_usd=0.001))
    replay = await started(desk, {}, budget_usd=0.0015)
    await worked_off(desk)
    done = await shown(desk, replay.replay_id)
    assert (done.state, done.after.failed) == ("stopped", 2)
    assert done.after.cost_usd == pytest.approx(0.002)


async def test_what_waits_of_a_stopped_trial_waits_no_more(desk):
    await desk.hear("Question?")
    await desk.idle()
    replay = await started(desk, {})
    stop = StopReplay.make(tenant_id=desk.tenant_id, replay_id=replay.replay_id)
    stopped = (await desk.parts.trials.replays.stop(stop)).replay
    assert (stopped.turns_total, stopped.before.turns, stopped.after.turns) == (1, 0, 0)
    assert not await desk.rows("select 1 from trial_turns where state = 'waiting'")


async def test_a_replay_that_is_asked_for_twice_begins_once(desk):
    await desk.hear("Question?")
    await desk.idle()
    request = StartReplay.make(
        tenant_id=desk.tenant_id,
        name="x",
        overrides="{}",
        since=None,
        until=None,
        conversation_ids=None,
        turns_max=5,
        budget_usd=None,
    )
    first = (await desk.parts.trials.replays.start(request)).replay
    assert (await desk.parts.trials.replays.start(request)).replay == first


@pytest.mark.parametrize("place", ["1e300", "nan", "inf", "-1e39"])
async def test_a_cursor_beyond_every_turn_is_refused(desk, place):
    await desk.hear("Question?")
    await desk.idle()
    replay = await started(desk, {})
    request = ListReplayTurns.make(
        tenant_id=desk.tenant_id,
        replay_id=replay.replay_id,
        cursor=f"{place}|{uuid4()}",
        limit=5,
    )
    with pytest.raises(Refused) as refused:
        await desk.parts.trials.replays.turns(request)
    assert refused.value.code == "invalid_cursor"


async def test_a_replica_that_did_not_hear_of_new_settings_tries_with_them(desk):
    await tried(desk, customer("Hi?"))
    other, mine = desk.another_process(), desk.parts
    desk.parts = other
    await desk.configure(system_prompt="The new words.")
    desk.parts = mine
    await tried(desk, customer("Hi?"))
    assert "The new words." in asked(desk)[-1].messages[0].content


async def test_a_canary_keeps_numbers_and_no_words(desk):
    await experiment(desk, "canary", {"system_prompt": "Canary."})
    await desk.hear("How long?")
    await desk.idle()
    (row,) = await desk.rows("select after from trial_turns")
    kept = json.loads(row["after"])
    assert (kept["text"], len(kept["citations"]), kept["cost_usd"]) == ("", 1, 0.001)


async def test_a_replay_does_not_know_the_summary_of_what_came_later(desk):
    await desk.hear("First question?")
    await desk.idle()
    await desk.hear("Second question?")
    await desk.idle()
    async with desk.database.transaction(desk.tenant_id) as tx:
        await tx.execute(
            "insert into conversation_summaries (tenant_id, conversation_id, text, through_seq,"
            " written_by) values ($1, $2, 'Later they were angry.', 2, 'x')",
            desk.tenant_id,
            desk.conversation_of(),
        )
    await started(desk, {})
    await worked_off(desk)
    first, second = sorted(asked(desk)[-2:], key=lambda one: len(one.messages))
    assert "angry" not in first.messages[0].content
    assert "angry" in second.messages[0].content


async def test_a_keyword_of_another_language_calls_a_person_in_a_trial_too(desk):
    words = json.dumps({"hr": {"handoff_keywords": ["operatera"]}})
    answer = await tried(
        desk, customer("Dajte mi operatera"), overrides=json.dumps({"language_replies": words})
    )
    assert answer.answer.decision == "handoff_keyword"
    assert not asked(desk, GenerateReply)


async def test_a_claimed_turn_is_nobody_elses_until_it_is_let_go(desk):
    for number in range(2):
        await desk.hear(f"Question {number}?")
        await desk.idle()
    await started(desk, {})
    store = desk.parts.trials.rehearsing._store
    async with asyncio.timeout(5), desk.database.system() as one, desk.database.system() as two:
        (first,) = await store.claim(one, 1, 300.0)
        (second,) = await store.claim(two, 1, 300.0)
        assert first.turn_id != second.turn_id, "nobody waits for who claims at the same time"
    async with desk.database.system() as tx:
        assert await store.claim(tx, 5, 300.0) == []
        await tx.execute("update trial_turns set held_until = clock_timestamp()")
        assert len(await store.claim(tx, 5, 300.0)) == 2


async def test_the_faster_of_two_workers_is_kept(desk):
    await desk.hear("Question?")
    await desk.idle()
    await started(desk, {})
    store = desk.parts.trials.rehearsing._store
    async with desk.database.system() as tx:
        (claimed,) = await store.claim(tx, 1, 0.0)
        for question in ("faster", "slower"):
            tried_turn = Tried(question, None, None, None, "failed", "x", None)
            await store.save(tx, claimed, tried_turn)
    (row,) = await desk.rows("select question from trial_turns")
    assert row["question"] == "faster"


async def test_a_replay_calls_no_tool_of_the_tenant(desk, monkeypatch):
    await desk.hear("Question?")
    await desk.idle()
    await started(desk, {})
    rehearsal, perform, seen = Rehearsal, Rehearsal.perform, []

    async def watched(self: Rehearsal, leased: Leased, settings: TenantSettings) -> Any:
        seen.append(leased.trial)
        return await perform(self, leased, settings)

    monkeypatch.setattr(rehearsal, "perform", watched)
    await worked_off(desk)
    assert [(one.tools, one.spent_for) for one in seen] == [("recorded", "replay")]
