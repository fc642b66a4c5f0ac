"""Leases: one worker a conversation, and nothing written by one that lost it."""

import asyncio

import pytest

from bus import AskFailed
from contracts.v1.sending import SendMessage
from contracts.v1.turns import (
    TurnCompleted,
    TurnFailed,
    TurnStarted,
)
from orchestrator.turns import TurnWorker
from testkit import eventually_async


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
    await desk.settled()
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


@pytest.fixture
def lingering(monkeypatch):
    """Return an event without which a turn's task does not end after its commit."""
    may_end = asyncio.Event()
    work = TurnWorker.work

    async def work_and_linger(self, turn):
        ended = await work(self, turn)
        await may_end.wait()
        return ended

    monkeypatch.setattr(TurnWorker, "work", work_and_linger)
    return may_end


async def test_a_turn_begun_while_the_last_one_is_still_ending_is_worked_on(desk, lingering):
    await desk.hear("first")
    await eventually_async(lambda: desk.rows("select 1 from turns"), "the first is answered")
    await desk.hear("second")
    assert (await desk.conversation())["lease_epoch"] == 2
    lingering.set()
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()] == ["customer", "bot"] * 2


async def test_stopping_gives_back_turns_that_were_begun_and_not_worked_on(desk, lingering):
    await desk.hear("first")
    await eventually_async(lambda: desk.rows("select 1 from turns"), "the first is answered")
    await desk.hear("second")
    await desk.parts.runner.stop(grace_seconds=0.0)
    row = await desk.conversation()
    assert (row["lease_until"], row["turn_attempts"], row["lease_epoch"]) == (None, 0, 2)
    assert row["turn_due_at"] is not None
    assert desk.parts.runner.room == 0


async def test_an_inbound_message_and_its_lease_are_one_commit(desk, gate):
    desk.model_says(gate)
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_messages([desk.message("Hello")], tx)
        row = await tx.fetchrow("select lease_epoch, lease_until from conversations")
        assert row["lease_epoch"] == 1
        assert row["lease_until"] is not None
        assert gate.asked.empty()
    await gate.next_question()
    assert [one.first_seq for one in desk.outbox.heard(TurnStarted)] == [1]
    gate.open()
    await desk.idle()
