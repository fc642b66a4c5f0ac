"""Sends through a real broker and database to the simulated Meta: once, in order, honestly."""

from __future__ import annotations

from uuid import uuid4

import pytest

from contracts.v1.sending import (
    DeliverToVisitor,
    MessageDelayed,
    MessageFailed,
    MessageSent,
    MessageStatusChanged,
    MessageUnknown,
)
from contracts.v1.turns import ConversationUpdated
from simulators.meta import messenger_bodies, whatsapp_bodies
from simulators.meta.send_log import Send
from simulators.meta.specification import Specification, find_specification

from .world import CUSTOMER, PAGE, PHONE, World


def sends(world: World) -> list[Send]:
    return list(world.meta.sends.after(0))


def status(name: str, message_id: str, reference: str = "") -> dict[str, object]:
    one = whatsapp_bodies.status(message_id, name, CUSTOMER, callback_data=reference)
    return whatsapp_bodies.body_of([whatsapp_bodies.statuses_change(PHONE, [one])])


async def test_an_answer_is_sent_once_and_said(world: World) -> None:
    await world.configure()
    command = world.command("**30 days**")
    await world.neighbours.say(command, command)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    (send,) = sends(world)
    assert (send.sender, send.recipient, send.text) == (PHONE, CUSTOMER, "*30 days*")
    assert send.biz_opaque_callback_data == str(command.send_id)
    assert sent.provider_message_ids == [send.message_id]
    assert (sent.send_id, sent.correlation_id) == (command.send_id, command.correlation_id)
    path = find_specification()
    if path is None:
        pytest.skip("Meta's OpenAPI file is absent: name it with CHAT_META_OPENAPI")
    assert Specification(path).send_request_errors(send.body) == []


async def test_statuses_rise_and_never_fall(world: World) -> None:
    await world.configure()
    command = world.command()
    await world.neighbours.say(command)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    reference, message_id = str(command.send_id), sent.provider_message_ids[0]
    for name in ("read", "sent", "delivered", "read"):
        await world.post(status(name, message_id, reference))
    await world.until("select count(*) = 3 from delivery_statuses where joined")
    changes = await world.neighbours.wait_for(MessageStatusChanged)
    ranks = [("sent", "failed", "delivered", "read").index(change.status) for change in changes]
    assert ranks == sorted(ranks)
    assert changes[-1].status == "read"
    assert await world.value("select delivery_status from sends") == "read"


async def test_sends_of_a_conversation_go_in_order(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "slow", "milliseconds": 400})
    commands = [world.command(f"text {n}", seq=n) for n in range(2, 8)]
    for command in commands:
        await world.neighbours.say(command)
    await world.neighbours.wait_for(MessageSent, 6)
    assert [send.text for send in sends(world)] == [f"text {n}" for n in range(2, 8)]


async def test_a_slow_conversation_holds_no_other_up(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "slow", "milliseconds": 3000, "recipient": "1"})
    await world.neighbours.say(world.command("slow", contact="1"))
    await world.neighbours.say(world.command("fast", contact="2"))
    await world.neighbours.wait_for(MessageSent, timeout_seconds=2.5)
    assert [send.text for send in sends(world)] == ["fast"]


async def test_long_answers_go_in_parts_in_order(world: World) -> None:
    await world.configure()
    command = world.command("\n\n".join(f"Paragraph {n}. " + "word " * 300 for n in range(8)))
    await world.neighbours.say(command)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    assert len(sent.provider_message_ids) == len(sends(world)) == 4
    assert [send.message_id for send in sends(world)] == sent.provider_message_ids
    references = [send.biz_opaque_callback_data for send in sends(world)]
    assert references == [str(command.send_id), *(f"{command.send_id}.{n}" for n in (1, 2, 3))]


@pytest.mark.parametrize(
    ("fault", "code", "provider_code"),
    [
        ({"kind": "error_code", "code": 131026}, "undeliverable", 131026),
        ({"kind": "error_code", "code": 131047}, "window_closed", 131047),
        ({"kind": "error_code", "code": 100}, "bad_request", 100),
    ],
)
async def test_a_final_refusal_is_said_and_frees_the_next(
    world: World, fault: dict[str, object], code: str, provider_code: int
) -> None:
    await world.configure()
    world.meta.faults.add(fault)
    await world.neighbours.say(world.command("refused", seq=2), world.command("next", seq=4))
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert (failed.code, failed.provider_code) == (code, provider_code)
    await world.neighbours.wait_for(MessageSent)
    assert [send.text for send in sends(world)] == ["next"]


@pytest.mark.parametrize("fault", [{"kind": "json_500"}, {"kind": "error_code", "code": 131056}])
async def test_a_certain_refusal_of_the_moment_is_tried_again(
    world: World, fault: dict[str, object]
) -> None:
    await world.configure()
    world.meta.faults.add({**fault, "count": 2} if fault["kind"] == "json_500" else fault)
    await world.neighbours.say(world.command("again", seq=2), world.command("after", seq=4))
    await world.neighbours.wait_for(MessageSent, 2)
    assert [send.text for send in sends(world)] == ["again", "after"]


async def test_an_unread_answer_is_never_sent_again_but_proved_by_a_status(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "unread_answer"})
    command = world.command()
    await world.neighbours.say(command)
    await world.until("select true from sends where state = 'attempting'")
    await world.neighbours.say(command.model_copy(update={"message_id": uuid4()}))
    await world.neighbours.say(world.command("somebody else's", contact="2"))
    await world.neighbours.wait_for(MessageSent)
    send, _ = sends(world)
    await world.value(
        "update sends set attempting_since = now() - interval '1 minute' returning true"
    )
    await world.post(status("delivered", send.message_id, str(command.send_id)))
    sent = (await world.neighbours.wait_for(MessageSent, 2))[1]
    assert sent.provider_message_ids == [send.message_id]
    (change,) = await world.neighbours.wait_for(MessageStatusChanged)
    assert change.status == "delivered"
    assert len(sends(world)) == 2


@pytest.mark.parametrize("kind", ["unread_answer", "html_502"])
async def test_no_evidence_becomes_unknown_and_is_said(world: World, kind: str) -> None:
    await world.configure()
    world.meta.faults.add({"kind": kind})
    command = world.command()
    await world.neighbours.say(command)
    await world.until("select true from sends where state = 'attempting'")
    await world.value(
        "update sends set attempting_since = now() - interval '11 minutes' returning true"
    )
    (unknown,) = await world.neighbours.wait_for(MessageUnknown)
    assert unknown.send_id == command.send_id
    assert len(sends(world)) == (1 if kind == "unread_answer" else 0)


async def test_evidence_after_unknown_makes_it_accepted(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "unread_answer"})
    command = world.command()
    await world.neighbours.say(command)
    await world.until("select true from sends where state = 'attempting'")
    await world.value(
        "update sends set attempting_since = now() - interval '11 minutes' returning true"
    )
    await world.neighbours.wait_for(MessageUnknown)
    await world.post(status("sent", sends(world)[0].message_id, str(command.send_id)))
    await world.neighbours.wait_for(MessageSent)
    assert await world.state(command.send_id) == "accepted"


async def test_a_status_that_overtakes_the_answer_is_joined(world: World) -> None:
    await world.configure()
    world.meta.later.delays_seconds = {"delivered": 0.0}
    command = world.command()
    world.meta.faults.add({"kind": "slow", "milliseconds": 1})
    await world.neighbours.say(command)
    await world.neighbours.wait_for(MessageSent)
    (change,) = await world.neighbours.wait_for(MessageStatusChanged)
    assert change.status == "delivered"


async def test_a_stale_answer_is_refused(world: World) -> None:
    await world.configure()
    command = world.command(ownership_number=1)
    updated = ConversationUpdated.make(
        tenant_id=world.tenant_id,
        conversation_id=command.conversation_id,
        channel_id=command.channel_id,
        channel_type="whatsapp",
        contact_external_id=CUSTOMER,
        status="assigned_human",
        owner_kind="human",
        assignee="Ana",
        ownership_number=2,
    )
    await world.neighbours.say(updated)
    await world.until("select true from conversations where ownership_number = 2")
    await world.neighbours.say(command)
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "stale_ownership"
    await world.neighbours.say(world.command("a person", seq=3, ownership_number=2))
    await world.neighbours.wait_for(MessageSent)
    assert [send.text for send in sends(world)] == ["a person"]


async def test_a_planned_answer_that_became_stale_is_not_sent(world: World) -> None:
    await world.configure()
    world.meta.faults.add({"kind": "error_code", "code": 131057})
    command = world.command("bot", ownership_number=1)
    await world.neighbours.say(command)
    await world.until_state(command.send_id, "planned")
    await world.neighbours.say(world.command("a person", seq=3, ownership_number=2))
    await world.until("select count(*) = 2 from sends")
    await world.value("update sends set next_attempt_at = now() where seq = 2 returning true")
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "stale_ownership"
    await world.neighbours.wait_for(MessageSent)
    assert [send.text for send in sends(world)] == ["a person"]


async def test_a_channel_without_token_or_service_is_said(world: World) -> None:
    await world.configure(sealed_credentials=None)
    await world.neighbours.say(world.command())
    (delayed,) = await world.neighbours.wait_for(MessageDelayed)
    assert (delayed.code, delayed.until) == ("token_missing", None)
    await world.configure("messenger", PAGE, state="disabled")
    await world.neighbours.say(world.command(channel_type="messenger"))
    (failed,) = await world.neighbours.wait_for(MessageFailed)
    assert failed.code == "channel_disabled"


async def test_a_web_answer_is_shown_by_gateway(world: World) -> None:
    await world.configure("webchat", "widget-key", sealed_credentials=None)
    command = world.command("**Hi**", channel_type="webchat", contact="visitor-1")
    await world.neighbours.say(command, command)
    (shown,) = await world.neighbours.wait_for(DeliverToVisitor)
    assert (shown.visitor_id, shown.message.text, shown.message.seq) == ("visitor-1", "**Hi**", 2)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    assert sent.send_id == command.send_id
    assert sends(world) == []


async def test_messenger_goes_out_and_comes_back(world: World) -> None:
    await world.configure("messenger", PAGE)
    world.meta.later.delays_seconds = {"delivered": 0.05, "read": 0.1}
    command = world.command("Hi", channel_type="messenger", contact="psid-1")
    await world.neighbours.say(command)
    (sent,) = await world.neighbours.wait_for(MessageSent)
    (send,) = sends(world)
    assert (send.sender, send.recipient, send.text) == (PAGE, "psid-1", "Hi")
    assert sent.provider_message_ids == [send.message_id]
    await world.until("select true from sends where delivery_status in ('delivered', 'read')")
    await world.post(
        messenger_bodies.body_of(PAGE, [messenger_bodies.read(PAGE, "psid-1")]),
        channel_type="messenger",
    )
    await world.until("select true from sends where delivery_status = 'read'")


async def test_an_echo_proves_an_unread_answer(world: World) -> None:
    await world.configure("messenger", PAGE)
    world.meta.faults.add({"kind": "unread_answer"})
    command = world.command("Hi", channel_type="messenger", contact="psid-1")
    await world.neighbours.say(command)
    await world.until("select true from delivery_statuses where not joined")
    await world.value(
        "update sends set attempting_since = now() - interval '1 minute' returning true"
    )
    await world.neighbours.wait_for(MessageSent)
    assert len(sends(world)) == 1
