"""What happens to conversations by itself, once, by any replica: sleep, silence, alarm, absence."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bus import Refused
from contracts.v1.conversations import PostMessage, UpdateConversation
from contracts.v1.inbox import ConversationUnanswered
from contracts.v1.sending import MessageFailed, SendMessage
from contracts.v1.tenants import BusinessHours
from contracts.v1.turns import ConversationUpdated, HandoffRequested

from .desk import Desk, Gate
from .test_channel_news import echo


def closed_now(**more: Any) -> BusinessHours:
    """Hours of a shop that is closed now, and opens in some days."""
    now = datetime.now(UTC)
    day = now.weekday()
    opens = {"weekday": (day + 3) % 7, "opens": "09:00", "closes": "17:00"}
    return BusinessHours(timezone="UTC", hours=[opens], closed_on=[])


async def snooze(desk: Desk, **fields: Any) -> None:
    await desk.parts.requests.update(
        UpdateConversation.make(
            tenant_id=desk.tenant_id,
            conversation_id=desk.conversation_of(),
            **{"status": None, "owner_kind": None, "assignee": None, **fields},
        )
    )


async def earlier(desk: Desk, column: str, minutes: float = 60) -> None:
    """Let something have happened earlier than it did."""
    async with desk.database.system() as tx:
        await tx.execute(
            f"update conversations set {column} = {column} - make_interval(mins => $1::int)",
            int(minutes),
        )


async def both_sweep(desk: Desk) -> None:
    """Two replicas sweep at once, three times."""
    other = desk.another_process()
    for _ in range(3):
        await asyncio.gather(
            *(parts.inbox.life.sweep_once() for parts in (desk.parts, other, desk.parts))
        )
    await other.runner.stop(grace_seconds=0.0)


async def test_a_snoozed_conversation_wakes_once_under_its_owner(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.take_over(assignee="ana")
    until = datetime.now(UTC) + timedelta(hours=1)
    await snooze(desk, snooze_until=until)
    row = await desk.conversation()
    assert (row["status"], row["snoozed_until"]) == ("snoozed", until)
    assert desk.outbox.heard(ConversationUpdated)[-1].snoozed_until == until
    await both_sweep(desk)
    assert (await desk.conversation())["status"] == "snoozed"
    await earlier(desk, "snoozed_until", 61)
    desk.outbox.said.clear()
    await both_sweep(desk)
    (woken,) = desk.outbox.heard(ConversationUpdated)
    assert (woken.status, woken.owner_kind, woken.assignee) == ("assigned_human", "human", "ana")
    assert (await desk.conversation())["snoozed_until"] is None


async def test_the_bot_goes_on_with_what_it_slept_over(desk: Desk, gate: Gate) -> None:
    desk.model_says(gate)
    await desk.hear("Hello")
    await gate.next_question()
    await snooze(desk, snooze_until=datetime.now(UTC) + timedelta(hours=1))
    gate.open()
    await desk.idle()
    await desk.parts.inbox.life.sweep_once()
    await earlier(desk, "snoozed_until", 61)
    gate.open("Good morning.")
    await desk.parts.inbox.life.sweep_once()
    await desk.settled()
    assert (await desk.conversation())["status"] == "active"
    assert (await desk.messages())[-1][1] == "bot"


async def test_a_sleep_needs_an_end_in_the_coming_year(desk: Desk) -> None:
    await desk.hear("Hello")
    now = datetime.now(UTC)
    for fields in (
        {"status": "snoozed"},
        {"snooze_until": now - timedelta(seconds=1)},
        {"snooze_until": now + timedelta(days=400)},
        {"snooze_until": now + timedelta(days=1), "status": "closed"},
    ):
        with pytest.raises(Refused) as refused:
            await snooze(desk, **fields)
        assert refused.value.code == "invalid_snooze"


async def test_a_customer_wakes_it_and_it_does_not_wake_again(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await snooze(desk, snooze_until=datetime.now(UTC) + timedelta(hours=1))
    await desk.hear("Are you there?")
    await desk.idle()
    row = await desk.conversation()
    assert (row["status"], row["snoozed_until"]) == ("active", None)


async def test_silence_ends_a_conversation_once(desk: Desk) -> None:
    await desk.configure(inactivity_minutes=30)
    await desk.hear("Hello")
    await desk.idle()
    await both_sweep(desk)
    assert (await desk.conversation())["status"] == "active"
    await earlier(desk, "last_message_at")
    desk.outbox.said.clear()
    for parts in (desk.parts, desk.another_process()):
        await asyncio.gather(parts.inbox.life.end_silent(), desk.parts.inbox.life.end_silent())
    assert (await desk.conversation())["status"] == "resolved"
    assert [event.status for event in desk.outbox.heard(ConversationUpdated)] == ["resolved"]
    await desk.hear("One more thing")
    await desk.idle()
    assert (await desk.conversation())["status"] == "active"


async def test_silence_ends_nothing_while_a_customer_waits(desk: Desk) -> None:
    await desk.configure(inactivity_minutes=30)
    await desk.hear("I want a human", "Hello?")
    await desk.idle()
    await desk.hear("Nobody there?")
    await earlier(desk, "last_message_at")
    await desk.parts.inbox.life.end_silent()
    assert (await desk.conversation())["status"] == "assigned_human"


@pytest.mark.parametrize(("assignee", "cause"), [("ana", "person_silent"), (None, "no_person")])
async def test_a_waiting_customer_is_told_of_once_for_each_waiting(desk, assignee, cause) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.take_over(assignee=assignee)
    await desk.hear("Where is my lamp?")
    await both_sweep(desk)
    assert desk.outbox.heard(ConversationUnanswered) == []
    await earlier(desk, "waiting_since", 16)
    await both_sweep(desk)
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == (cause, 3)
    await desk.hear("Hello??")
    await earlier(desk, "waiting_since", 16)
    await both_sweep(desk)
    assert len(desk.outbox.heard(ConversationUnanswered)) == 1


async def test_who_was_promised_a_person_waits_until_one_speaks(desk: Desk) -> None:
    await desk.hear("I want a human")
    row = await desk.conversation()
    assert row["last_answered_seq"] == row["last_customer_seq"] == 1
    assert row["waiting_since"] is not None
    await desk.take_over(assignee="ana")
    assert (await desk.conversation())["waiting_since"] == row["waiting_since"]
    await earlier(desk, "waiting_since", 16)
    await both_sweep(desk)
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == ("person_silent", 1)
    await desk.parts.requests.post(
        PostMessage.make(
            tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(),
            idempotency_key="1", author="ana", text="Here I am.",
        )
    )  # fmt: skip
    assert (await desk.conversation())["waiting_since"] is None


async def test_a_promise_is_kept_by_whoever_speaks_on_the_phone(desk: Desk) -> None:
    await desk.hear("I want a human")
    async with desk.database.transaction(desk.tenant_id) as tx:
        await desk.parts.news.on_echo(echo(desk, imported=True, provider_id="old"), tx)
    assert (await desk.conversation())["waiting_since"] is not None
    async with desk.database.transaction(desk.tenant_id) as tx:
        await desk.parts.news.on_echo(echo(desk), tx)
    assert (await desk.conversation())["waiting_since"] is None


async def test_a_promise_ends_with_the_bot_or_with_the_conversation(desk: Desk) -> None:
    for change in ({"owner_kind": "bot"}, {"owner_kind": None, "status": "resolved"}):
        await desk.hear("I want a human")
        assert (await desk.conversation())["waiting_since"] is not None
        await desk.take_over(assignee=None, **change)
        await desk.settled()
        row = await desk.conversation()
        assert (row["waiting_since"], row["person_awaited_since"]) == (None, None)


async def test_a_second_waiting_is_told_of_again(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    await desk.take_over()
    for number in range(2):
        await desk.hear(f"Where is my lamp? {number}")
        await earlier(desk, "waiting_since", 16)
        await both_sweep(desk)
        await desk.take_over(owner_kind="bot", assignee=None)
        await desk.settled()
        assert (await desk.conversation())["waiting_since"] is None
        await desk.take_over()
    assert len(desk.outbox.heard(ConversationUnanswered)) == 2


async def test_a_turn_that_hangs_is_told_of(desk: Desk, gate: Gate) -> None:
    desk.model_says(gate)
    await desk.configure(unanswered_alarm_minutes=2)
    await desk.hear("Hello")
    await gate.next_question()
    await earlier(desk, "waiting_since", 3)
    await desk.parts.inbox.life.sweep_once()
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == ("turn_stuck", 1)
    gate.open()
    await desk.idle()


async def test_who_writes_on_waits_since_the_first_word_that_has_no_answer(desk, gate) -> None:
    desk.model_says(gate)
    await desk.configure(supersede=False)
    await desk.hear("Hello")
    await gate.next_question()
    await earlier(desk, "waiting_since", 60)
    await desk.hear("My lamp is broken.")
    gate.open()
    await gate.next_question()
    row = await desk.conversation()
    (second,) = await desk.rows("select created_at from messages where seq = 2")
    assert row["waiting_since"] == second["created_at"]
    gate.open()
    await desk.settled()


async def test_a_message_that_did_not_arrive_is_told_of_once(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    (send,) = desk.outbox.heard(SendMessage)
    failed = MessageFailed.make(
        tenant_id=desk.tenant_id, send_id=send.send_id, conversation_id=send.conversation_id,
        channel_id=send.channel_id, channel_type="webchat",
        recorded_message_id=send.recorded_message_id, code="token_invalid", provider_code=190,
        detail="The token is gone.",
    )  # fmt: skip
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_failed([failed], tx)
    await both_sweep(desk)
    assert desk.outbox.heard(ConversationUnanswered) == []
    await earlier(desk, "undelivered_since", 16)
    await both_sweep(desk)
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == ("not_delivered", 1)
    assert "token_invalid" in alarm.detail


async def test_a_message_of_which_nothing_is_heard_is_told_of_once(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    life = desk.parts.inbox.life
    for minutes, alarms in ((10, 0), (6, 1), (1, 1)):
        await earlier(desk, "last_message_at", minutes)
        await life.look_for_stuck_sends()
        await life.alarm()
        assert len(desk.outbox.heard(ConversationUnanswered)) == alarms
    (alarm,) = desk.outbox.heard(ConversationUnanswered)
    assert (alarm.cause, alarm.first_seq) == ("not_delivered", 1)
    assert "has not gone out" in alarm.detail
    await desk.take_over()
    await desk.hear("Hello?")
    await earlier(desk, "waiting_since", 16)
    await life.alarm()
    assert desk.outbox.heard(ConversationUnanswered)[-1].cause == "person_silent"


async def test_a_message_that_went_out_is_no_loss(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    async with desk.database.system() as tx:
        await tx.execute("update messages set delivery = 'accepted' where role = 'bot'")
    await earlier(desk, "last_message_at", 30)
    await desk.parts.inbox.life.look_for_stuck_sends()
    assert (await desk.conversation())["undelivered_since"] is None


async def test_a_message_refused_for_its_owner_is_no_loss(desk: Desk) -> None:
    await desk.hear("Hello")
    await desk.idle()
    (send,) = desk.outbox.heard(SendMessage)
    refused = MessageFailed.make(
        tenant_id=desk.tenant_id, send_id=send.send_id, conversation_id=send.conversation_id,
        channel_id=send.channel_id, channel_type="webchat",
        recorded_message_id=send.recorded_message_id, code="stale_ownership", provider_code=None,
        detail="Somebody else owns it.",
    )  # fmt: skip
    async with desk.database.system() as tx:
        await desk.parts.handlers.on_failed([refused], tx)
    assert (await desk.conversation())["undelivered_since"] is None


async def test_at_night_the_customer_is_told_once_and_answered_in_the_morning(desk: Desk) -> None:
    away = {"away_mode": "away", "away_reply": "We are back on Monday."}
    await desk.configure(business_hours=closed_now(), **away)
    await desk.hear("Do you ship to Norway?")
    await desk.hear("Hello?", "Anybody?")
    await desk.idle()
    assert await desk.messages() == [
        (1, "customer", "Do you ship to Norway?"),
        (2, "system", "We are back on Monday."),
        (3, "customer", "Hello?"),
        (4, "customer", "Anybody?"),
    ]
    assert [send.author for send in desk.outbox.heard(SendMessage)] == ["system"]
    await earlier(desk, "waiting_since", 60)
    await both_sweep(desk)
    assert desk.outbox.heard(ConversationUnanswered) == []
    assert len(await desk.messages()) == 4
    await desk.configure(**away)
    await earlier(desk, "away_until", 8 * 24 * 60)
    await both_sweep(desk)
    await desk.settled()
    assert [role for _, role, _ in await desk.messages()][-1] == "bot"
    assert len(desk.outbox.heard(SendMessage)) == 2


async def test_a_handoff_at_night_says_that_nobody_is_there(desk: Desk) -> None:
    german = {"de": {"away_reply": "Wir sind am Montag wieder da.", "handoff_keywords": ["Mensch"]}}
    await desk.configure(
        business_hours=closed_now(),
        away_reply="We are back on Monday.",
        language_replies=json.dumps(german),
    )
    await desk.hear("I want a human")
    german_words = "Ich möchte bitte mit einem Mensch sprechen, wann ist das möglich?"
    await desk.hear(desk.message(german_words, visitor="visitor-2"))
    assert (await desk.messages())[-1][2] == "We are back on Monday."
    assert (await desk.messages("visitor-2"))[-1][2] == "Wir sind am Montag wieder da."
    assert (await desk.conversation("visitor-2"))["language"] == "de"
    assert [one.reason for one in desk.outbox.heard(HandoffRequested)] == ["keyword", "keyword"]


async def test_one_that_cannot_go_on_holds_no_other_up(desk, monkeypatch) -> None:
    for visitor in ("visitor-1", "visitor-2"):
        await desk.hear(desk.message("Hello", visitor=visitor))
        await desk.idle()
        await desk.parts.requests.update(
            UpdateConversation.make(
                tenant_id=desk.tenant_id, conversation_id=desk.conversation_of(visitor),
                status=None, owner_kind=None, assignee=None,
                snooze_until=datetime.now(UTC) + timedelta(hours=1),
            )
        )  # fmt: skip
    await earlier(desk, "snoozed_until", 61)
    store = desk.parts.inbox.life._store
    lock, broken = store.lock, desk.conversation_of("visitor-1")

    async def fails_for_one(tx: Any, tenant_id: UUID, conversation_id: UUID) -> Any:
        if conversation_id == broken:
            raise RuntimeError("broken")
        return await lock(tx, tenant_id, conversation_id)

    monkeypatch.setattr(store, "lock", fails_for_one)
    await desk.parts.inbox.life.sweep_once()
    assert (await desk.conversation("visitor-1"))["status"] == "snoozed"
    assert (await desk.conversation("visitor-2"))["status"] == "active"
